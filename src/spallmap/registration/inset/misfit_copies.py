"""Known answers with an inset's own misfit: its position found again where that has other signs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from spallmap.frames import AffineMap, grid_points, points_to_indices
from spallmap.registration.gauss_newton import Alignment, Field, FloatArray, align
from spallmap.registration.inset.find_poses import FoundPoses
from spallmap.registration.inset.refine import score_of
from spallmap.registration.known_answers import KnownAnswers, known_answers, own_error_um
from spallmap.registration.verdict import mean_difference_um

# What is registered, for the report.
MADE_OF = "overviews with the misfit's signs changed"
# Copies that are made.
COPIES = 6
# Points compared in a copy: enough for some hundredths of a sample.
POINTS = 2_500
# Blocks along the inset's longer side whose misfit gets a sign of its own.
BLOCKS_ACROSS = 8
# Where a copy is refined from, beside its position along the direction that its edges determine least.
STARTS_SAMPLES = (-7.0, -2.0, 2.0, 7.0)
# Other places that are tried for each copy, and from which distance on a place is another one.
RIVALS = 2
DIFFERENT_SAMPLES = 3.0


def misfit_answers(found: FoundPoses, unit_um: float, rng: np.random.Generator) -> KnownAnswers:
    """Find an inset again in overviews that differ from it as much as its own, but otherwise.

    What the mixture leaves of the overview (chips, grains, charging, rims) gets a random sign in each block:
    it keeps its strength, its grain and where it lies. The place of each copy is the one that was found.
    This is a wild bootstrap by blocks (Wu 1986; Cameron, Gelbach and Miller 2008) that knows of other minima.

    Parameters
    ----------
    found : FoundPoses
        Where the inset was found.
    unit_um : float
        Spacing of the coarser image.
    rng : numpy.random.Generator
        Draws signs and points.

    Returns
    -------
    KnownAnswers
        One error for each copy.
    """
    best, refinement = found.best, found.refinement
    comparison, few = refinement.comparison, refinement.few
    points, pictures = refinement.sample
    chosen = rng.permutation(len(points))[:POINTS]
    points, pictures = points[chosen], pictures[chosen]
    starts = _starts(found, unit_um)
    rest, field = refinement.rest(best), comparison.field
    step = comparison.pictures.spacing_um
    across = max(rest.shape) / BLOCKS_ACROSS
    block = tuple(np.floor(np.indices(rest.shape) / across).astype(np.intp))
    explained = field.values - _laid(rest, step, field, best.map)
    errors = []
    for _ in range(COPIES):
        signs = rng.choice([-1.0, 1.0], tuple(int(b.max()) + 1 for b in block))
        changed = explained + _laid(rest * signs[block], step, field, best.map)
        copy = replace(field, values=changed.astype(np.float32))
        ends = [align(copy, points, pictures, start, refinement.motion) for start in starts]
        won = max(ends, key=score_of)
        errors.append(own_error_um(won.map, best.map, few))
    return known_answers(errors, made_of=MADE_OF)


def _starts(found: FoundPoses, unit_um: float) -> list[AffineMap]:
    """List where a copy is refined from: beside the place, and at its rivals."""
    best, refinement = found.best, found.refinement
    starts = refinement.beside(best, [s * unit_um for s in STARTS_SAMPLES])
    others: list[Alignment] = []
    for end in found.ends:
        maps = [best.map, *(other.map for other in others)]
        apart = min(mean_difference_um(end.map, m, refinement.few) for m in maps)
        if apart >= DIFFERENT_SAMPLES * unit_um and len(others) < RIVALS:
            others.append(end)
    return [*starts, *(other.map for other in others)]


def _laid(rest: FloatArray, step_um: float, field: Field, to_field: AffineMap) -> FloatArray:
    """Lay an image on the inset's grid over the overview's grid, 0 beside it."""
    points = grid_points(field.values.shape, field.spacing_um)
    indices = np.moveaxis(points_to_indices(to_field.inverse()(points), (step_um, step_um)), -1, 0)
    laid: FloatArray = ndimage.map_coordinates(rest, indices, order=1, mode="constant")
    return laid
