"""Volumes of noise, and what an independent library makes of them."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

SHAPE = (150, 71, 90)


def random_volume(dtype: str, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    rng = np.random.default_rng(23)
    if np.dtype(dtype).kind == "f":
        return (rng.standard_normal(shape) * 1000).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def halved_by_scipy(fine: np.ndarray) -> np.ndarray:
    """Binomial smoothing of the whole volume, then every second sample."""
    coarse = fine.astype(np.float32)
    for axis in range(3):
        smooth = ndimage.correlate1d(coarse, np.array([0.25, 0.5, 0.25]), axis=axis, mode="nearest")
        coarse = smooth[tuple(slice(None, None, 2 if a == axis else 1) for a in range(3))]
    return (np.rint(coarse) if fine.dtype.kind in "ui" else coarse).astype(fine.dtype)


def levels_by_scipy(volume: np.ndarray) -> list[np.ndarray]:
    """Return the volume and its coarser levels, down to one that is smaller than 64 along every axis."""
    levels = [volume]
    while max(levels[-1].shape) >= 64:
        levels.append(halved_by_scipy(levels[-1]))
    return levels
