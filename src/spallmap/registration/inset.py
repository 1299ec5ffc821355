"""Places a detail or an element map in the overview image that it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from spallmap.frames import AffineMap, Points, grid_centre
from spallmap.registration.alignment import Alignment, Motion, align
from spallmap.registration.blocks import block_shifts, cube_labels, position_se_um
from spallmap.registration.contrast import Comparison, Kind, compare
from spallmap.registration.placements import different, search_placements
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.verdict import Candidate, Check, angle_between_deg, best_different, decide

METHOD = "band-passed edges: all turns and shifts by Fourier correlation, then robust Gauss-Newton"

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

MAX_POINTS = 10_000
"""Points compared in refinement."""

SLIDES_SAMPLES = (-9.0, -4.0, -1.5, 1.5, 4.0, 9.0)
"""Restarts along the least determined direction, in samples: along a crack there are false minima."""

DIFFERENT_SAMPLES = 10.0
"""A placement this far away on average, in overview samples, is another one."""

MIN_SCORE: dict[Kind, float] = {"sem": 0.7, "edx": 0.5}
"""Smallest multiple correlation that is believed. On simulated sections right placements on a crack had 0.87
and more (sem) and 0.69 and more (edx, limited by its counts); of ten images of other cells each, the best
had 0.85 and 0.51, which is why the lead is asked for as well."""

MIN_LEAD: dict[Kind, float] = {"sem": 1.4, "edx": 1.2}
"""The best different placement must leave at least this many times the variance unexplained. Twenty images
of other cells reached 1.18 (sem) and 1.03 (edx); right placements on their crack have 1.7 and more (sem, all
but one of 21) and 1.42 and more (edx)."""

MIN_COVERAGE = 0.7
"""Smallest share of the inset that must lie on the overview."""

MAX_SE_SAMPLES = 2.0
"""Largest standard error that is accepted in any direction, in samples of the coarser image."""

MAX_BLOCK_SHIFT_SAMPLES = 1.0
"""Largest median shift left in the blocks, in samples of the coarser image. Counts alone make half a
sample."""

MODEL_ERROR_SAMPLES = 0.15
"""Standard error per direction that no residual shows, in samples of the coarser image: rims and interaction
volumes shift an edge's apparent place. Measured on simulated sections."""

BLOCKS_ACROSS = 8
"""Blocks along the inset's longer side, for standard errors and for what is left to shift."""


def register_inset(
    image: NDArray[Any],
    mask: NDArray[np.bool_],
    spacing_um: Sequence[float],
    overview: NDArray[Any],
    overview_mask: NDArray[np.bool_],
    overview_spacing_um: Sequence[float],
    *,
    kind: Kind,
    fit_scale: bool = False,
) -> Registration:
    """Register a detail or an element map to the overview of the same section.

    Parameters
    ----------
    image : ndarray, shape (ny, nx) or (k, ny, nx)
        The detail, or the counts of k elements.
    mask : ndarray of bool, shape (ny, nx)
        False in the data bar.
    spacing_um : sequence of float
        (row, column) spacing.
    overview : ndarray, shape (my, mx)
        The image that it lies in.
    overview_mask, overview_spacing_um
        The same for the overview.
    kind : {"sem", "edx"}
        What the inset is. Sign and gain of its contrast are free.
    fit_scale : bool
        Also fit a common scale of the inset.

    Returns
    -------
    Registration
        From the inset's frame to the overview's: a turn about z and a shift in the plane. Both show the same
        section, so the standard error along the normal is 0. The score is the
        multiple correlation of the overview with the inset's pictures, over the inset.

    Raises
    ------
    ValueError
        If an image and its mask differ in shape.
    """
    channels = np.asarray(image, dtype=np.float64)
    channels = channels[None] if channels.ndim == 2 else channels
    ground = np.asarray(overview, dtype=np.float64)
    if channels.ndim != 3 or channels.shape[1:] != mask.shape or ground.shape != overview_mask.shape:
        raise ValueError(f"image {np.shape(image)} and mask {mask.shape} must fit, and so the overview's")
    mask = mask & np.all(np.isfinite(channels), axis=0)
    overview_mask = overview_mask & np.isfinite(ground)
    channels, ground = np.where(mask, channels, 0.0), np.where(overview_mask, ground, 0.0)
    start = _centred(mask.shape, spacing_um, overview_mask.shape, overview_spacing_um)
    images = (channels, mask, spacing_um, ground, overview_mask, overview_spacing_um)
    unit = float(max(*spacing_um, *overview_spacing_um))
    extent = max(n * s for n, s in zip(mask.shape, spacing_um, strict=True))
    grid = max(unit, extent / SEARCH_EXTENT_SAMPLES)
    coarse = compare(
        *images, kind=kind, grid_um=grid, overview_grid_um=grid, blur=SEARCH_BLUR, band=SEARCH_BAND
    )
    if coarse.pictures.values.shape[0] == 0 or not np.ptp(coarse.overview.values):
        blank = "the overview" if coarse.pictures.values.shape[0] else "the image"
        return _refused(start, f"{blank} shows nothing but one grey")
    motion = Motion(planar=True, scale=fit_scale)
    found = search_placements(
        coarse.pictures, coarse.overview, MAX_TURN_DEG, keep=SEARCHED, same_um=3.0 * grid
    )
    first = _Refinement(coarse, motion).run([c.map for c in found])
    if not first:
        return _refused(start, "the image is larger than the overview or nowhere on it")
    fine, plain = (
        compare(
            *images,
            kind=kind,
            grid_um=unit,
            overview_grid_um=float(max(overview_spacing_um)),
            blur=FINE_BLUR[kind],
            band=FINE_BAND[kind],
            rims=rims,
        )
        for rims in (True, False)
    )
    refinement = _Refinement(fine, motion)
    few = different([_candidate(a) for a in first], refinement.few, 2.0 * grid, REFINED)
    refined = refinement.run([c.map for c in few])
    refined = refinement.slide(refined, unit)
    without_rims = _Refinement(plain, motion).run([refined[0].map])
    return _judge(refined, refinement, without_rims, kind, unit, float(max(overview_spacing_um)))


def _centred(
    shape: Sequence[int],
    spacing_um: Sequence[float],
    overview_shape: Sequence[int],
    overview_spacing_um: Sequence[float],
) -> AffineMap:
    shift = grid_centre(overview_shape, overview_spacing_um) - grid_centre(shape, spacing_um)
    return AffineMap.from_parts(np.eye(3), shift)


def _refused(start: AffineMap, reason: str) -> Registration:
    return Registration(map=start, method=METHOD, verdict="refused", reasons=(reason,), score=0.0)


def _score(alignment: Alignment) -> float:
    """Multiple correlation; what lies beside the overview counts as unexplained."""
    return float(np.sqrt(alignment.coverage)) * alignment.correlation


def _candidate(alignment: Alignment) -> Candidate:
    return Candidate(alignment.map, _score(alignment))


@dataclass(frozen=True)
class _Refinement:
    """Gauss-Newton from many starts on one comparison."""

    comparison: Comparison
    motion: Motion

    @property
    def sample(self) -> tuple[Points, NDArray[np.float64]]:
        """Points and pictures that are compared."""
        n = int(np.count_nonzero(self.comparison.pictures.mask))
        return self.comparison.points(every=max(1, -(-n // MAX_POINTS)))

    @property
    def few(self) -> Points:
        """Some points of the inset, to measure distances between placements."""
        points = self.comparison.points()[0]
        return points[:: max(1, points.shape[0] // 300)]

    def run(self, starts: Sequence[AffineMap]) -> list[Alignment]:
        """Refine every start; the best first."""
        points, pictures = self.sample
        ends = [align(self.comparison.field, points, pictures, s, self.motion) for s in starts]
        return sorted((e for e in ends if e.coverage > 0.0), key=lambda a: -_score(a))

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
            ends = sorted([*ends, *self.run(starts)], key=lambda a: -_score(a))
            if ends[0] is best:
                break
        return ends

    def own_jacobian(self, end: Alignment) -> NDArray[np.float64]:
        """Return the derivative of the mixture by the motion, freed of changes of the mixture, (n, p).

        The overview's gradient holds its noise, which looks like information along an edge; the mixture's
        is nearly free of it.
        """
        pictures, mask = self.comparison.pictures.values, self.comparison.pictures.mask
        points, basis = self.sample
        step = self.comparison.pictures.spacing_um
        inside = self.comparison.field.sample(end.map(points))[2]
        design = np.column_stack([basis[inside], np.ones(int(inside.sum()))])
        root = np.sqrt(end.weight)
        mixing = np.linalg.lstsq(design * root[:, None], end.fixed * root, rcond=None)[0]
        mixed = np.tensordot(mixing[:-1], pictures, axes=1)
        rows, columns = np.gradient(mixed, step)
        every = max(1, -(-int(np.count_nonzero(mask)) // MAX_POINTS))
        own = np.stack([columns[mask], rows[mask], np.zeros(int(mask.sum()))], axis=1)[::every][inside]
        gradient = own @ np.linalg.inv(end.map.linear)
        moved = self.motion.jacobian(end.map(end.points), end.centre)
        jacobian = np.einsum("nd,ndp->np", gradient, moved)
        explained = np.linalg.lstsq(design * root[:, None], jacobian * root[:, None], rcond=None)[0]
        freed: NDArray[np.float64] = jacobian - design @ explained
        return freed


def _judge(
    ends: list[Alignment],
    refinement: _Refinement,
    without_rims: list[Alignment],
    kind: Kind,
    unit_um: float,
    overview_um: float,
) -> Registration:
    best, motion = ends[0], refinement.motion
    few = refinement.few
    score = _score(best)
    candidates = different([_candidate(e) for e in ends], few, DIFFERENT_SAMPLES * overview_um / 2.0, 6)
    runner_up = best_different(candidates, best.map, few, min_um=DIFFERENT_SAMPLES * overview_um)
    lead = (1.0 - (runner_up.score**2 if runner_up else 0.0)) / max(1.0 - score**2, 1e-6)
    extent = float(np.ptp(few, axis=0).max())
    labels = cube_labels(best.points, extent / BLOCKS_ACROSS)
    se = position_se_um(best, motion, labels, few, clean_jacobian=refinement.own_jacobian(best))
    if se is not None:
        # Bright rims may stand for an edge that lies a little further out: half of what they change is in
        # doubt.
        doubt = [0.5 * _own_difference(best.map, other.map, few) for other in without_rims]
        se = np.sqrt(se**2 + (MODEL_ERROR_SAMPLES * unit_um) ** 2 + sum(d**2 for d in doubt))
    shifts = block_shifts(best, labels)
    left = np.linalg.norm(shifts.shift_um, axis=1)
    median_left = float(np.median(left)) if left.size else float("inf")
    worst_se = float(se[:2].max()) if se is not None else float("inf")
    turn = angle_between_deg(best.map, AffineMap.identity())
    checks = [
        Check(
            score >= MIN_SCORE[kind],
            f"the edges do not match: correlation {score:.2f}, at least {MIN_SCORE[kind]:.2f} is needed; "
            "does it lie in this overview?",
        ),
        Check(lead >= MIN_LEAD[kind], _rival(score, runner_up)),
        Check(best.coverage >= MIN_COVERAGE, f"only {best.coverage:.0%} of the image lies on the overview"),
        Check(turn <= MAX_TURN_DEG, f"turned by {turn:.0f} degrees, more than was searched"),
        Check(
            worst_se <= MAX_SE_SAMPLES * unit_um,
            "too few edges fix its position"
            if se is None
            else f"its edges leave the position uncertain by {worst_se:.1f} um in one direction",
        ),
        Check(
            median_left <= MAX_BLOCK_SHIFT_SAMPLES * unit_um,
            f"its parts disagree: half of them would still move by {median_left:.1f} um or more",
        ),
    ]
    verdict, reasons = decide(checks)
    return Registration(
        map=best.map,
        method=METHOD,
        verdict=verdict,
        reasons=reasons,
        score=score,
        runner_up=runner_up,
        se_um=StandardError(None, None, None)
        if se is None
        else StandardError(float(se[0]), float(se[1]), 0.0),
        diagnostics={
            "lead": lead,
            "coverage": best.coverage,
            "turn_deg": turn,
            "converged": best.converged,
            "block_shift_median_um": median_left if left.size else None,
            "block_position_um": shifts.position_um.round(2).tolist(),
            "block_shift_um": shifts.shift_um.round(3).tolist(),
            "candidates": [{"score": c.score, "matrix": c.map.matrix.tolist()} for c in candidates[:4]],
        },
    )


def _own_difference(a: AffineMap, b: AffineMap, points: Points) -> NDArray[np.float64]:
    """Root mean square difference of two maps along the inset's own axes, shape (3,)."""
    along = (a(points) - b(points)) @ a.linear
    rms: NDArray[np.float64] = np.sqrt((along**2).mean(axis=0))
    return rms


def _rival(score: float, runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return f"the score {score:.2f} does not stand out"
    return (
        f"another place, {runner_up.differs_by_um:.0f} um away, is nearly as good: "
        f"correlation {runner_up.score:.2f} against {score:.2f}"
    )
