"""Grey levels of a scan's phases, from the histogram and the shapes of a coarse copy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, signal, stats
from scipy.spatial import ConvexHull
from skimage.filters import threshold_otsu

# Bins between the 0.05 and 99.95 % quantiles; fine against the width of any phase's peak.
HISTOGRAM_BINS = 256
# A peak with less than this fraction of the samples around it is no phase.
MIN_PEAK_FRACTION = 0.002
# A peak must rise above its saddle by this fraction of its own height.
MIN_PEAK_PROMINENCE = 0.15
# The ceramic fills at least this fraction of the volume.
MIN_BODY_FRACTION = 0.01
# Filled volume over convex hull: a disc has about 0.95, a can or a casing ring below 0.5.
MIN_SOLIDITY = 0.7
# Robust sd inside the ceramic over the contrast to air; cupping of a quarter of the grey still passes. A cut
# field with a bright rim, cupping and a joint had more than 0.12, a concrete's paste and aggregate 0.156.
MAX_SPREAD = 0.15
# The same without what a quadratic surface explains: a cut field with strong cupping had 0.18 before and 0.06
# after; the concrete's paste and aggregate lie side by side, and no surface explains them.
MAX_ROUGHNESS = 0.1
# Filled volume over the body's own: cracks and pores are some percent, the hole of a ring is more.
MAX_HOLES = 1.2
# A body stands by itself if it holds this fraction of what it hangs together with; an arc of a ring holds
# less.
MIN_CORE_FRACTION = 0.6
# Sodium must stand out from air by this fraction of the contrast between air and ceramic.
MIN_SODIUM_STEP = 0.05


def phase_peaks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Find the grey values of the histogram's peaks.

    Parameters
    ----------
    values : ndarray of float32
        Grey values.

    Returns
    -------
    ndarray
        The peaks from dark to bright.
    """
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


def mirrored_median(values: NDArray[np.float32], peak: float, limit: float) -> float:
    """Find the median of the darkest phase, whose bright flank is cut at its mirrored dark end.

    Parameters
    ----------
    values : ndarray of float32
        Grey values.
    peak : float
        Where its peak lies.
    limit : float
        Brighter values belong to the next phase.

    Returns
    -------
    float
        The median.
    """
    dark_end = float(np.quantile(values, 0.001))
    return float(np.median(values[values <= min(limit, 2.0 * peak - dark_end)]))


def ceramic_body(
    coarse: NDArray[np.float32], peaks: NDArray[np.float64], air: float
) -> NDArray[np.bool_] | None:
    """Find the filled body of the brightest phase that looks like a ceramic.

    Parameters
    ----------
    coarse : ndarray of float32, shape (nz, ny, nx)
        Coarse copy of the volume.
    peaks : ndarray
        Grey values of its phases, from dark to bright.
    air : float
        Grey of air.

    Returns
    -------
    ndarray of bool or None
        The body, None where no phase forms one.
    """
    smooth = ndimage.gaussian_filter(coarse, 0.7)
    for k in range(len(peaks) - 1, 0, -1):
        above = smooth > (air + peaks[k]) / 2.0
        if k + 1 < len(peaks):
            # A denser casing is cut off; its blurred rim is thin and goes with the opening.
            above &= smooth < (peaks[k] + peaks[k + 1]) / 2.0 + 0.25 * (peaks[k] - air)
        body = _largest_solid(above)
        if body is not None and is_ceramic(coarse, body, air):
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
    seed = labels == sizes.argmax()
    core = ndimage.binary_dilation(seed, element) & mask
    # Something thin that touches the body is no part of it: one erosion takes it off.
    shell = np.ones(2 * np.minimum(1, depth) + 1, dtype=bool)
    joined, _ = ndimage.label(ndimage.binary_erosion(mask, shell, border_value=1))
    whole = joined == joined[seed][0]
    if np.count_nonzero(core & whole) < MIN_CORE_FRACTION * np.count_nonzero(whole):
        # Pieces of a broken ceramic are solid together, arcs of a ring are not.
        core = ndimage.binary_dilation(whole & (labels > 0), element) & mask
    filled = np.stack([ndimage.binary_fill_holes(plane) for plane in core])
    return filled if holes_are_small(core, filled) else None


def holes_are_small(core: NDArray[np.bool_], filled: NDArray[np.bool_]) -> bool:
    """Say whether what was filled of a body can be cracks and pores: filling a ring makes a disc of it.

    Parameters
    ----------
    core, filled : ndarray of bool
        The body without and with its holes.

    Returns
    -------
    bool
        Whether it can.
    """
    return bool(np.count_nonzero(filled) < MAX_HOLES * np.count_nonzero(core))


def is_ceramic(coarse: NDArray[np.float32], body: NDArray[np.bool_], air: float) -> bool:
    """Say whether a body looks like a ceramic: large, homogeneous and solid.

    Parameters
    ----------
    coarse : ndarray of float32, shape (nz, ny, nx)
        Coarse copy of the volume.
    body : ndarray of bool
        The body.
    air : float
        Grey of air.

    Returns
    -------
    bool
        Whether it does.
    """
    n = np.count_nonzero(body)
    if n < MIN_BODY_FRACTION * body.size:
        return False
    values = coarse[body]
    contrast = float(np.median(values)) - air
    if (
        _robust_sd(values) > MAX_SPREAD * contrast
        and _robust_sd(_without_shading(values, np.argwhere(body))) > MAX_ROUGHNESS * contrast
    ):
        return False
    rim = body & ~ndimage.binary_erosion(body)
    points = np.argwhere(rim).astype(np.float64)
    if np.any(np.ptp(points, axis=0) == 0):
        return False
    hull = ConvexHull(np.concatenate([points - 0.5, points + 0.5]))
    return bool(n >= MIN_SOLIDITY * float(hull.volume))


def _robust_sd(values: NDArray[np.floating[Any]]) -> float:
    """Median absolute deviation, as a normal distribution's standard deviation."""
    return 1.4826 * float(stats.median_abs_deviation(values))


def _without_shading(values: NDArray[np.float32], index: NDArray[np.intp]) -> NDArray[np.float64]:
    """Take off the quadratic surface that explains most of the values at some voxels: cupping is smooth."""
    place = 2.0 * (index - index.min(axis=0)) / np.maximum(np.ptp(index, axis=0), 1) - 1.0
    products = [place[:, a] * place[:, b] for a in range(3) for b in range(a, 3)]
    design = np.column_stack([np.ones(len(place)), place, *products])
    return np.asarray(values - design @ np.linalg.lstsq(design, values, rcond=None)[0], dtype=np.float64)


def sodium_level(
    coarse: NDArray[np.float32], body: NDArray[np.bool_], air: float, ceramic: float
) -> float | None:
    """Find the grey of what lies above and below the ceramic besides air.

    Parameters
    ----------
    coarse : ndarray of float32, shape (nz, ny, nx)
        Coarse copy of the volume.
    body : ndarray of bool
        The ceramic.
    air, ceramic : float
        Grey of these phases.

    Returns
    -------
    float or None
        None where nothing stands out from air.
    """
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
