"""Refines poses of an inset in its overview by Gauss-Newton, from many starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.linalg import eigh

from spallmap.frames import AffineMap, Points, grid_points
from spallmap.registration.gauss_newton import Alignment, FloatArray, Motion, align
from spallmap.registration.inset.contrast import Comparison
from spallmap.registration.verdict import Candidate

# Points compared in refinement: a hundredth of a sample is reached with them where there is no noise.
_MAX_POINTS = 8_000

# Points that distances between poses, extents and errors are taken over.
_FEW_POINTS = 300

# Restarts along the least determined direction, in samples: along a crack there are false minima.
_SLIDES_SAMPLES = (-9.0, -4.0, -1.5, 1.5, 4.0, 9.0)


def score_of(alignment: Alignment) -> float:
    """Multiple correlation; what lies beside the overview counts as unexplained."""
    return float(np.sqrt(alignment.coverage)) * alignment.correlation


def candidate_of(alignment: Alignment) -> Candidate:
    """Return where an alignment ended with its score."""
    return Candidate(alignment.map, score_of(alignment))


@dataclass(frozen=True)
class Refinement:
    """Gauss-Newton from many starts on one comparison.

    Parameters
    ----------
    comparison : Comparison
        Inset and overview on their grids.
    motion : Motion
        The degrees of freedom.
    seed : int
        Draws the points that are compared, where there are more than enough.
    """

    comparison: Comparison
    motion: Motion
    seed: int

    @cached_property
    def chosen(self) -> NDArray[np.intp]:
        """Which of the inset's points are compared."""
        return self._drawn(_MAX_POINTS)

    def _drawn(self, most: int) -> NDArray[np.intp]:
        """Draw some of the inset's points: every n-th may all lie in a few columns."""
        n = int(np.count_nonzero(self.comparison.pictures.mask))
        if n <= most:
            return np.arange(n)
        # Another stream than the one that cuts the known answers.
        return np.sort(np.random.default_rng(self.seed ^ 1).choice(n, most, replace=False))

    @cached_property
    def sample(self) -> tuple[Points, FloatArray]:
        """Points and pictures that are compared."""
        points, pictures = self.comparison.points()
        return points[self.chosen], pictures[self.chosen]

    @cached_property
    def few(self) -> Points:
        """Some points of the inset, to measure distances between poses."""
        few: Points = self.comparison.points()[0][self._drawn(_FEW_POINTS)]
        return few

    def run(self, starts: Sequence[AffineMap]) -> list[Alignment]:
        """Refine every start; the best first."""
        points, pictures = self.sample
        ends = [align(self.comparison.field, points, pictures, s, self.motion) for s in starts]
        return sorted((e for e in ends if e.coverage > 0.0), key=lambda a: -score_of(a))

    def slide(self, ends: list[Alignment], unit_um: float) -> list[Alignment]:
        """Restart beside the best end, along the direction that the edges determine least."""
        for _ in range(2):
            best = ends[0]
            starts = self.beside(best, [step * unit_um for step in _SLIDES_SAMPLES])
            ends = sorted([*ends, *self.run(starts)], key=lambda a: -score_of(a))
            if ends[0] is best:
                break
        return ends

    def beside(self, end: Alignment, distances_um: Sequence[float]) -> list[AffineMap]:
        """Return maps moved along the direction that the edges determine least, by mean distances."""
        arms = self.motion.jacobian(end.map(self.few), end.centre)
        metric = np.einsum("nip,niq->pq", arms, arms) / arms.shape[0]
        information = end.jacobian.T @ (end.jacobian * end.weight[:, None])
        # Scaled so that one unit moves the points by one micrometre on average.
        weakest = eigh(information, metric)[1][:, 0]
        return [self.motion.map(weakest * distance, end.centre) @ end.map for distance in distances_um]

    def _mixing(self, end: Alignment) -> tuple[NDArray[np.bool_], FloatArray, FloatArray, FloatArray]:
        """Return which points lie inside, their pictures, root weights and the mixture's coefficients."""
        points, basis = self.sample
        inside = self.comparison.field.values_at(end.map(points))[1]
        design = np.column_stack([basis[inside], np.ones(int(inside.sum()))])
        root = np.sqrt(end.weight)
        mixing = np.linalg.lstsq(design * root[:, None], end.fixed * root, rcond=None)[0]
        return inside, design, root, mixing

    def _mixed(self, mixing: FloatArray) -> FloatArray:
        mixed: FloatArray = np.tensordot(mixing[:-1], self.comparison.pictures.values, axes=1) + mixing[-1]
        return mixed

    def rest(self, end: Alignment) -> FloatArray:
        """Return what the mixture leaves of the overview on the inset's grid, 0 where either is masked."""
        mask = self.comparison.pictures.mask
        step = self.comparison.pictures.spacing_um
        points = grid_points(mask.shape, (step, step)).reshape(-1, 3)
        seen, inside = self.comparison.field.values_at(end.map(points))
        left = seen.reshape(mask.shape) - self._mixed(self._mixing(end)[3])
        rest: FloatArray = np.where(mask & inside.reshape(mask.shape), left, 0.0)
        return rest

    def steepness(self, end: Alignment) -> FloatArray:
        """Return how steep the mixture is on the inset's grid."""
        steep: FloatArray = ndimage.gaussian_gradient_magnitude(self._mixed(self._mixing(end)[3]), 1.0)
        return steep

    def own_jacobian(self, end: Alignment) -> FloatArray:
        """Return the derivative of the mixture by the motion, freed of changes of the mixture, (n, p).

        The overview's gradient holds its noise, which looks like information along an edge; the mixture's
        is nearly free of it.
        """
        mask = self.comparison.pictures.mask
        step = self.comparison.pictures.spacing_um
        inside, design, root, mixing = self._mixing(end)
        mixed = self._mixed(mixing)
        rows, columns = (np.gradient(mixed, step, axis=axis) for axis in (0, 1))
        own = np.stack([columns[mask], rows[mask], np.zeros(int(mask.sum()))], axis=1)[self.chosen][inside]
        gradient = own @ np.linalg.inv(end.map.linear)
        moved = self.motion.jacobian(end.map(end.points), end.centre)
        jacobian = np.einsum("nd,ndp->np", gradient, moved)
        explained = np.linalg.lstsq(design * root[:, None], jacobian * root[:, None], rcond=None)[0]
        freed: FloatArray = jacobian - design @ explained
        return freed
