"""The conditions that a section has to meet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import StandardError
from spallmap.registration.section.pose import MOST_ANISOTROPY, MOST_SCALE
from spallmap.registration.verdict import Check, angle_between_deg

# The ranges were seen on 117 right sections at random planes of 30 simulated cells, and on 30 of other cells
# put into their tomograms. The correlation is taken where the tomogram is blurred by a voxel.

# Correlation inside the ceramic: 0.80 to 0.99 where right (0.23 once, with a single small pore); sections of
# another cell reach 0.66, a wrong pose in the right cell 0.81 once.
LEAST_CORRELATION = 0.75
# Fraction of the tomogram's variance explained: above 0.89 where right. Wrong poses reach 0.98 too, so that
# this only stops images whose materials mean nothing in the tomogram.
LEAST_AGREEMENT = 0.75
# The best different pose fits worse by this (logarithm of the misfits' ratio): 0.36 to 2.4 where right, up
# to 0.27 for sections of another cell, 0.44 once.
LEAST_MARGIN = 0.1
# And by as many standard errors.
LEAST_MARGIN_SE = 1.5
# Fraction of restarts that come back: nearly all where right, 62 % for some small fields.
LEAST_RETURN = 0.5
# Shift that half of the field asks for on its own: up to 0.8 voxel where right to half a voxel, from 1.7 on
# where wrong by more than one.
MOST_HALVES_VOXELS = 1.5
# One standard error of the position in the worst direction, so that two of them are three voxels.
MOST_SE_VOXELS = 1.5
# Fraction of the known answers beside the solution that must be found again; one in six may be lost.
LEAST_NEAR = 0.8
# Fraction of the field that lies in the volume; what lies outside was not compared.
LEAST_OVERLAP = 0.75
# A stretch this near to the largest that is fitted would go on beyond it: a pixel size stated 5 % too large
# was accepted with 3 % of it taken out.
BOUND = 0.98
# The prior is good to 15 degrees; the tomogram may be tilted a little against its own axes.
MOST_OFF_PRIOR_DEG = 20.0


@dataclass(frozen=True)
class Findings:
    """What the verdict on a section rests on.

    Parameters
    ----------
    correlation : float
        Inside the ceramic.
    agreement : float
        Fraction of the tomogram's variance that the section's classes explain.
    margin, margin_se : float
        Logarithm of how many times worse the best different pose fits, and its standard error.
    returned : float
        Fraction of the restarts that came back.
    halves_um : float
        How far either half of the field, registered alone, moves from the whole.
    se_um : StandardError
        By direction.
    overlap : float
        Fraction of the field inside the volume.
    off_prior_deg : float
        Angle between the pose and the nearest that the prior names.
    voxel_um : float
        Voxel size.
    log_scale, log_anisotropy : float
        Logarithms of the stretches that were fitted.
    """

    correlation: float
    agreement: float
    margin: float
    margin_se: float
    returned: float
    halves_um: float
    se_um: StandardError
    overlap: float
    off_prior_deg: float
    voxel_um: float
    log_scale: float = 0.0
    log_anisotropy: float = 0.0


def checks(evidence: Findings) -> Iterable[Check]:
    """List the conditions, in the order in which a person should read those that fail."""
    e = evidence
    yield Check(
        e.correlation >= LEAST_CORRELATION,
        f"pores and cracks do not agree: correlation {e.correlation:.2f} inside the ceramic, "
        f"at least {LEAST_CORRELATION} is needed",
    )
    yield Check(
        e.agreement >= LEAST_AGREEMENT,
        f"the section's materials explain {100 * e.agreement:.0f} % of the tomogram's contrast, "
        f"at least {100 * LEAST_AGREEMENT:.0f} % is needed",
    )
    times = math.exp(min(e.margin, 50.0))
    yield Check(
        e.margin >= LEAST_MARGIN,
        f"another place fits nearly as well: its misfit is {times:.2f} times as large, "
        f"at least {math.exp(LEAST_MARGIN):.2f} times is needed",
    )
    yield Check(
        e.margin < LEAST_MARGIN or e.margin >= LEAST_MARGIN_SE * e.margin_se,
        f"another place may fit as well: its misfit is {times:.2f} times as large, but so few pores or "
        f"cracks distinguish the two that this is {_in_errors(e):.1f} standard errors; "
        f"{LEAST_MARGIN_SE:g} are needed",
    )
    yield Check(
        e.returned >= LEAST_RETURN,
        f"not converged: {100 * e.returned:.0f} % of the restarts came back to the same pose",
    )
    yield Check(
        e.halves_um <= MOST_HALVES_VOXELS * e.voxel_um,
        f"parts of the field contradict each other by {e.halves_um:.1f} um: "
        "too few pores and cracks, or a distorted image",
    )
    worst = [s for s in (e.se_um.u, e.se_um.v, e.se_um.normal) if s is not None]
    yield Check(
        len(worst) == 3 and max(worst) <= MOST_SE_VOXELS * e.voxel_um,
        f"the position is uncertain by more than {MOST_SE_VOXELS:g} voxel (one standard error)",
    )
    yield Check(
        abs(e.log_scale) < BOUND * math.log1p(MOST_SCALE)
        and abs(e.log_anisotropy) < BOUND * math.log1p(MOST_ANISOTROPY),
        f"the image asks for a pixel size that is off by {100 * MOST_SCALE:g} % or more, or axes that differ "
        f"by {100 * MOST_ANISOTROPY:g} %, all that is fitted: check the pixel size, and that the tilt was "
        "corrected",
    )
    yield Check(
        e.off_prior_deg <= MOST_OFF_PRIOR_DEG,
        f"the axes given are off by {e.off_prior_deg:.0f} degrees; "
        f"they must be good to {MOST_OFF_PRIOR_DEG:g}",
    )
    yield Check(
        e.overlap >= LEAST_OVERLAP, f"only {100 * e.overlap:.0f} % of the field lies inside the volume"
    )


def _in_errors(evidence: Findings) -> float:
    """Margin in its standard errors; 0 where they are unknown."""
    return evidence.margin / evidence.margin_se if 0.0 < evidence.margin_se < math.inf else 0.0


def known_answer_checks(
    near: KnownAnswers, searched: Sequence[KnownAnswers], error: StandardError, voxel_um: float
) -> Iterable[Check]:
    """List the conditions on what became of cuts of the tomogram at known poses.

    Parameters
    ----------
    near : KnownAnswers
        Cuts beside the solution.
    searched : sequence of KnownAnswers
        Cuts elsewhere, each alone.
    error : StandardError
        The whole error that will be reported.
    voxel_um : float
        Voxel size.
    """
    found = sum(not one.lost for one in searched)
    yield Check(
        near.n - near.lost >= LEAST_NEAR * near.n and found > 0,
        "known answers are not found again: of sections cut from the tomogram itself "
        f"{near.lost} of {near.n} beside this place and {len(searched) - found} of {len(searched)} "
        "elsewhere were placed wrongly",
    )
    worst = [s for s in (error.u, error.v, error.normal) if s is not None]
    yield Check(
        len(worst) == 3 and max(worst) <= MOST_SE_VOXELS * voxel_um,
        f"the position is uncertain by more than {MOST_SE_VOXELS:g} voxel (one standard error)",
    )


def off_prior_deg(found: AffineMap, prior: AxesPrior) -> float:
    """Angle between a pose and what the axes say; only the rows' where the columns' direction is open."""
    if prior.unknown_direction:
        row = prior.linear()[:, 1]
        return float(np.rad2deg(np.arccos(np.clip(row @ found.linear[:, 1], -1.0, 1.0))))
    return angle_between_deg(found, AffineMap.from_parts(prior.linear(), (0.0, 0.0, 0.0)))
