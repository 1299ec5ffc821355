"""The grids on which two ceramics are refined, and refinement from one to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import AffineMap, Points
from spallmap.registration.gauss_newton import Alignment, Field, Motion, align
from spallmap.registration.volume.ceramic import CeramicView

# Gaussian before gradients are taken, in samples: linear interpolation is then true to 1 %, and white noise
# falls to a tenth.
_SMOOTHING_SAMPLES = 1.0

# Points compared at each level; edges beyond that add time but hardly precision.
_MAX_POINTS = 60_000

# A point carries information where the smoothed deficit changes by at least this much over two samples;
# noise of a twentieth of the contrast, smoothed, changes by 0.01.
_EDGE_DEFICIT = 0.15


@dataclass(frozen=True)
class CeramicLevel:
    """One grid of the pyramid, ready for refinement."""

    field: Field
    points: Points
    basis: NDArray[np.float64]


def smooth(deficit: NDArray[np.float32], samples: float = _SMOOTHING_SAMPLES) -> NDArray[np.float32]:
    """Blur a deficit, as much as gradients need if nothing else is said."""
    smoothed: NDArray[np.float32] = ndimage.gaussian_filter(deficit, samples, mode="nearest")
    return smoothed


def edge_level(
    moving: CeramicView,
    fixed: CeramicView,
    factor: int,
    rng: np.random.Generator,
    within: NDArray[np.bool_] | None = None,
    smoothing: float = _SMOOTHING_SAMPLES,
) -> CeramicLevel:
    """Smooth both views on a coarser grid and choose the moving samples that lie on edges.

    The last level takes pores alone: an error of the blur moves a pore's two sides against each other, but
    the ceramic's outer faces all outwards, which looked like a scale of 0.06 %.
    """
    moving, fixed = moving.coarser(factor), fixed.coarser(factor)
    shown = smooth(moving.deficit, smoothing)
    field = Field(smooth(fixed.deficit, smoothing), fixed.spacing_um, fixed.origin_um, fixed.seen)
    near = ndimage.binary_dilation(moving.filled, iterations=2) if within is None else within
    if moving.seen is not None:
        near = near & moving.seen
    change = ndimage.maximum_filter(shown, 3) - ndimage.minimum_filter(shown, 3)
    mask = thinned(near & (change > _EDGE_DEFICIT), rng)
    return CeramicLevel(field, moving.points(mask), shown[mask].astype(np.float64)[:, None])


def thinned(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Keep so many of the chosen samples, at random, as add to the precision."""
    chosen = np.flatnonzero(mask)
    if chosen.size <= _MAX_POINTS:
        return mask
    kept = np.zeros(mask.size, dtype=bool)
    kept[rng.choice(chosen, _MAX_POINTS, replace=False)] = True
    return kept.reshape(mask.shape)


def refine(level: CeramicLevel, start: AffineMap, motion: Motion) -> Alignment:
    """Refine a pose on one level."""
    return align(level.field, level.points, level.basis, start, motion)


def through(levels: Sequence[CeramicLevel], start: AffineMap, motion: Motion) -> Alignment:
    """Refine from level to level, the coarsest first."""
    alignment = refine(levels[0], start, motion)
    for level in levels[1:]:
        alignment = refine(level, alignment.map, motion)
    return alignment
