"""A common grey scale for all scans, set by two reference phases: air and ceramic."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal
from scipy.spatial import ConvexHull
from skimage.filters import threshold_otsu

from spallmap.errors import InputError

AIR_GREY = 10_000
"""Where air comes to lie on the common scale; room below it keeps the noise from being cut off."""
CERAMIC_GREY = 50_000
"""Where the ceramic comes to lie; the room above holds noise, cupping and denser casings."""
MAX_COARSE_VOXELS = 2_000_000
"""The levels are sought on a block-averaged copy of at most about this size: it also averages the noise."""
HISTOGRAM_BINS = 256
"""Bins between the 0.05 and 99.95 % quantiles; fine against the width of any phase's peak."""
MIN_PEAK_FRACTION = 0.002
"""A peak with less than this share of the samples around it is no phase."""
MIN_PEAK_PROMINENCE = 0.15
"""A peak must rise above its saddle by this share of its own height."""
MIN_BODY_FRACTION = 0.01
"""The ceramic fills at least this share of the volume."""
MIN_SOLIDITY = 0.7
"""Filled volume over convex hull: a disc has about 0.95, a can or a casing ring below 0.5."""
MAX_SPREAD = 0.12
"""Robust sd inside the ceramic over the contrast to air; cupping of a quarter of the grey still passes."""
MIN_SODIUM_STEP = 0.05
"""Sodium must stand out from air by this share of the contrast between air and ceramic."""
PADDING_FRACTION = 0.005
"""The least grey value, held by more voxels than this share, is taken for padding or clipping, not for
air."""


@dataclass(frozen=True)
class GreyScale:
    """The linear map from a scan's grey values to the common scale.

    Parameters
    ----------
    air_level, ceramic_level : float
        Median grey of the two reference phases in the scan.
    sodium_level : float or None
        Grey of what fills the columns above and below the ceramic besides air; None where nothing does.
    noise_sd : float
        Standard deviation of neighbouring voxels' noise inside the ceramic, in the scan's grey values.
    """

    air_level: float
    ceramic_level: float
    sodium_level: float | None
    noise_sd: float

    @property
    def gain(self) -> float:
        """Common grey values per grey value of the scan."""
        return (CERAMIC_GREY - AIR_GREY) / (self.ceramic_level - self.air_level)

    def apply(self, volume: NDArray[Any]) -> NDArray[np.uint16]:
        """Bring a volume to the common scale.

        Parameters
        ----------
        volume : ndarray
            Grey values of the scan that the scale was made from.

        Returns
        -------
        ndarray of uint16
            Air at :data:`AIR_GREY`, ceramic at :data:`CERAMIC_GREY`; values beyond the type's range are
            clipped.
        """
        out = np.empty(volume.shape, dtype=np.uint16)
        for source, target in zip(_slabs(volume), _slabs(out), strict=True):
            scaled = (source.astype(np.float32) - self.air_level) * self.gain + AIR_GREY
            target[...] = np.clip(np.rint(scaled), 0, np.iinfo(np.uint16).max)
        return out


def common_grey(volume: NDArray[Any], place: str = "tomogram") -> GreyScale:
    """Find the grey levels of air and ceramic.

    The ceramic is the brightest phase that forms one solid, homogeneous body; air is the darkest phase.
    Both levels are medians over the phase's own voxels, so that neither the amount of a phase nor cupping
    moves them differently in two scans of the same cell.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        Grey values of any real type.
    place : str
        What to call the volume in an error.

    Returns
    -------
    GreyScale
        The levels.

    Raises
    ------
    InputError
        If the volume is not three-dimensional, holds NaN or infinity, is constant, or shows no ceramic.
    """
    _check(volume, place)
    coarse, factor = _block_mean(volume)
    valid = _not_padding(volume, coarse, factor)
    peaks = _phase_peaks(coarse[valid])
    if len(peaks) < 2:
        raise InputError(place, "a single grey phase", "air and a ceramic that is brighter")
    air = _mirrored_median(coarse[valid], peaks[0], (peaks[0] + peaks[1]) / 2.0)
    body = _ceramic_body(coarse, peaks, air)
    if body is None:
        raise InputError(
            place,
            "no ceramic: no bright phase forms one solid, homogeneous body",
            "a tomogram of a cell with a ceramic electrolyte, brighter than sodium and air",
        )
    inner = ndimage.binary_erosion(body, iterations=2)
    ceramic = float(np.median(coarse[inner if inner.any() else body]))
    return GreyScale(
        air_level=air,
        ceramic_level=ceramic,
        sodium_level=_sodium_level(coarse, body, air, ceramic),
        noise_sd=_noise_sd(volume, body, factor),
    )


def _check(volume: NDArray[Any], place: str) -> None:
    if volume.ndim != 3 or min(volume.shape) < 2:
        raise InputError(
            place, f"an array of shape {volume.shape}", "a volume of at least 2 voxels along z, y and x"
        )
    if volume.dtype.kind not in "iuf":
        raise InputError(place, f"values of type {volume.dtype}", "real grey values")
    if volume.dtype.kind == "f" and not all(np.isfinite(slab).all() for slab in _slabs(volume)):
        raise InputError(place, "NaN or infinite grey values", "finite grey values in every voxel")
    if volume.min() == volume.max():
        raise InputError(
            place, f"the same grey value {volume.flat[0]} everywhere", "a volume that shows something"
        )


def _slabs(volume: NDArray[Any]) -> Iterator[NDArray[Any]]:
    # Slabs keep the float copies small.
    for start in range(0, volume.shape[0], 16):
        yield volume[start : start + 16]


def _block_mean(volume: NDArray[Any]) -> tuple[NDArray[np.float32], tuple[int, int, int]]:
    """Average blocks; an axis of few samples is left as it is."""
    step = max(2, int(np.ceil((volume.size / MAX_COARSE_VOXELS) ** (1.0 / 3.0))))
    fz, fy, fx = (step if n >= 8 * step else 1 for n in volume.shape)
    nz, ny, nx = volume.shape[0] // fz, volume.shape[1] // fy, volume.shape[2] // fx
    coarse = np.empty((nz, ny, nx), dtype=np.float32)
    for k in range(nz):
        block = volume[k * fz : (k + 1) * fz, : ny * fy, : nx * fx].astype(np.float32)
        coarse[k] = block.mean(axis=0).reshape(ny, fy, nx, fx).mean(axis=(1, 3))
    return coarse, (fz, fy, fx)


def _not_padding(
    volume: NDArray[Any], coarse: NDArray[np.float32], factor: tuple[int, int, int]
) -> NDArray[np.bool_]:
    lowest = volume.min()
    share = np.count_nonzero(volume == lowest) / volume.size
    kept = coarse > float(lowest)
    if share <= PADDING_FRACTION or np.count_nonzero(kept) < 0.05 * coarse.size:
        return np.ones(coarse.shape, dtype=bool)
    return kept


def _phase_peaks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Grey values of the histogram's peaks, from dark to bright."""
    low, high = np.quantile(values, (0.0005, 0.9995))
    if low == high:
        return np.array([low], dtype=np.float64)
    counts, edges = np.histogram(values, bins=HISTOGRAM_BINS, range=(low, high))
    # Empty bins at both ends let a phase that lies at the end of the range be a peak.
    padded = np.pad(ndimage.gaussian_filter1d(counts.astype(np.float64), 2.0, mode="constant"), 8)
    found, info = signal.find_peaks(padded, prominence=1.0)
    mass = np.array([padded[max(p - 4, 0) : p + 5].sum() for p in found])
    keep = (mass >= MIN_PEAK_FRACTION * values.size) & (
        info["prominences"] >= MIN_PEAK_PROMINENCE * padded[found]
    )
    centres = (edges[:-1] + edges[1:]) / 2.0
    peaks: NDArray[np.float64] = centres[np.clip(found[keep] - 8, 0, HISTOGRAM_BINS - 1)]
    return peaks


def _mirrored_median(values: NDArray[np.float32], peak: float, limit: float) -> float:
    """Median of the phase whose dark flank is free: its bright flank is cut at the mirrored dark end."""
    dark_end = float(np.quantile(values, 0.001))
    return float(np.median(values[values <= min(limit, 2.0 * peak - dark_end)]))


def _ceramic_body(
    coarse: NDArray[np.float32], peaks: NDArray[np.float64], air: float
) -> NDArray[np.bool_] | None:
    """Find the filled body of the brightest phase that looks like a ceramic, or None."""
    smooth = ndimage.gaussian_filter(coarse, 0.7)
    for k in range(len(peaks) - 1, 0, -1):
        above = smooth > (air + peaks[k]) / 2.0
        if k + 1 < len(peaks):
            # A denser casing is cut off; its blurred rim is thin and goes with the opening.
            above &= smooth < (peaks[k] + peaks[k + 1]) / 2.0 + 0.25 * (peaks[k] - air)
        body = _largest_solid(above)
        if body is not None and _is_ceramic(coarse, body, air):
            return body
    return None


def _largest_solid(mask: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    depth = np.minimum(2, (np.array(mask.shape) - 1) // 4)
    element = np.ones(2 * depth + 1, dtype=bool)
    labels, n = ndimage.label(ndimage.binary_erosion(mask, element, border_value=1))
    if n == 0:
        return None
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    core = ndimage.binary_dilation(labels == sizes.argmax(), element) & mask
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in core])
    # Filling a ring would make a disc of it: only small holes are pores or cracks.
    return filled if np.count_nonzero(filled) < 1.2 * np.count_nonzero(core) else core


def _is_ceramic(coarse: NDArray[np.float32], body: NDArray[np.bool_], air: float) -> bool:
    n = np.count_nonzero(body)
    if n < MIN_BODY_FRACTION * body.size:
        return False
    values = coarse[body]
    level = float(np.median(values))
    spread = 1.4826 * float(np.median(np.abs(values - level)))
    if spread > MAX_SPREAD * (level - air):
        return False
    rim = body & ~ndimage.binary_erosion(body)
    points = np.argwhere(rim).astype(np.float64)
    if np.any(np.ptp(points, axis=0) == 0):
        return False
    hull = ConvexHull(np.concatenate([points - 0.5, points + 0.5]))
    return bool(n >= MIN_SOLIDITY * float(hull.volume))


def _sodium_level(
    coarse: NDArray[np.float32], body: NDArray[np.bool_], air: float, ceramic: float
) -> float | None:
    footprint = ndimage.binary_erosion(np.any(body, axis=0), iterations=4)
    far = ~ndimage.binary_dilation(body, iterations=3)
    values = coarse[far & footprint]
    values = values[values < (air + ceramic) / 2.0]
    if values.size < 100:
        return None
    step = MIN_SODIUM_STEP * (ceramic - air)
    split = float(threshold_otsu(values)) if np.ptp(values) > step else float(values.min())
    bright = values[values > split]
    level = float(np.median(bright)) if bright.size else float(np.median(values))
    return level if level - air > step else None


def _noise_sd(volume: NDArray[Any], body: NDArray[np.bool_], factor: tuple[int, int, int]) -> float:
    inner = ndimage.binary_erosion(body, iterations=2)
    index = np.argwhere(inner if inner.any() else body)
    index = index[:: max(1, len(index) // 100_000)] * np.array(factor)
    z, y, x = index.T
    step = np.where(x + 1 < volume.shape[2], 1, -1)
    difference = volume[z, y, x + step].astype(np.float64) - volume[z, y, x]
    return float(1.4826 * np.median(np.abs(difference - np.median(difference))) / np.sqrt(2.0))
