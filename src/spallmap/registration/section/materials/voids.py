"""Voids in the ceramic of a section: pores, and cracks that are open or filled with sodium."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import median_abs_deviation
from skimage.filters import apply_hysteresis_threshold, sato

from spallmap.registration.section.materials.masks import large, near, touching

# A void's pixel is this dark between ceramic (0) and nothing (1), and this many robust standard deviations
# darker than the ceramic's grains.
SEED_DARKNESS = 0.45
SEED_SIGMAS = 5.0
# A void's rim is what is darker than the grains by this much, within this reach around.
RIM_SIGMAS = 2.0
RIM_UM = 6.0
# A void lies this deep at least somewhere: the ceramic's own outline is half dark as well.
SEED_DEPTH_UM = 5.0
# Least spread of the grains' greys, as a fraction of all contrast: clipped and rounded greys show none at
# all.
LEAST_SPREAD = 0.02
# Robust standard deviations within which grains' greys lie.
GRAIN_SIGMAS = 4.0
# What is darker than the grains, and this large, is a crack that sodium fills.
INCLUSION_UM2 = 120.0
# So is a dark line: ridge strength in robust standard deviations of the ceramic's grey where a line is seen.
LINE_STRENGTH = 1.0
# Ridge strength where a line goes on; boundaries between grains reach 0.6.
LINE_CONTINUED = 0.7
# Least diagonal of a line's box.
LINE_UM = 50.0
# Distance along a line within which its darkest pixel is as full as it is.
LINE_REACH_UM = 10.0
# Widths of lines.
LINE_SIGMAS_PX = (1.0, 1.5)
# Darkness in the tomogram of a crack that sodium fills.
SODIUM_DARKNESS = 0.75
# Pixels that the darkest grey is taken from.
DARKEST_PIXELS = 20


@dataclass(frozen=True)
class _Greys:
    """What the ceramic looks like.

    Parameters
    ----------
    ceramic, spread : float
        Median, and robust standard deviation by grains and noise.
    nothing : float
        Grey of what is empty: the darkest that the image shows.
    """

    ceramic: float
    spread: float
    nothing: float


def _measure_greys(
    grey: NDArray[np.float32],
    smooth: NDArray[np.float32],
    ceramic: NDArray[np.bool_],
    valid: NDArray[np.bool_],
) -> _Greys:
    """Measure the ceramic's greys in an image and its median-filtered copy, arrays (rows, columns)."""
    middle, spread = robust_spread(grey[ceramic])
    seen = smooth[valid]
    darkest = np.partition(seen, DARKEST_PIXELS)[:DARKEST_PIXELS] if seen.size > DARKEST_PIXELS else seen
    nothing = float(darkest.mean())
    return _Greys(middle, max(spread, LEAST_SPREAD * (middle - nothing)), nothing)


def robust_spread(values: NDArray[np.float32]) -> tuple[float, float]:
    """Median, and the median absolute deviation as a normal distribution's standard deviation."""
    return float(np.median(values)), 1.4826 * float(median_abs_deviation(values))


def void_fraction(
    grey: NDArray[np.float32],
    smooth: NDArray[np.float32],
    ceramic: NDArray[np.bool_],
    valid: NDArray[np.bool_],
    spacing_um: tuple[float, float],
) -> NDArray[np.float32]:
    """Fraction of each pixel that is void, as a tomogram would show it.

    Pores are not thresholded: a pixel that is half a pore is half as dark, and the many pores of a few pixels
    that distinguish one plane from another would be lost or rounded.

    Parameters
    ----------
    grey : ndarray of float32, shape (rows, columns)
        The image, without a filter.
    smooth : ndarray of float32, shape (rows, columns)
        The same after a median filter.
    ceramic : ndarray of bool, shape (rows, columns)
        The ceramic with its voids.
    valid : ndarray of bool, shape (rows, columns)
        Where the image shows the specimen.
    spacing_um : tuple of float
        Row and column spacing.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        0 outside the ceramic.
    """
    greys = _measure_greys(grey, smooth, ceramic, valid)
    span = greys.ceramic - greys.nothing
    if not span > SEED_SIGMAS * greys.spread:
        return np.zeros(grey.shape, dtype=np.float32)
    darkness = np.clip((greys.ceramic - grey) / span, 0.0, 1.0)
    grain = greys.spread / span
    # The rim of the picture is not the ceramic's surface.
    outline = near(~ceramic & valid, SEED_DEPTH_UM, spacing_um)
    core = ceramic & (darkness > max(SEED_DARKNESS, SEED_SIGMAS * grain))
    core = touching(core, core & ~outline)
    pores = core | (near(core, RIM_UM, spacing_um) & ceramic & (darkness > RIM_SIGMAS * grain))
    fraction = np.where(pores, darkness, 0.0)
    smooth_darkness = (greys.ceramic - smooth) / span
    patches = ceramic & ~pores & (smooth_darkness > GRAIN_SIGMAS * grain)
    patches = touching(patches, patches & ~outline)
    patches = large(patches, INCLUSION_UM2 / (spacing_um[0] * spacing_um[1]))
    fraction = np.where(patches, SODIUM_DARKNESS, fraction)
    level = np.where(ceramic, np.minimum(grey, greys.ceramic + GRAIN_SIGMAS * greys.spread), greys.ceramic)
    lines = _lines(level / greys.spread, ceramic & ~outline, spacing_um)
    return np.maximum(fraction, _line_fraction(lines, darkness, spacing_um)).astype(np.float32)


def _lines(
    level: NDArray[np.floating[Any]], inside: NDArray[np.bool_], spacing_um: tuple[float, float]
) -> NDArray[np.bool_]:
    """Long dark lines.

    References
    ----------
    Sato et al., "Three-dimensional multi-scale line filter for segmentation and visualization of curvilinear
    structures in medical images", Medical Image Analysis 2 (1998).
    """
    ridge = sato(level, sigmas=LINE_SIGMAS_PX, black_ridges=True) * inside
    lines = apply_hysteresis_threshold(ridge, LINE_CONTINUED, LINE_STRENGTH)
    labels, _ = ndimage.label(lines, np.ones((3, 3)))
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        extent = [(side.stop - side.start) * step for side, step in zip(box, spacing_um, strict=True)]
        if np.hypot(*extent) < LINE_UM:
            lines[box][labels[box] == number] = False
    found: NDArray[np.bool_] = lines
    return found


def _line_fraction(
    lines: NDArray[np.bool_], darkness: NDArray[np.float32], spacing_um: tuple[float, float]
) -> NDArray[np.float32]:
    """Fraction of void along lines: their own darkness, and where that is less than sodium's, sodium's.

    Whether a line narrower than a pixel is open or filled cannot be seen from one grey; it counts as filled.
    """
    reach = [2 * math.ceil(LINE_REACH_UM / step) + 1 for step in spacing_um]
    own = np.where(lines, darkness, 0.0)
    # A crack is filled here and open there: what is full is seen nearby.
    full = ndimage.maximum_filter(own, reach)
    filled = np.divide(own * SODIUM_DARKNESS, full, out=np.zeros_like(own), where=full > 0.0)
    return np.maximum(filled, own)
