"""Places one tomogram of a cell in the frame of another, by the pores of its ceramic.

Electrodes move between two scans and cracks appear; the ceramic with its pores stays. The ceramic is found
by its phases, laid axis upon axis, turned through all azimuths (and upside down) while the pores are
correlated by Fourier transform over all shifts, and the best poses are refined on finer and finer grids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, Points
from spallmap.registration.block_errors import block_shifts, cube_labels, position_se_um
from spallmap.registration.gauss_newton import Alignment, Field, Motion
from spallmap.registration.known_answers import KnownAnswers, known_answers
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.scale import MAX_SCALE, scale_of, scale_pays
from spallmap.registration.verdict import (
    Candidate,
    Check,
    angle_between_deg,
    best_different,
    decide,
    mean_difference_um,
)
from spallmap.registration.volume.ceramic import CeramicView, ceramic_view
from spallmap.registration.volume.refine import edge_level, refine, smooth, thinned, through, volume_answers
from spallmap.registration.volume.search import search_turns

METHOD = "pores of the ceramic: all turns by Fourier correlation, then robust Gauss-Newton"

COARSE_EXTENT_SAMPLES = 64
"""The search grid has at most this many samples across the ceramic: pores of a twentieth of its radius are
still seen there, and one turn takes some 20 ms."""

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

MAX_KNOWN_ERROR_SAMPLES = 0.5
"""Largest error of a known answer."""

MODEL_ERROR_SAMPLES = 0.005
"""Standard error per direction that neither blocks nor copies show, in samples: linear interpolation of a
smoothed image is this true."""

N_BLOCKS_ACROSS = 5
"""Blocks along the ceramic's longest side, for standard errors and for what is left to shift."""


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

    Returns
    -------
    Registration
        From the moving to the fixed frame: a rigid motion, and a common scale of up to 2 % where the blocks
        that it was not fitted to ask for it. The score is the correlation of the grey deficit around the
        pores, in the ceramic without its skin.

    Raises
    ------
    ValueError
        If grey and phases differ in shape.
    """
    for grey, phases in ((moving_grey, moving_phases), (fixed_grey, fixed_phases)):
        if grey.shape != phases.shape or grey.ndim != 3:
            raise ValueError(f"grey {grey.shape} and phases {phases.shape} must be one volume's")
    if np.linalg.det(prior.linear()) < 0:
        return _transposed(
            moving_grey,
            moving_phases,
            moving_spacing_um,
            fixed_grey,
            fixed_phases,
            fixed_spacing_um,
            prior=prior,
            seed=seed,
            threads=threads,
        )
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
    factor = max(1, round(max(fixed.filled.shape) / COARSE_EXTENT_SAMPLES))
    coarse = edge_level(moving, fixed, factor, rng)
    poses = [
        refine(coarse, found.map, Motion()).map
        for found in search_turns(moving, fixed, start, factor, keep=REFINED_CANDIDATES, threads=threads)
    ]
    candidates = sorted((Candidate(p, pores.score(p)) for p in poses), key=lambda c: -c.score)
    finer = [factor // 2] if factor > 3 else []
    levels = [coarse, *(edge_level(moving, fixed, f, rng) for f in finer)]
    levels.append(edge_level(moving, fixed, 1, rng, moving.core))
    alignment = through(levels, candidates[0].map, Motion())
    body = _body(moving)
    fine, block_um = levels[-1], _block_um(body)
    motion = Motion(scale=scale_pays(fine.field, fine.points, fine.basis, alignment, block_um))
    if motion.scale:
        alignment = refine(fine, alignment.map, motion)
    shown = Field(smooth(moving.deficit), moving.spacing_um, moving.origin_um, moving.core)
    answers = known_answers([])
    if pores.score(alignment.map) >= MIN_SCORE:
        answers = volume_answers(levels, shown, alignment, motion, body, factor * max(moving.spacing_um), rng)
    return _judge(alignment, motion, candidates, pores, body, max(moving.spacing_um), answers, start)


def _transposed(
    moving_grey: NDArray[Any],
    moving_phases: NDArray[Any],
    moving_spacing_um: Sequence[float],
    *fixed: Any,
    prior: AxesPrior,
    **options: Any,
) -> Registration:
    """Register an array whose axes, as the table has them, form a left-handed frame.

    With its last two axes exchanged it is right-handed; motions are looked for among turns alone, or a
    mirrored cell would pass for the cell.
    """
    names = prior.names
    found = register_volume(
        np.swapaxes(moving_grey, 1, 2),
        np.swapaxes(moving_phases, 1, 2),
        [moving_spacing_um[0], moving_spacing_um[2], moving_spacing_um[1]],
        *fixed,
        prior=AxesPrior((names[0], names[2], names[1])),
        **options,
    )
    exchange = AffineMap.from_parts(np.eye(3)[[1, 0, 2]], np.zeros(3))
    candidates = [
        c | {"matrix": (np.array(c["matrix"]) @ exchange.matrix).tolist()}
        for c in found.diagnostics.get("candidates", ())
    ]
    se = found.se_um
    return replace(
        found,
        map=found.map @ exchange,
        se_um=StandardError(u=se.v, v=se.u, normal=se.normal),
        diagnostics=found.diagnostics | ({"candidates": candidates} if candidates else {}),
    )


def _refused(start: AffineMap, reason: str) -> Registration:
    return Registration(map=start, method=METHOD, verdict="refused", reasons=(reason,), score=0.0)


def _body(moving: CeramicView) -> Points:
    """Return some points of the ceramic without its skin."""
    body = moving.points(moving.core)
    return body[:: max(1, body.shape[0] // 2000)]


def _block_um(body: Points) -> float:
    return float(max(np.ptp(body, axis=0))) / N_BLOCKS_ACROSS


class _Pores:
    """The pores of both ceramics with their surroundings, to score a pose by."""

    def __init__(self, moving: CeramicView, fixed: CeramicView, rng: np.random.Generator) -> None:
        self._sides = []
        self.n_points = 0
        for own, other in ((moving, fixed), (fixed, moving)):
            shown = smooth(own.deficit)
            pore = own.core & (shown > PORE_DEFICIT)
            around = ndimage.binary_dilation(pore, iterations=PORE_SURROUNDINGS_SAMPLES) & own.core
            mask = thinned(around, rng)
            field = Field(smooth(other.deficit), other.spacing_um, other.origin_um, other.core)
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
    body: Points,
    spacing: float,
    answers: KnownAnswers,
    start: AffineMap,
) -> Registration:
    score = pores.score(alignment.map)
    runner_up = best_different(candidates, alignment.map, body, min_um=SAME_POSE_SAMPLES * spacing)
    labels = cube_labels(alignment.points, _block_um(body))
    se = position_se_um(alignment, motion, labels, body)
    if se is not None:
        se = np.hypot(answers.pooled(se), MODEL_ERROR_SAMPLES * spacing)
    shifts = block_shifts(alignment, labels)
    left = np.linalg.norm(shifts.shift_um, axis=1)
    median_left = float(np.median(left)) if left.size else float("inf")
    scale = scale_of(alignment.map)
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
        Check(
            answers.worst_um <= MAX_KNOWN_ERROR_SAMPLES * spacing,
            "scans made of this ceramic, at poses that were known, were placed up to "
            f"{answers.worst_um:.1f} um off",
        ),
        Check(
            abs(scale) <= MAX_SCALE,
            f"the two scans differ in scale by {100 * scale:+.1f} %: are the voxel sizes right?",
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
            "scale": scale if motion.scale else None,
            "known_answer": answers.as_json(),
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
