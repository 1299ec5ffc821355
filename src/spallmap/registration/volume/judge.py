"""Whether one tomogram lies where it was found on another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap, Points
from spallmap.registration.block_errors import block_shifts, cube_labels, position_se_um
from spallmap.registration.diagnostics import Blocks, Diagnostics, Scale
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

# Smallest correlation around the pores that is believed. Right poses have 0.81 and more on bad days too, of
# two kinds of beam 0.74; other cells stay below 0.2, a mirrored one in a cut field had 0.40, a pose three
# voxels off 0.49.
MIN_SCORE = 0.55

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

# Fraction of the difference to the pose of more smoothed pores that counts as an error: scans with two to
# four faults had errors of 0.2 to 0.7 times the whole of it, and 1.0 to 2.8 standard errors without it.
_BLURRED_FRACTION = 0.5

# Standard deviation of a median over the median of absolute differences: 1.4826 and 1.2533. Halves of the
# ceramic with fewer blocks than these say nothing of its shape; those of clean scans differ by less than this
# many standard errors in 99 %.
_MEDIAN_SD = 1.858
_LEAST_BLOCKS = 8
_BEYOND_CHANCE = 2.6

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
    blurred: AffineMap,
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
    blurred : AffineMap
        The pose at which the same pores agree when both scans are smoothed more. What it differs by is an
        error that neither noise nor known answers show.

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
        se = np.hypot(se, _BLURRED_FRACTION * _rms_along(alignment.map, blurred, body))
    blocks = block_shifts(alignment, labels)
    if se is not None:
        se = np.hypot(se, bent_um(blocks))
    # In the reference's micrometres, which a fitted scale makes others than the moving tomogram's own.
    left = np.linalg.norm(blocks.shift_um @ alignment.map.linear.T, axis=1)
    median_left = float(np.median(left)) if left.size else float("inf")
    scale = scale_of(alignment.map)
    gap = score - (runner_up.score if runner_up else 0.0)
    worst_se = float(se.max()) if se is not None else float("inf")
    fixed = (
        median_left <= _MAX_BLOCK_SHIFT_SAMPLES * spacing
        and answers.worst_um <= _MAX_KNOWN_ERROR_SAMPLES * spacing
    )
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
        # Where the poses are that uncertain, so are the stretches: a wrong size would be said of right ones.
        Check(
            not fixed or all(factor == 1.0 for factor in stretches),
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


def bent_um(blocks: Blocks) -> NDArray[np.float64]:
    """Find by how much two halves of the ceramic would move apart, root mean square along u, v and normal.

    A rigid motion cannot follow two scans that were joined with a small shift, or a distortion: a point is
    then as far off as its half is. Halves count that differ by more than chance lets them.

    Parameters
    ----------
    blocks : Blocks
        Shifts that are left.

    Returns
    -------
    ndarray, shape (3,)
        Zero where nothing but chance is seen.
    """
    squares = np.zeros(3)
    for axis in range(3):
        high = blocks.position_um[:, axis] > np.median(blocks.position_um[:, axis])
        if min(np.count_nonzero(high), np.count_nonzero(~high)) < _LEAST_BLOCKS:
            continue
        middles, variances = [], []
        for half in (blocks.shift_um[high], blocks.shift_um[~high]):
            middle = np.median(half, axis=0)
            spread = _MEDIAN_SD * np.median(np.abs(half - middle), axis=0)
            middles.append(middle)
            variances.append(spread**2 / len(half))
        apart, chance = middles[0] - middles[1], variances[0] + variances[1]
        squares += np.where(apart**2 > _BEYOND_CHANCE**2 * chance, (apart**2 - chance) / 4.0, 0.0)
    bent: NDArray[np.float64] = np.sqrt(squares)
    return bent


def _rms_along(found: AffineMap, other: AffineMap, body: Points) -> NDArray[np.float64]:
    """Root mean square distance of two poses of a body along the moving frame's axes as they were found."""
    axes = found.linear / np.linalg.norm(found.linear, axis=0)
    off: NDArray[np.float64] = np.sqrt(np.mean(((other(body) - found(body)) @ axes) ** 2, axis=0))
    return off


def _longer(name: str, factor: float) -> str:
    return f"{name} ({'larger' if factor > 1.0 else 'smaller'})"


def _rival(score: float, runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return f"the score {score:.2f} does not stand out: at least {_MIN_GAP:g} is needed"
    return (
        f"another pose, rotated by {runner_up.differs_by_deg:.0f} degrees, has a correlation of "
        f"{runner_up.score:.2f} against {score:.2f}; it must be lower by at least {_MIN_GAP:g}"
    )
