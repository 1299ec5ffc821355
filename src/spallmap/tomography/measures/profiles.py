"""Grey values along lines across a sheet, read from the volume only where sheets are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, map_blocks, read_padded
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.labels import CERAMIC, VOID

# The deficit is summed this far to both sides: half of three voxels and three standard deviations of the
# blur.
WINDOW_VOXELS = 4.0
# Between the window and this distance the profile shows the ceramic's own grey.
SHOULDER_VOXELS = 7.0
# Sampling along the normal.
STEP_VOXELS = 0.5
# Fewer clean samples on the shoulders do not show the ceramic's grey.
MIN_SHOULDER = 3
# A profile's reach, the interpolation's two voxels and one for what a sample may not touch.
HALO_VOXELS = 10
# Edge of the blocks that are read: with the halo 1.5 times as much.
TILE_VOXELS = 128

PoreMask = Callable[[Region], NDArray[np.bool_]]


def profile_offsets() -> NDArray[np.float64]:
    """Return the positions of a profile's samples along the normal, in voxels.

    Returns
    -------
    ndarray, shape (29,)
        From -7 to 7 by a half.
    """
    n = round(SHOULDER_VOXELS / STEP_VOXELS)
    offsets: NDArray[np.float64] = np.arange(-n, n + 1, dtype=np.float64) * STEP_VOXELS
    return offsets


def sample_profiles(
    grey: Sliceable,
    labels: Sliceable,
    pores: PoreMask,
    index: NDArray[np.int64],
    step: NDArray[np.float64],
    threads: int = 1,
) -> NDArray[np.float32]:
    """Sample the missing fraction of the contrast between ceramic and air along lines across a sheet.

    Between voxels, cubic convolution is used: it widens a profile by nothing to second order, whatever the
    line's direction. Relative to the ceramic beside the sheet, cupping cancels.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.
    pores : callable
        Round voids with their rims in a region.
    index : ndarray of int, shape (n, 3)
        Voxels (z, y, x) that the lines go through.
    step : ndarray, shape (n, 3)
        One voxel along each line.
    threads : int
        Threads to read and sample with.

    Returns
    -------
    ndarray of float32, shape (n, 29)
        The missing fraction at :func:`profile_offsets`; NaN where a sample is not in clean ceramic.

    References
    ----------
    Keys, Cubic convolution interpolation for digital image processing, IEEE Transactions on Acoustics,
    Speech, and Signal Processing 29 (1981).
    """
    out = np.full((len(index), len(profile_offsets())), np.nan, dtype=np.float32)
    tile = np.ravel_multi_index(
        tuple((index // TILE_VOXELS).T), tuple(n // TILE_VOXELS + 1 for n in grey.shape)
    )
    order = np.argsort(tile, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(tile[order])) + 1)

    def work(rows: NDArray[np.int64]) -> None:
        low, high = index[rows].min(axis=0), index[rows].max(axis=0) + 1
        z, y, x = (slice(int(a), int(e)) for a, e in zip(low, high, strict=True))
        region = (z, y, x)
        values = np.ascontiguousarray(read_padded(grey, region, HALO_VOXELS))
        phases = read_padded(labels, region, HALO_VOXELS)
        blocked = (phases != CERAMIC) & (phases != VOID)
        blocked |= _padded_pores(pores, region, grey.shape)
        local = (index[rows] - low + HALO_VOXELS).astype(np.float64)
        out[rows] = _sample(values, blocked, local, step[rows], profile_offsets())

    for _ in map_blocks(work, groups if len(index) else [], threads):
        pass
    return out


def _padded_pores(pores: PoreMask, region: Region, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    class _Mask:
        def __init__(self) -> None:
            self.shape, self.dtype = shape, np.dtype(bool)

        def __getitem__(self, part: Region, /) -> NDArray[Any]:
            return pores(part)

    return read_padded(_Mask(), region, HALO_VOXELS)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _keys(f: float, out: NDArray[np.float64]) -> None:
    """Weights of the voxels at -1, 0, 1 and 2 for a point at f between 0 and 1."""
    out[0] = ((-0.5 * f + 1.0) * f - 0.5) * f
    out[1] = (1.5 * f - 2.5) * f * f + 1.0
    out[2] = ((-1.5 * f + 2.0) * f + 0.5) * f
    out[3] = (0.5 * f - 0.5) * f * f


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _sample(
    grey: NDArray[Any],
    blocked: NDArray[np.bool_],
    index: NDArray[np.float64],
    step: NDArray[np.float64],
    offsets: NDArray[np.float64],
) -> NDArray[np.float32]:
    n, m = index.shape[0], offsets.size
    out = np.full((n, m), np.nan, dtype=np.float32)
    wz, wy, wx = np.empty(4), np.empty(4), np.empty(4)
    values = np.empty(m)
    usable = np.empty(m, dtype=np.bool_)
    shoulder = np.empty(m)
    for i in range(n):
        found = 0
        for k in range(m):
            z = index[i, 0] + offsets[k] * step[i, 0]
            y = index[i, 1] + offsets[k] * step[i, 1]
            x = index[i, 2] + offsets[k] * step[i, 2]
            a, b, c = int(np.floor(z + 0.5)), int(np.floor(y + 0.5)), int(np.floor(x + 0.5))
            clean = True
            # What lies nearer than 1.5 voxels: neighbours by face and by edge.
            for p in (-1, 0, 1):
                for q in (-1, 0, 1):
                    for r in (-1, 0, 1):
                        if p * p + q * q + r * r <= 2 and blocked[a + p, b + q, c + r]:
                            clean = False
            usable[k] = clean
            if not clean:
                continue
            a, b, c = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
            _keys(z - a, wz)
            _keys(y - b, wy)
            _keys(x - c, wx)
            total = 0.0
            for p in range(4):
                for q in range(4):
                    row = 0.0
                    for r in range(4):
                        row += wx[r] * grey[a + p - 1, b + q - 1, c + r - 1]
                    total += wz[p] * wy[q] * row
            values[k] = total
            if abs(offsets[k]) > WINDOW_VOXELS:
                shoulder[found] = total
                found += 1
        # Half-samples are enough: a shoulder is flat, and the median leaves a pore or a second sheet aside.
        base = float(CERAMIC_GREY)
        if found >= MIN_SHOULDER:
            base = np.median(shoulder[:found])
        for k in range(m):
            if usable[k]:
                out[i, k] = (base - values[k]) / (base - AIR_GREY)
    return out
