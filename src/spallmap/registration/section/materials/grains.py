"""Tells a polycrystalline ceramic from smooth matter by its grains, where greys do not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import sobel, threshold_otsu
from skimage.segmentation import watershed

from spallmap.registration.section.materials.masks import Mask, near

Maps = NDArray[np.float32]

# Distance over which the grey of grains changes: about one grain of the ceramics of sodium cells.
LAG_UM = 10.0
# Standard deviation of the neighbourhood that the contrast is averaged over.
REACH_UM = 20.0
# What is nearer to something dark shows its bright rim.
RIM_UM = 7.0
# Least weight of pairs in a neighbourhood, and least relative change that is told from none.
LEAST_SEEN = 0.02
LEAST_CHANGE = 1e-3
# Two kinds of matter: by how much their contrasts differ (logarithm) and how many times their spread that is;
# a single kind split in two has 2.7.
LEAST_APART = 0.35
LEAST_SEPARATION = 3.2
# Depth in a kind from which on its contrast is its own and not its neighbour's.
CORE_UM = 15.0
# Greys are overruled where this fraction of the kinds' cores contradicts them: up to 0.064 on 24 sections
# without a fault, 0.1 to 0.45 where an electrode was taken for ceramic or the reverse.
CONTRADICTED = 0.1


def ceramic_by_grains(
    grey: Maps, matter: Mask, ceramic: Mask, spacing_um: tuple[float, float]
) -> Mask | None:
    """Find the ceramic by its grains, where the greys have mistaken it.

    Secondary electrons show an electrode nearly as bright as the ceramic, and carbon of an earlier scan
    darkens the ceramic to an electrode's grey. Grains differ in brightness by their orientation all the same,
    and metal that was cut is smooth. The kinds meet where the grey changes most between their cores.

    Parameters
    ----------
    grey : ndarray of float32, shape (rows, columns)
        The image after a median filter.
    matter : ndarray of bool, shape (rows, columns)
        Where it is not dark.
    ceramic : ndarray of bool, shape (rows, columns)
        What the greys say.
    spacing_um : tuple of float
        Row and column spacing.

    Returns
    -------
    ndarray of bool, or None
        The ceramic; None where grains tell nothing, where what has more contrast is not the brighter, or
        where the greys are right.
    """
    contrast = grain_contrast(grey, matter, spacing_um)
    seen = np.isfinite(contrast)
    values = contrast[seen]
    if np.unique(values).size < 3:
        return None
    threshold = threshold_otsu(values)
    many, few = seen & (contrast >= threshold), seen & (contrast < threshold)
    if not _are_two(contrast[few], contrast[many]):
        return None
    cores = [core for core in (_core(few, spacing_um), _core(many, spacing_um)) if core.any()]
    if len(cores) < 2:
        return None
    smooth_core, grain_core = cores
    greys = [float(np.median(grey[core])) for core in cores]
    wrong = (grain_core & ~ceramic).sum() + (smooth_core & ceramic).sum()
    if greys[1] <= greys[0] or wrong <= CONTRADICTED * (grain_core.sum() + smooth_core.sum()):
        return None
    kinds = watershed(sobel(grey), smooth_core + 2 * grain_core.astype(np.int32), mask=matter)
    # A piece without a core shows its grey alone.
    alone = matter & (kinds == 0) & (grey > np.mean(greys))
    found: Mask = (kinds == 2) | alone
    return found


def grain_contrast(grey: Maps, matter: Mask, spacing_um: tuple[float, float]) -> Maps:
    """Measure how much the grey changes over the length of a grain.

    Parameters
    ----------
    grey : ndarray of float32, shape (rows, columns)
        An image of matter brighter than 0.
    matter : ndarray of bool, shape (rows, columns)
        Where it is not dark.
    spacing_um : tuple of float
        Row and column spacing.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        Mean logarithm of the relative change around, along rows or along columns, whichever is less: stripes
        change along one of them only. NaN where too little matter is seen.
    """
    inner = matter & ~near(~matter, RIM_UM, spacing_um)
    along = [_change(grey, inner, axis, spacing_um) for axis in range(2)]
    contrast: Maps = np.minimum(*along)
    return contrast


def _change(grey: Maps, inner: Mask, axis: int, spacing_um: tuple[float, float]) -> Maps:
    """Average the logarithm of the relative change along one axis, over pairs that are both seen."""
    half = max(1, round(LAG_UM / spacing_um[axis] / 2.0))
    padded = np.pad(grey, [(half, half) if k == axis else (0, 0) for k in range(2)], mode="edge")
    known = np.pad(inner, [(half, half) if k == axis else (0, 0) for k in range(2)])
    n = grey.shape[axis]
    before, after = (padded.take(range(first, first + n), axis) for first in (0, 2 * half))
    mean = (before + after) / 2.0
    both = inner & known.take(range(n), axis) & known.take(range(2 * half, 2 * half + n), axis) & (mean > 0.0)
    change = np.log(np.abs(after - before) / np.where(both, mean, 1.0) + LEAST_CHANGE)
    sigmas = [REACH_UM / s for s in spacing_um]
    weight = ndimage.gaussian_filter(both.astype(np.float32), sigmas)
    total = ndimage.gaussian_filter(np.where(both, change, 0.0).astype(np.float32), sigmas)
    found = np.full(grey.shape, np.nan, dtype=np.float32)
    return np.divide(total, weight, out=found, where=weight > LEAST_SEEN)


def _are_two(few: Maps, many: Maps) -> bool:
    """Whether two groups of contrasts are apart, and not one group split."""
    apart = float(many.mean() - few.mean())
    return apart > LEAST_APART and 2.0 * apart > LEAST_SEPARATION * float(many.std() + few.std())


def _core(kind: Mask, spacing_um: tuple[float, float]) -> Mask:
    """Return what lies well inside a kind; the picture's rim is no boundary."""
    core: Mask = kind & ~near(~kind, CORE_UM, spacing_um)
    return core
