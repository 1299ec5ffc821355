"""Whether an inset lies where it was found in its overview."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from spallmap.frames import AffineMap, Points
from spallmap.registration.block_errors import block_shifts, cube_labels, position_se_um
from spallmap.registration.diagnostics import Diagnostics, Scale
from spallmap.registration.gauss_newton import Alignment, FloatArray
from spallmap.registration.inset.contrast import InsetImages, Kind
from spallmap.registration.inset.find_poses import FoundPoses, elsewhere_um
from spallmap.registration.inset.refine import Refinement, candidate_of, score_of
from spallmap.registration.inset.search import MAX_ROTATION_DEG
from spallmap.registration.known_answers import KnownAnswers, own_error_um
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.verdict import (
    Check,
    angle_between_deg,
    best_different,
    decide,
    keep_different,
    mean_difference_um,
    rivals_of,
)

# A pose this far away on average is another one, in overview samples (sem) or samples of the coarser image
# (edx). Counts are compared blurred by two samples: a pose 10 overview pixels away that was only 5 pixels of
# the maps away lay on the shoulder of the same peak. Nearer ones are asked of known answers.
_DIFFERENT_SAMPLES = 10.0

# Different poses that are described at most.
_MOST_CANDIDATES = 6

# Smallest multiple correlation that is believed. On simulated sections right poses had 0.92 and more on
# cracks, pores and faces (sem; 0.75 and more in bare ceramic) and 0.72 and more (edx, with faults); images of
# other cells reached 0.86 and 0.85, which is why more is asked for.
MIN_SCORE: dict[Kind, float] = {"sem": 0.7, "edx": 0.6}

# The best other place must leave at least this many times the variance unexplained, what is noise or flat
# texture in the images left out. For element maps with faults right ones have 2.06 and more, wrong ones
# 1.36 and less and once 1.77. For an electron image it is a place elsewhere, since how far off the place
# itself may be is asked of known answers, and the smaller of the leads with and without the products for
# rims counts: the right ones of sections whose grains differ have 1.9 and more, with chips of their own too
# 1.4 to 3.2; a straight face of another cell had 2.3 with the products and 1.3 without, other images of
# other cells up to 1.5.
_MIN_LEAD: dict[Kind, float] = {"sem": 1.6, "edx": 1.9}

# Other places at which the lead is measured once more.
_RIVALS = 3

# Fraction of the points that are farthest from any edge: what is left over there is noise and grains.
_FLAT_FRACTION = 0.5
# Reach of an edge, samples.
_EDGE_REACH = 5

# Largest factor that an inset may ask for beside its pixel size, which the map does not hold: details stated
# 10 % too large passed every other condition. Counts say less of it than an electron image.
MAX_SCALE: dict[Kind, float] = {"sem": 0.02, "edx": 0.04}

# Smallest fraction of the inset that must lie on the overview.
_MIN_COVERAGE = 0.7

# Largest standard error that is accepted in any direction, in samples of the coarser image. An error of ten
# samples is then more than four standard errors off. On cracks with chips of their own in either image right
# poses have up to 2.0, one that was six pixels off had 5. Element maps with faults: right poses have 0.72 and
# less, an image of another cell had 0.86.
_MAX_SE_SAMPLES: dict[Kind, float] = {"sem": 2.3, "edx": 0.8}

# Largest median shift left in the blocks, in samples of the coarser image. Counts alone make half a
# sample.
_MAX_BLOCK_SHIFT_SAMPLES = 1.0

# Largest error of a known answer, in samples of the coarser image: of pieces of the overview, and of copies
# with the misfit's signs changed. At right poses pieces err by 2.2 (element maps 1.1) and copies by 7.5 and
# less; copies of a pose that was six pixels off by 18, of some images of other cells by a hundred.
_MAX_KNOWN_ERROR_SAMPLES: dict[Kind, float] = {"sem": 8.0, "edx": 1.5}

# Standard error per direction that no residual shows, in samples of the coarser image: rims and interaction
# volumes shift an edge's apparent position, shadows and drift all edges of a map alike. Measured on simulated
# sections.
_MODEL_ERROR_SAMPLES: dict[Kind, float] = {"sem": 0.02, "edx": 0.35}

# Blocks along the inset's longer side, for what is left to shift and for standard errors; these take the
# larger of two sizes, since tiles and slow distortions move large parts alike.
_BLOCKS_ACROSS = 8
_LARGE_BLOCKS_ACROSS = 3


def _block_um(few: Points, across: int = _BLOCKS_ACROSS) -> float:
    return float(np.ptp(few, axis=0).max()) / across


def judge(
    method: str,
    found: FoundPoses,
    without_rims: Sequence[Alignment],
    answers: Sequence[KnownAnswers],
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
    answers : sequence of KnownAnswers
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
    unit_um = images.unit_um
    different_um = _DIFFERENT_SAMPLES * (unit_um if kind == "edx" else max(images.overview_spacing_um))
    score = score_of(best)
    candidates = keep_different(
        [candidate_of(e) for e in found.ends],
        few,
        min_um=different_um / 2.0,
        most=_MOST_CANDIDATES,
    )
    runner_up = best_different(candidates, best.map, few, min_um=different_um)
    far_um = different_um if kind == "edx" else elsewhere_um(few, unit_um)
    elsewhere = best_different(map(candidate_of, found.ends), best.map, few, min_um=far_um)
    noise = _noise_fraction(found)
    lead = _lead(score, elsewhere.score if elsewhere else 0.0, noise)
    lead = lead if kind == "edx" else min(lead, _plain_lead(images, found, far_um))
    labels = cube_labels(best.points, _block_um(few))
    se = _scatter_um(best, refinement)
    if se is not None:
        # Bright rims may stand for an edge that lies a little further out: half of what they change is in
        # doubt.
        doubt = [0.5 * own_error_um(other.map, best.map, few) for other in without_rims]
        seen = KnownAnswers(np.concatenate([np.zeros((0, 3)), *(a.errors_um for a in answers)]))
        se = seen.pooled(np.sqrt(se**2 + sum(d**2 for d in doubt)))
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
        Check(lead >= _MIN_LEAD[kind], _rival(score, elsewhere, lead, _MIN_LEAD[kind])),
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
            worst_se <= _MAX_SE_SAMPLES[kind] * unit_um,
            "too few edges fix its position"
            if se is None
            else f"its edges leave the position uncertain by {worst_se:.1f} um in one direction",
        ),
        *(
            Check(
                known.worst_um <= _MAX_KNOWN_ERROR_SAMPLES[kind] * unit_um,
                f"{known.made_of} were placed up to {known.worst_um:.1f} um off",
            )
            for known in answers
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
                "noise": noise,
                "coverage": best.coverage,
                "rotation_deg": rotation_deg,
                "converged": float(best.converged),
            },
            known_answers=tuple(answers),
            blocks=blocks,
            scale=Scale(asked),
            rivals=rivals_of(candidates, best.map, few, min_um=different_um),
        ),
    )


def _scatter_um(best: Alignment, refinement: Refinement) -> FloatArray | None:
    """Return the standard error by direction that small and large blocks show."""
    clean, few = refinement.own_jacobian(best), refinement.few
    small, large = (
        position_se_um(
            best,
            refinement.motion,
            cube_labels(best.points, _block_um(few, across)),
            few,
            clean_jacobian=clean,
        )
        for across in (_BLOCKS_ACROSS, _LARGE_BLOCKS_ACROSS)
    )
    if small is None or large is None:
        return small
    return np.maximum(small, large)


def _lead(score: float, rival: float, noise: float) -> float:
    """How many times the variance another pose leaves unexplained, noise left aside."""
    return max(1.0 - rival**2 - noise, 0.0) / max(1.0 - score**2 - noise, 0.01)


def _plain_lead(images: InsetImages, found: FoundPoses, far_um: float) -> float:
    """Measure the lead with the pictures alone that leave little freedom to the rims."""
    old = found.refinement
    plain = Refinement(images.fine(products=False), old.motion, old.seed)
    best = plain.run([found.best.map])[0]
    far = [e.map for e in found.ends if mean_difference_um(e.map, found.best.map, old.few) >= far_um]
    rivals = [score_of(end) for end in plain.run(far[:_RIVALS])]
    return _lead(score_of(best), max(rivals, default=0.0), _noise_fraction(FoundPoses([best], plain)))


def _noise_fraction(found: FoundPoses) -> float:
    """Variance of the overview far from edges, where the inset explains nothing, over all its variance."""
    refinement, best = found.refinement, found.best
    steep = ndimage.maximum_filter(refinement.steepness(best), _EDGE_REACH)
    points = steep[refinement.comparison.pictures.mask][refinement.chosen]
    inside = refinement.comparison.field.values_at(best.map(refinement.sample[0]))[1]
    flat = points[inside] <= np.quantile(points[inside], _FLAT_FRACTION)
    spread = 1.4826 * float(np.median(np.abs(best.residual[flat])))
    return min(spread**2 / max(float(best.fixed.var()), 1e-12), 1.0)


def _rival(score: float, rival: RunnerUp | None, lead: float, least: float) -> str:
    if rival is None:
        return f"the score {score:.2f} does not stand out"
    return (
        f"another position, {rival.differs_by_um:.0f} um away, leaves only {lead:.2f} times as much of the "
        f"overview unexplained (at least {least:.2g} times is needed; correlation {rival.score:.2f} there, "
        f"{score:.2f} here): the image shows too little that lies nowhere else"
    )
