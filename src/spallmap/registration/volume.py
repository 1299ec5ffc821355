"""Places one tomogram of a cell in the frame of another, by the pores of its ceramic.

Electrodes move between two scans and cracks appear; the ceramic with its pores stays. The ceramic is found
by its phases, laid axis upon axis, turned through all azimuths (and upside down) while the pores are
correlated by Fourier transform over all shifts, and the best poses are refined on finer and finer grids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, Points
from spallmap.registration.alignment import Alignment, Field, Motion, align
from spallmap.registration.blocks import block_shifts, cube_labels, position_se_um
from spallmap.registration.ceramic import CeramicView, ceramic_view
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.turns import search_turns
from spallmap.registration.verdict import (
    Candidate,
    Check,
    angle_between_deg,
    best_different,
    decide,
    mean_difference_um,
)

METHOD = "pores of the ceramic: all turns by Fourier correlation, then robust Gauss-Newton"

COARSE_EXTENT_SAMPLES = 64
"""The search grid has at most this many samples across the ceramic: pores of a twentieth of its radius are
still seen there, and one turn takes some 20 ms."""

SMOOTHING_SAMPLES = 1.0
"""Gaussian before gradients are taken, in samples: linear interpolation is then true to 1 %, and white noise
falls to a tenth."""

MAX_POINTS = 150_000
"""Points compared at each level; edges beyond that add time but hardly precision."""

EDGE_DEFICIT = 0.15
"""A point carries information where the smoothed deficit changes by at least this much over two samples;
noise of a twentieth of the contrast, smoothed, changes by 0.01."""

PORE_DEFICIT = 0.3
"""A core sample belongs to a pore above this smoothed deficit: far over the noise, below half, so that pores
of one voxel count."""

PORE_SURROUNDINGS_SAMPLES = 3
"""Pores are compared together with this much ceramic around them."""

REFINED_CANDIDATES = 6
"""Poses of the search that are refined at the coarse level: wrong ones rarely lie so close to the truth."""

SAME_POSE_SAMPLES = 5.0
"""Two poses that differ by less than this many samples, on average over the ceramic, are one solution."""

MIN_SCORE = 0.4
"""Smallest correlation around the pores that is believed. Right poses have 0.7 and more, wrong cells stay
below 0.2."""

MIN_GAP = 0.15
"""Smallest lead over the best different pose, on the scale of the score."""

MIN_PORE_POINTS = 200
"""With fewer samples in pores there is nothing to tell one turn from another."""

MIN_OVERLAP = 0.5
"""Smallest share of the moving ceramic that must lie in the fixed one."""

MAX_BLOCK_SHIFT_SAMPLES = 0.5
"""Largest median shift that is left in the blocks: beyond it the ceramic is not one rigid body in the two
scans."""

MAX_SE_SAMPLES = 0.5
"""Largest standard error that is accepted in any direction."""

MODEL_ERROR_SAMPLES = 0.015
"""Standard error per direction that no residual shows, in samples: linear interpolation and rings. Measured
on simulated pairs, whose errors are of this size where their residuals say less."""

N_BLOCKS_ACROSS = 5
"""Blocks along the ceramic's longest side, for standard errors and for what is left to shift."""


@dataclass(frozen=True)
class _Level:
    """One grid of the pyramid, ready for refinement."""

    field: Field
    points: Points
    basis: NDArray[np.float64]


def register_volume(
    moving_grey: NDArray[Any],
    moving_phases: NDArray[Any],
    moving_spacing_um: Sequence[float],
    fixed_grey: NDArray[Any],
    fixed_phases: NDArray[Any],
    fixed_spacing_um: Sequence[float],
    *,
    prior: AxesPrior,
    seed: int = 1,
    threads: int = 1,
    fit_scale: bool = False,
) -> Registration:
    """Register one tomogram of a cell to another.

    Parameters
    ----------
    moving_grey, fixed_grey : ndarray, shape (nz, ny, nx)
        Grey values; ceramic brighter than sodium. The scales need not agree.
    moving_phases, fixed_phases : ndarray of int, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 void in the ceramic, 4 other solid, 5 outside.
    moving_spacing_um, fixed_spacing_um : sequence of float
        In array order.
    prior : AxesPrior
        Which directions of the fixed tomogram the moving array's axes run along. All turns are tried; the
        prior says which way the stack points where the ceramic's shape does not, and a large departure from
        it is reported.
    seed : int
        Chooses the points that are compared.
    threads : int
        For the Fourier transforms.
    fit_scale : bool
        Also fit one common scale.

    Returns
    -------
    Registration
        From the moving to the fixed frame. The score is the correlation of the grey deficit around the pores,
        in the ceramic without its skin.

    Raises
    ------
    ValueError
        If grey and phases differ in shape.
    """
    for grey, phases in ((moving_grey, moving_phases), (fixed_grey, fixed_phases)):
        if grey.shape != phases.shape or grey.ndim != 3:
            raise ValueError(f"grey {grey.shape} and phases {phases.shape} must be one volume's")
    start = prior.map(moving_grey.shape, moving_spacing_um, fixed_grey.shape, fixed_spacing_um)
    moving = ceramic_view(moving_grey, moving_phases, moving_spacing_um)
    fixed = ceramic_view(fixed_grey, fixed_phases, fixed_spacing_um)
    if moving is None or fixed is None:
        which = "moved" if moving is None else "reference"
        return _refused(start, f"the {which} tomogram shows no ceramic")
    rng = np.random.default_rng(seed)
    pores = _Pores(moving, fixed, rng)
    if pores.n_points < MIN_PORE_POINTS:
        return _refused(start, "the ceramic shows too few pores to tell one turn from another")
    motion = Motion(scale=fit_scale)
    factor = max(1, round(max(fixed.filled.shape) / COARSE_EXTENT_SAMPLES))
    coarse = _level(moving, fixed, factor, rng)
    poses = [
        _refine(coarse, found.map, motion).map
        for found in search_turns(moving, fixed, start, factor, keep=REFINED_CANDIDATES, threads=threads)
    ]
    candidates = sorted((Candidate(p, pores.score(p)) for p in poses), key=lambda c: -c.score)
    best = candidates[0].map
    finer = [f for f in (factor // 2, 1) if 1 <= f < factor]
    alignment = _refine(coarse, best, motion)
    for level in dict.fromkeys(finer):
        alignment = _refine(_level(moving, fixed, level, rng), alignment.map, motion)
    return _judge(alignment, motion, candidates, pores, moving, start)


def _refused(start: AffineMap, reason: str) -> Registration:
    return Registration(map=start, method=METHOD, verdict="refused", reasons=(reason,), score=0.0)


def _refine(level: _Level, start: AffineMap, motion: Motion) -> Alignment:
    return align(level.field, level.points, level.basis, start, motion)


def _smooth(deficit: NDArray[np.float32]) -> NDArray[np.float32]:
    smoothed: NDArray[np.float32] = ndimage.gaussian_filter(deficit, SMOOTHING_SAMPLES, mode="nearest")
    return smoothed


def _level(moving: CeramicView, fixed: CeramicView, factor: int, rng: np.random.Generator) -> _Level:
    """Smooth both views on a coarser grid and choose the moving samples that lie on edges."""
    moving, fixed = moving.coarser(factor), fixed.coarser(factor)
    shown = _smooth(moving.deficit)
    field = Field(_smooth(fixed.deficit), fixed.spacing_um, fixed.origin_um)
    near = ndimage.binary_dilation(moving.filled, iterations=2)
    change = ndimage.maximum_filter(shown, 3) - ndimage.minimum_filter(shown, 3)
    mask = _thinned(near & (change > EDGE_DEFICIT), rng)
    return _Level(field, moving.points(mask), shown[mask].astype(np.float64)[:, None])


def _thinned(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Keep at most `MAX_POINTS` of the chosen samples, at random."""
    chosen = np.flatnonzero(mask)
    if chosen.size <= MAX_POINTS:
        return mask
    kept = np.zeros(mask.size, dtype=bool)
    kept[rng.choice(chosen, MAX_POINTS, replace=False)] = True
    return kept.reshape(mask.shape)


class _Pores:
    """The pores of both ceramics with their surroundings, to score a pose by."""

    def __init__(self, moving: CeramicView, fixed: CeramicView, rng: np.random.Generator) -> None:
        self._sides = []
        self.n_points = 0
        for own, other in ((moving, fixed), (fixed, moving)):
            shown = _smooth(own.deficit)
            pore = own.core & (shown > PORE_DEFICIT)
            around = ndimage.binary_dilation(pore, iterations=PORE_SURROUNDINGS_SAMPLES) & own.core
            mask = _thinned(around, rng)
            field = Field(_smooth(other.deficit), other.spacing_um, other.origin_um, other.core)
            self._sides.append((field, own.points(mask), shown[mask].astype(np.float64)))
            self.n_points = max(self.n_points, int(np.count_nonzero(pore)))

    def score(self, pose: AffineMap) -> float:
        """Correlate the two deficits around the pores of the one and of the other ceramic; take the larger.

        A crack that only one of them has then counts against the pose on one side only.
        """
        scores = [0.0]
        for (field, points, shown), to_other in zip(self._sides, (pose, pose.inverse()), strict=True):
            values, inside = field.values_at(to_other(points))
            if np.count_nonzero(inside) > MIN_OVERLAP * inside.size and np.ptp(values[inside]) > 0:
                scores.append(float(np.corrcoef(values[inside], shown[inside])[0, 1]))
        return max(scores)


def _judge(
    alignment: Alignment,
    motion: Motion,
    candidates: Sequence[Candidate],
    pores: _Pores,
    moving: CeramicView,
    start: AffineMap,
) -> Registration:
    spacing = max(moving.spacing_um)
    body = moving.points(moving.core)
    body = body[:: max(1, body.shape[0] // 2000)]
    score = pores.score(alignment.map)
    runner_up = best_different(candidates, alignment.map, body, min_um=SAME_POSE_SAMPLES * spacing)
    block_um = max(np.ptp(body, axis=0)) / N_BLOCKS_ACROSS
    labels = cube_labels(alignment.points, block_um)
    se = position_se_um(alignment, motion, labels, body)
    if se is not None:
        se = np.hypot(se, MODEL_ERROR_SAMPLES * spacing)
    shifts = block_shifts(alignment, labels)
    left = np.linalg.norm(shifts.shift_um, axis=1)
    median_left = float(np.median(left)) if left.size else float("inf")
    gap = score - (runner_up.score if runner_up else 0.0)
    worst_se = float(se.max()) if se is not None else float("inf")
    checks = [
        Check(
            score >= MIN_SCORE,
            f"the pores do not match: correlation {score:.2f}, at least {MIN_SCORE:.2f} is needed; "
            "is it the same ceramic?",
        ),
        Check(gap >= MIN_GAP, _rival(score, runner_up)),
        Check(alignment.converged, "the refinement did not come to rest"),
        Check(
            alignment.coverage >= MIN_OVERLAP,
            f"only {alignment.coverage:.0%} of the ceramic lies inside the reference tomogram",
        ),
        Check(
            median_left <= MAX_BLOCK_SHIFT_SAMPLES * spacing,
            f"the ceramic's parts disagree: half of them would still move by {median_left:.1f} um or more",
        ),
        Check(
            worst_se <= MAX_SE_SAMPLES * spacing,
            "the ceramic has too few edges to fix its position"
            if se is None
            else f"the position is uncertain by {worst_se:.1f} um",
        ),
    ]
    verdict, reasons = decide(checks)
    return Registration(
        map=alignment.map,
        method=METHOD,
        verdict=verdict,
        reasons=reasons,
        score=score,
        runner_up=runner_up,
        se_um=StandardError(None, None, None) if se is None else StandardError(*(float(v) for v in se)),
        diagnostics={
            "pore_samples": pores.n_points,
            "turned_from_prior_deg": angle_between_deg(alignment.map, start),
            "moved_from_prior_um": mean_difference_um(alignment.map, start, body),
            "block_shift_median_um": median_left if left.size else None,
            "block_position_um": shifts.position_um.round(2).tolist(),
            "block_shift_um": shifts.shift_um.round(3).tolist(),
            "edge_correlation": alignment.correlation,
            "candidates": [{"score": c.score, "matrix": c.map.matrix.tolist()} for c in candidates[:4]],
        },
    )


def _rival(score: float, runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return f"the score {score:.2f} does not stand out"
    return (
        f"another pose, turned by {runner_up.differs_by_deg:.0f} degrees, is nearly as good: "
        f"correlation {runner_up.score:.2f} against {score:.2f}"
    )
