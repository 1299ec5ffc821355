"""Places a detail or an element map in the overview image that it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap, Points, grid_centre
from spallmap.registration.block_errors import block_shifts, cube_labels, position_se_um
from spallmap.registration.gauss_newton import Alignment, Motion
from spallmap.registration.inset.contrast import Kind
from spallmap.registration.inset.known_answer import inset_answers
from spallmap.registration.inset.refine import (
    MAX_TURN_DEG,
    InsetImages,
    Placing,
    Refinement,
    candidate_of,
    place,
    score_of,
)
from spallmap.registration.inset.search import different
from spallmap.registration.known_answers import KnownAnswers, known_answers, own_error_um
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.verdict import Check, angle_between_deg, best_different, decide

METHOD = "band-passed edges: all turns and shifts by Fourier correlation, then robust Gauss-Newton"

DIFFERENT_SAMPLES = 10.0
"""A placement this far away on average, in overview samples, is another one."""

MIN_SCORE: dict[Kind, float] = {"sem": 0.7, "edx": 0.5}
"""Smallest multiple correlation that is believed. On simulated sections right placements had 0.92 and more on
cracks, pores and faces (sem; 0.75 and more in bare ceramic) and 0.69 and more (edx, limited by its counts);
images of other cells reached 0.86 and 0.85, which is why more is asked for."""

MIN_LEAD: dict[Kind, float] = {"sem": 1.6, "edx": 1.5}
"""The best different placement must leave at least this many times the variance unexplained. Images of other
cells reached 1.54 (sem) and 1.41 (edx), a place nine pixels off along a crack 1.37 (edx); right placements
with something to hold on to have 1.7 and more (sem) and 1.6 and more (edx)."""

MIN_COVERAGE = 0.7
"""Smallest share of the inset that must lie on the overview."""

MAX_SE_SAMPLES = 1.0
"""Largest standard error that is accepted in any direction, in samples of the coarser image: right placements
have 0.7 and less, an image of another cell had 1.8, a place six pixels off 1.8."""

MAX_BLOCK_SHIFT_SAMPLES = 1.0
"""Largest median shift left in the blocks, in samples of the coarser image. Counts alone make half a
sample."""

MAX_KNOWN_ERROR_SAMPLES = 1.5
"""Largest error of a known answer, in samples of the coarser image: at right places 1.1 and less, in an image
of another cell 2.0."""

MODEL_ERROR_SAMPLES: dict[Kind, float] = {"sem": 0.02, "edx": 0.15}
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
    seed: int = 1,
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
    seed : int
        Draws where known answers are cut.

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
    images = InsetImages(
        channels, mask, _pair(spacing_um), ground, overview_mask, _pair(overview_spacing_um), kind
    )
    coarse = images.coarse()
    if coarse.pictures.values.shape[0] == 0 or not np.ptp(coarse.overview.values):
        blank = "the overview" if coarse.pictures.values.shape[0] else "the image"
        return _refused(start, f"{blank} shows nothing but one grey")
    motion = Motion(planar=True)
    placing = place(images, coarse, motion)
    if placing is None:
        return _refused(start, "the image is larger than the overview or nowhere on it")
    without_rims = Refinement(images.fine(rims=False), motion).run([placing.best.map])
    answers = known_answers([])
    if score_of(placing.best) >= MIN_SCORE[kind]:
        answers = inset_answers(images, placing, motion, np.random.default_rng(seed))
    return _judge(placing, motion, without_rims, answers, images)


def _pair(spacing_um: Sequence[float]) -> tuple[float, float]:
    rows, columns = spacing_um
    return float(rows), float(columns)


def _block_um(few: Points) -> float:
    return float(np.ptp(few, axis=0).max()) / BLOCKS_ACROSS


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


def _judge(
    placing: Placing,
    motion: Motion,
    without_rims: Sequence[Alignment],
    answers: KnownAnswers,
    images: InsetImages,
) -> Registration:
    best, few, kind = placing.best, placing.refinement.few, images.kind
    unit_um, overview_um = images.unit_um, max(images.overview_spacing_um)
    score = score_of(best)
    candidates = different(
        [candidate_of(e) for e in placing.ends], few, DIFFERENT_SAMPLES * overview_um / 2.0, 6
    )
    runner_up = best_different(candidates, best.map, few, min_um=DIFFERENT_SAMPLES * overview_um)
    lead = (1.0 - (runner_up.score**2 if runner_up else 0.0)) / max(1.0 - score**2, 1e-6)
    labels = cube_labels(best.points, _block_um(few))
    se = position_se_um(best, motion, labels, few, clean_jacobian=placing.refinement.own_jacobian(best))
    if se is not None:
        # Bright rims may stand for an edge that lies a little further out: half of what they change is in
        # doubt.
        doubt = [0.5 * own_error_um(other.map, best.map, few) for other in without_rims]
        se = answers.pooled(np.sqrt(se**2 + sum(d**2 for d in doubt)))
        se = np.hypot(se, MODEL_ERROR_SAMPLES[kind] * unit_um)
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
            answers.worst_um <= MAX_KNOWN_ERROR_SAMPLES * unit_um,
            f"pieces of the overview from about there were placed up to {answers.worst_um:.1f} um off",
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
            "known_answer": answers.as_json(),
            "block_shift_median_um": median_left if left.size else None,
            "block_position_um": shifts.position_um.round(2).tolist(),
            "block_shift_um": shifts.shift_um.round(3).tolist(),
            "candidates": [{"score": c.score, "matrix": c.map.matrix.tolist()} for c in candidates[:4]],
        },
    )


def _rival(score: float, runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return f"the score {score:.2f} does not stand out"
    return (
        f"another place, {runner_up.differs_by_um:.0f} um away, is nearly as good: "
        f"correlation {runner_up.score:.2f} against {score:.2f}"
    )
