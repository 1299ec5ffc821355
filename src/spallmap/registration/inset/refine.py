"""Finds the places of an inset in its overview: a search over all turns and shifts, then refinement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from spallmap.frames import AffineMap, Points, grid_points
from spallmap.registration.gauss_newton import Alignment, FloatArray, Motion, align
from spallmap.registration.inset.contrast import Comparison, Kind, compare
from spallmap.registration.inset.search import different, search_placements
from spallmap.registration.verdict import Candidate

MAX_TURN_DEG = 16.0
"""Turns that are searched: insets are taken at the overview's stage setting or turned by up to 15 degrees."""

SEARCH_EXTENT_SAMPLES = 128
"""The search grid has at most this many samples along the inset's longer side."""

SEARCH_BLUR, SEARCH_BAND = 1.0, 6.0
"""Finest and slowest structure of the search, Gaussian sigma in samples."""

FINE_BLUR: dict[Kind, float] = {"sem": 0.6, "edx": 1.5}
"""Finest structure of the refinement, in samples of the coarser image. An electron image is used as sharp as
linear interpolation allows, which is what tells places along a crack apart; counts need more averaging."""

FINE_BAND: dict[Kind, float] = {"sem": 5.0, "edx": 8.0}
"""Slowest structure of the refinement, in samples of the coarser image: the contrast of single grains, which
need not be the same in two images, is slower than that."""

SEARCHED, REFINED = 16, 6
"""Placements that are taken over from the search, and from the first refinement."""

MAX_POINTS = 8_000
"""Points compared in refinement: a hundredth of a sample is reached with them where there is no noise."""

FEW_POINTS = 300
"""Points that distances between placements, extents and errors are taken over."""

SLIDES_SAMPLES = (-9.0, -4.0, -1.5, 1.5, 4.0, 9.0)
"""Restarts along the least determined direction, in samples: along a crack there are false minima."""


@dataclass(frozen=True)
class InsetImages:
    """An inset and its overview as they come.

    Parameters
    ----------
    channels : ndarray, shape (k, ny, nx)
        The inset, finite.
    mask : ndarray of bool, shape (ny, nx)
        Where it shows the specimen.
    spacing_um : tuple of float
        Its (row, column) spacing.
    overview, overview_mask, overview_spacing_um
        The same for the overview, one channel.
    kind : {"sem", "edx"}
        What the inset is.
    """

    channels: FloatArray
    mask: NDArray[np.bool_]
    spacing_um: tuple[float, float]
    overview: FloatArray
    overview_mask: NDArray[np.bool_]
    overview_spacing_um: tuple[float, float]
    kind: Kind

    @property
    def unit_um(self) -> float:
        """Spacing of the coarser of the two images."""
        return float(max(*self.spacing_um, *self.overview_spacing_um))

    @property
    def grid_um(self) -> float:
        """Spacing of the grid that is searched."""
        extent = max(n * s for n, s in zip(self.mask.shape, self.spacing_um, strict=True))
        return float(max(self.unit_um, extent / SEARCH_EXTENT_SAMPLES))

    def coarse(self) -> Comparison:
        """Compare on the grid of the search."""
        grid = self.grid_um
        return self._compare(grid, grid, SEARCH_BLUR, SEARCH_BAND, rims=True)

    def fine(self, *, rims: bool = True) -> Comparison:
        """Compare as sharply as the coarser image allows."""
        kind = self.kind
        over = max(self.overview_spacing_um)
        return self._compare(self.unit_um, over, FINE_BLUR[kind], FINE_BAND[kind], rims=rims)

    def _compare(
        self, grid_um: float, overview_grid_um: float, blur: float, band: float, *, rims: bool
    ) -> Comparison:
        return compare(
            self.channels,
            self.mask,
            self.spacing_um,
            self.overview,
            self.overview_mask,
            self.overview_spacing_um,
            kind=self.kind,
            grid_um=grid_um,
            overview_grid_um=overview_grid_um,
            blur=blur,
            band=band,
            rims=rims,
        )


def score_of(alignment: Alignment) -> float:
    """Multiple correlation; what lies beside the overview counts as unexplained."""
    return float(np.sqrt(alignment.coverage)) * alignment.correlation


def candidate_of(alignment: Alignment) -> Candidate:
    """Return where an alignment ended with its score."""
    return Candidate(alignment.map, score_of(alignment))


@dataclass(frozen=True)
class Refinement:
    """Gauss-Newton from many starts on one comparison."""

    comparison: Comparison
    motion: Motion

    @cached_property
    def chosen(self) -> NDArray[np.intp]:
        """Which of the inset's points are compared."""
        return self._drawn(MAX_POINTS)

    def _drawn(self, most: int) -> NDArray[np.intp]:
        """Draw some of the inset's points: every n-th may all lie in a few columns."""
        n = int(np.count_nonzero(self.comparison.pictures.mask))
        return np.arange(n) if n <= most else np.sort(np.random.default_rng(0).choice(n, most, replace=False))

    @cached_property
    def sample(self) -> tuple[Points, FloatArray]:
        """Points and pictures that are compared."""
        points, pictures = self.comparison.points()
        return points[self.chosen], pictures[self.chosen]

    @cached_property
    def few(self) -> Points:
        """Some points of the inset, to measure distances between placements."""
        few: Points = self.comparison.points()[0][self._drawn(FEW_POINTS)]
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
            arms = self.motion.jacobian(best.map(self.few), best.centre)
            metric = np.einsum("nip,niq->pq", arms, arms) / arms.shape[0]
            information = best.jacobian.T @ (best.jacobian * best.weight[:, None])
            # Scaled so that one unit moves the points by one micrometre on average.
            weakest = eigh(information, metric)[1][:, 0]
            starts = [
                self.motion.map(weakest * step * unit_um, best.centre) @ best.map for step in SLIDES_SAMPLES
            ]
            ends = sorted([*ends, *self.run(starts)], key=lambda a: -score_of(a))
            if ends[0] is best:
                break
        return ends

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


@dataclass(frozen=True)
class Placing:
    """Where a search ended.

    Parameters
    ----------
    ends : list of Alignment
        The best first, all on the fine comparison.
    refinement : Refinement
        That comparison.
    """

    ends: list[Alignment]
    refinement: Refinement

    @property
    def best(self) -> Alignment:
        """The best end."""
        return self.ends[0]


def place(
    images: InsetImages,
    coarse: Comparison,
    motion: Motion,
    *,
    searched: int = SEARCHED,
    refined: int = REFINED,
) -> Placing | None:
    """Find the places of an inset.

    Parameters
    ----------
    images : InsetImages
        Inset and overview.
    coarse : Comparison
        Both on the grid of the search.
    motion : Motion
        The degrees of freedom.
    searched, refined : int
        Placements taken over from the search, and from the first refinement.

    Returns
    -------
    Placing or None
        None where the inset fits nowhere: larger than the overview, or only on masked parts.
    """
    grid = images.grid_um
    found = search_placements(
        coarse.pictures, coarse.overview, MAX_TURN_DEG, keep=searched, same_um=3.0 * grid
    )
    first = Refinement(coarse, motion).run([c.map for c in found])
    refinement = Refinement(images.fine(), motion)
    few = different([candidate_of(a) for a in first], refinement.few, 2.0 * grid, refined)
    ends = refinement.run([c.map for c in few])
    return Placing(refinement.slide(ends, images.unit_um), refinement) if ends else None
