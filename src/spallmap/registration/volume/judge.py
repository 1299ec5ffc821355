"""Whether one tomogram lies where it was found on another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spallmap.frames import AffineMap, Points
from spallmap.registration.block_errors import block_shifts, cube_labels, position_se_um
from spallmap.registration.diagnostics import Diagnostics, Scale
from spallmap.registration.gauss_newton import Alignment, Motion
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.scale import MAX_SCALE, scale_of
from spallmap.registration.verdict import (
    Candidate,
    Check,
    angle_between_deg,
    best_different,
    decide,
    mean_difference_um,
    rivals_of,
)
from spallmap.registration.volume.pore_score import MIN_OVERLAP, PoreScore

# Two poses that differ by less than this many samples, on average over the ceramic, are one solution.
_SAME_POSE_SAMPLES = 5.0

# Smallest correlation around the pores that is believed. Right poses have 0.7 and more, wrong cells stay
# below 0.2.
MIN_SCORE = 0.4

# Smallest lead over the best different pose, on the scale of the score.
_MIN_GAP = 0.15

# Largest median shift that is left in the blocks: beyond it the ceramic is not one rigid body in the two
# scans.
_MAX_BLOCK_SHIFT_SAMPLES = 0.5

# Largest standard error that is accepted in any direction.
_MAX_SE_SAMPLES = 0.5

# Largest error of a known answer.
_MAX_KNOWN_ERROR_SAMPLES = 0.5

# Standard error per direction that neither blocks nor copies show, in samples: linear interpolation of a
# smoothed image is this true.
_MODEL_ERROR_SAMPLES = 0.005

# Blocks along the ceramic's longest side, for standard errors and for what is left to shift.
_N_BLOCKS_ACROSS = 5


def block_um(body: Points) -> float:
    """Side of the blocks whose residuals go together, from points of the ceramic."""
    return float(max(np.ptp(body, axis=0))) / _N_BLOCKS_ACROSS


def judge(
    method: str,
    alignment: Alignment,
    motion: Motion,
    candidates: Sequence[Candidate],
    pores: PoreScore,
    body: Points,
    spacing: float,
    answers: KnownAnswers,
    start: AffineMap,
    stretches: tuple[float, float, float],
) -> Registration:
    """Judge what the search ended in, and report it.

    Parameters
    ----------
    method : str
        How it was found, for the report.
    alignment : Alignment
        The solution at the finest level.
    motion : Motion
        Its degrees of freedom.
    candidates : sequence of Candidate
        Refined poses of the search, the best first.
    pores : PoreScore
        To score poses by.
    body : ndarray, shape (n, 3)
        Points of the moving ceramic over which errors are averaged.
    spacing : float
        Largest spacing of the moving tomogram, um.
    answers : KnownAnswers
        Errors where the answer was known; empty where none was tried.
    start : AffineMap
        What the prior says.
    stretches : tuple of float
        Factors of the voxel size along own z, y and x with which the pores agree better; 1 where none does.

    Returns
    -------
    Registration
        With verdict, errors and evidence.
    """
    score = pores.score(alignment.map)
    runner_up = best_different(candidates, alignment.map, body, min_um=_SAME_POSE_SAMPLES * spacing)
    labels = cube_labels(alignment.points, block_um(body))
    se = position_se_um(alignment, motion, labels, body)
    if se is not None:
        se = np.hypot(answers.pooled(se), _MODEL_ERROR_SAMPLES * spacing)
    blocks = block_shifts(alignment, labels)
    # In the reference's micrometres, which a fitted scale makes others than the moving tomogram's own.
    left = np.linalg.norm(blocks.shift_um @ alignment.map.linear.T, axis=1)
    median_left = float(np.median(left)) if left.size else float("inf")
    scale = scale_of(alignment.map)
    gap = score - (runner_up.score if runner_up else 0.0)
    worst_se = float(se.max()) if se is not None else float("inf")
    checks = [
        Check(
            score >= MIN_SCORE,
            f"the pores do not match: correlation {score:.2f}, at least {MIN_SCORE:.2f} is needed; "
            "see that it is the same ceramic",
        ),
        Check(gap >= _MIN_GAP, _rival(score, runner_up)),
        Check(alignment.converged, "the refinement did not come to rest"),
        Check(
            alignment.coverage >= MIN_OVERLAP,
            f"only {alignment.coverage:.0%} of the ceramic lies inside the reference tomogram",
        ),
        Check(
            median_left <= _MAX_BLOCK_SHIFT_SAMPLES * spacing,
            f"the ceramic's parts disagree: half of them would still move by {median_left:.1f} um or more",
        ),
        Check(
            worst_se <= _MAX_SE_SAMPLES * spacing,
            "the ceramic has too few edges to fix its position"
            if se is None
            else f"the position is uncertain by {worst_se:.1f} um",
        ),
        Check(
            answers.worst_um <= _MAX_KNOWN_ERROR_SAMPLES * spacing,
            "scans made of this ceramic, at poses that were known, were placed up to "
            f"{answers.worst_um:.1f} um off",
        ),
        Check(
            abs(scale) <= MAX_SCALE,
            f"the two scans differ in scale by {100 * scale:+.1f} %: check the voxel sizes",
        ),
        Check(
            all(factor == 1.0 for factor in stretches),
            "the pores agree better with other voxels along "
            f"{', '.join(_longer(name, f) for name, f in zip('zyx', stretches, strict=True) if f != 1.0)}: "
            "check the voxel sizes along every axis",
        ),
    ]
    verdict, reasons = decide(checks)
    return Registration(
        map=alignment.map,
        method=method,
        verdict=verdict,
        reasons=reasons,
        score=score,
        runner_up=runner_up,
        se_um=StandardError(None, None, None) if se is None else StandardError(*(float(v) for v in se)),
        diagnostics=Diagnostics(
            score_is="correlation around the pores",
            measures={
                "pore_samples": float(pores.n_points),
                "rotated_from_prior_deg": angle_between_deg(alignment.map, start),
                "moved_from_prior_um": mean_difference_um(alignment.map, start, body),
                "edge_correlation": alignment.correlation,
                "coverage": alignment.coverage,
            },
            known_answers=(answers,) if answers.n else (),
            blocks=blocks,
            scale=Scale(1.0 + scale, applied="scale") if motion.scale else Scale(1.0),
            rivals=rivals_of(candidates, alignment.map, body, min_um=_SAME_POSE_SAMPLES * spacing),
        ),
    )


def _longer(name: str, factor: float) -> str:
    return f"{name} ({'larger' if factor > 1.0 else 'smaller'})"


def _rival(score: float, runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return f"the score {score:.2f} does not stand out"
    return (
        f"another pose, rotated by {runner_up.differs_by_deg:.0f} degrees, is nearly as good: "
        f"correlation {runner_up.score:.2f} against {score:.2f}"
    )
