"""Whether an inset lies where it was found in its overview."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spallmap.frames import AffineMap, Points
from spallmap.registration.block_errors import block_shifts, cube_labels, position_se_um
from spallmap.registration.diagnostics import Diagnostics, Scale
from spallmap.registration.gauss_newton import Alignment
from spallmap.registration.inset.contrast import InsetImages, Kind
from spallmap.registration.inset.find_poses import FoundPoses
from spallmap.registration.inset.refine import candidate_of, score_of
from spallmap.registration.inset.search import MAX_ROTATION_DEG
from spallmap.registration.known_answers import KnownAnswers, own_error_um
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.verdict import (
    Check,
    angle_between_deg,
    best_different,
    decide,
    keep_different,
    rivals_of,
)

# A pose this far away on average, in overview samples, is another one.
_DIFFERENT_SAMPLES = 10.0

# Different poses that are described at most.
_MOST_CANDIDATES = 6

# Smallest multiple correlation that is believed. On simulated sections right poses had 0.92 and more on
# cracks, pores and faces (sem; 0.75 and more in bare ceramic) and 0.69 and more (edx, limited by its counts);
# images of other cells reached 0.86 and 0.85, which is why more is asked for.
MIN_SCORE: dict[Kind, float] = {"sem": 0.7, "edx": 0.5}

# The best different pose must leave at least this many times the variance unexplained. Images of other
# cells reached 1.54 (sem) and 1.41 (edx), a position nine pixels off along a crack 1.37 (edx); right poses
# with something to hold on to have 1.7 and more (sem) and 1.6 and more (edx).
_MIN_LEAD: dict[Kind, float] = {"sem": 1.6, "edx": 1.5}

# Largest factor that an inset may ask for beside its pixel size, which the map does not hold: details stated
# 10 % too large passed every other condition. Counts say less of it than an electron image.
MAX_SCALE: dict[Kind, float] = {"sem": 0.02, "edx": 0.04}

# Smallest fraction of the inset that must lie on the overview.
_MIN_COVERAGE = 0.7

# Largest standard error that is accepted in any direction, in samples of the coarser image: right poses
# have 0.7 and less, an image of another cell had 1.8, a position six pixels off 1.8.
_MAX_SE_SAMPLES = 1.0

# Largest median shift left in the blocks, in samples of the coarser image. Counts alone make half a
# sample.
_MAX_BLOCK_SHIFT_SAMPLES = 1.0

# Largest error of a known answer, in samples of the coarser image: at right poses 1.1 and less, in an image
# of another cell 2.0.
_MAX_KNOWN_ERROR_SAMPLES = 1.5

# Standard error per direction that no residual shows, in samples of the coarser image: rims and interaction
# volumes shift an edge's apparent position. Measured on simulated sections.
_MODEL_ERROR_SAMPLES: dict[Kind, float] = {"sem": 0.02, "edx": 0.15}

# Blocks along the inset's longer side, for standard errors and for what is left to shift.
_BLOCKS_ACROSS = 8


def _block_um(few: Points) -> float:
    return float(np.ptp(few, axis=0).max()) / _BLOCKS_ACROSS


def judge(
    method: str,
    found: FoundPoses,
    without_rims: Sequence[Alignment],
    answers: KnownAnswers,
    images: InsetImages,
    asked: float = 1.0,
) -> Registration:
    """Judge where the search ended, and report it.

    Parameters
    ----------
    method : str
        How it was found, for the report.
    found : FoundPoses
        Where the search ended.
    without_rims : sequence of Alignment
        The solution refined again without the strength of edges among the pictures.
    answers : KnownAnswers
        Errors where the answer was known; empty where none was tried.
    images : InsetImages
        Inset and overview.
    asked : float
        Factor by which the inset asks for other pixels than the stated ones.

    Returns
    -------
    Registration
        With verdict, errors and evidence.
    """
    best, refinement, kind = found.best, found.refinement, images.kind
    few = refinement.few
    unit_um, overview_um = images.unit_um, max(images.overview_spacing_um)
    score = score_of(best)
    candidates = keep_different(
        [candidate_of(e) for e in found.ends],
        few,
        min_um=_DIFFERENT_SAMPLES * overview_um / 2.0,
        most=_MOST_CANDIDATES,
    )
    runner_up = best_different(candidates, best.map, few, min_um=_DIFFERENT_SAMPLES * overview_um)
    lead = (1.0 - (runner_up.score**2 if runner_up else 0.0)) / max(1.0 - score**2, 1e-6)
    labels = cube_labels(best.points, _block_um(few))
    se = position_se_um(best, refinement.motion, labels, few, clean_jacobian=refinement.own_jacobian(best))
    if se is not None:
        # Bright rims may stand for an edge that lies a little further out: half of what they change is in
        # doubt.
        doubt = [0.5 * own_error_um(other.map, best.map, few) for other in without_rims]
        se = answers.pooled(np.sqrt(se**2 + sum(d**2 for d in doubt)))
        se = np.hypot(se, _MODEL_ERROR_SAMPLES[kind] * unit_um)
    blocks = block_shifts(best, labels)
    median_left = float("inf") if blocks.median_um is None else blocks.median_um
    worst_se = float(se[:2].max()) if se is not None else float("inf")
    rotation_deg = angle_between_deg(best.map, AffineMap.identity())
    checks = [
        Check(
            score >= MIN_SCORE[kind],
            f"the edges do not match: correlation {score:.2f}, at least {MIN_SCORE[kind]:.2f} is needed; "
            "see that it lies in this overview",
        ),
        Check(lead >= _MIN_LEAD[kind], _rival(score, runner_up)),
        Check(best.coverage >= _MIN_COVERAGE, f"only {best.coverage:.0%} of the image lies on the overview"),
        Check(
            rotation_deg <= MAX_ROTATION_DEG,
            f"rotated by {rotation_deg:.0f} degrees, more than was searched",
        ),
        Check(
            abs(asked - 1.0) <= MAX_SCALE[kind],
            f"it asks for pixels {100.0 * (asked - 1.0):+.1f} % off the stated ones "
            f"(at most {100.0 * MAX_SCALE[kind]:.0f} %): check both pixel sizes",
        ),
        Check(
            worst_se <= _MAX_SE_SAMPLES * unit_um,
            "too few edges fix its position"
            if se is None
            else f"its edges leave the position uncertain by {worst_se:.1f} um in one direction",
        ),
        Check(
            answers.worst_um <= _MAX_KNOWN_ERROR_SAMPLES * unit_um,
            f"pieces of the overview from about there were placed up to {answers.worst_um:.1f} um off",
        ),
        Check(
            median_left <= _MAX_BLOCK_SHIFT_SAMPLES * unit_um,
            f"its parts disagree: half of them would still move by {median_left:.1f} um or more",
        ),
    ]
    verdict, reasons = decide(checks)
    return Registration(
        map=best.map,
        method=method,
        verdict=verdict,
        reasons=reasons,
        score=score,
        runner_up=runner_up,
        se_um=StandardError(None, None, None)
        if se is None
        else StandardError(float(se[0]), float(se[1]), 0.0),
        diagnostics=Diagnostics(
            score_is="multiple correlation of the edges",
            measures={
                "lead": lead,
                "coverage": best.coverage,
                "rotation_deg": rotation_deg,
                "converged": float(best.converged),
            },
            known_answers=(answers,) if answers.n else (),
            blocks=blocks,
            scale=Scale(asked),
            rivals=rivals_of(candidates, best.map, few, min_um=_DIFFERENT_SAMPLES * overview_um),
        ),
    )


def _rival(score: float, runner_up: RunnerUp | None) -> str:
    if runner_up is None:
        return f"the score {score:.2f} does not stand out"
    return (
        f"another position, {runner_up.differs_by_um:.0f} um away, is nearly as good: "
        f"correlation {runner_up.score:.2f} against {score:.2f}"
    )
