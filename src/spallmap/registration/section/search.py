"""The search for a section: coarse poses, refined starts, the deepest minimum, its stretch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from spallmap.registration.section.appearance import Section
from spallmap.registration.section.certainty import step_covariance
from spallmap.registration.section.plane_search import coarse_search
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import (
    RIGID,
    SCALED,
    STRETCHED,
    refine,
    refine_among_minima,
    refine_robustly,
)
from spallmap.registration.section.resolutions import Level
from spallmap.registration.section.starts import refine_starts
from spallmap.registration.section.target import Target
from spallmap.registration.verdict import Refused

# A scale is corrected from this many standard errors, and from this size on.
STRETCH_SE = 3.0
LEAST_SCALE = 0.002
# How much the axes of an image differ in scale: by the first where the microscope is calibrated, by the
# second where the stage stayed tilted, as it does in this fraction of the images (standard deviations of the
# logarithm). A free difference moved planes by up to 0.6 voxel along the normal on twelve sections whose axes
# agreed to 0.4 %, since both change the ceramic's width in the field; none at all moved tilted ones as far.
CALIBRATED = 0.004
TILTED = 0.02
TILTED_FRACTION = 0.15
# A smaller difference is not applied.
LEAST_ANISOTROPY = 0.001
# Error of a measured difference that no residual shows: bright rims make the ceramic thicker, not wider.
UNSEEN_ANISOTROPY = 0.001


@dataclass(frozen=True)
class Converged:
    """A minimum with robust weights and as many stretches as the data ask for.

    Parameters
    ----------
    robust : Level
        The finest resolution with little weight on what does not fit.
    pose : SectionPose
        The minimum.
    free : int
        Number of parameters that are free at it: `RIGID` or `SCALED`.
    stretch_um : tuple of float
        Root mean square shift of the field along u, v and normal by what is not known of the stretch: a scale
        that is not applied, and one standard error of the difference between the axes, the pose following.
    """

    robust: Level
    pose: SectionPose
    free: int
    stretch_um: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class SectionSolution:
    """What the search for a section ends in.

    Parameters
    ----------
    levels : tuple of Level
        The section at each resolution, coarse first.
    converged : Converged
        Where the section lies.
    ranked : list of SectionPose
        Distinct candidates before the stretch was chosen, best first.
    """

    levels: tuple[Level, ...]
    converged: Converged
    ranked: list[SectionPose]

    @property
    def robust(self) -> Level:
        """The fine resolution with little weight on what does not fit."""
        return self.converged.robust

    @property
    def best(self) -> SectionPose:
        """The solution."""
        return self.converged.pose

    @property
    def free(self) -> int:
        """Number of parameters that are free."""
        return self.converged.free

    @property
    def fine(self) -> Level:
        """The finest resolution."""
        return self.levels[-1]

    @property
    def soft(self) -> Level:
        """The resolution at which noise is averaged out and pores are seen: poses are compared there."""
        return self.levels[1]


def search_section(
    section: Section, target: Target, extra: list[SectionPose], rng: np.random.Generator
) -> SectionSolution:
    """Search a tomogram for a section.

    Parameters
    ----------
    section : Section
        The section.
    target : Target
        The tomogram.
    extra : list of SectionPose
        Starts that are refined to the end whatever they score.
    rng : numpy.random.Generator
        For the errors that decide on a stretch.

    Returns
    -------
    SectionSolution
        Where it lies.

    Raises
    ------
    Refused
        If it lies nowhere, with the reason.
    """
    coarse = coarse_search(section, target.specimen, target.prior, threads=target.threads)
    if not coarse and not extra:
        raise Refused("no plane within the prior holds as much ceramic as the section shows")
    levels = target.levels(section)
    ranked = refine_starts(
        section, levels, coarse, extra, target.voxel_um, starts=target.starts, threads=target.threads
    )
    if not ranked:
        raise Refused("the section's field leaves the volume wherever it is placed")
    best = refine_among_minima(levels[-1], ranked[0], target.voxel_um)
    return SectionSolution(levels, converge(levels[-1], best, rng), [best, *ranked[1:]])


def converge(fine: Level, start: SectionPose, rng: np.random.Generator) -> Converged:
    """Refine to the end, with as many stretches as the data ask for.

    Parameters
    ----------
    fine : Level
        The finest resolution.
    start : SectionPose
        A minimum at it.
    rng : numpy.random.Generator
        For the errors that decide.

    Returns
    -------
    Converged
        The minimum.
    """
    # With its stretch first: weights from an unstretched pose take away what asks for it, and left a fifth of
    # a tilt's 1.7 %.
    robust, stretched = refine_robustly(fine, refine(fine, start, free=STRETCHED), free=STRETCHED)
    measured = stretched.log_anisotropy
    variance = float(step_covariance(robust, stretched, STRETCHED, rng)[7, 7]) + UNSEEN_ANISOTROPY**2
    uneven, uneven_error = believed_anisotropy(measured, variance)
    applied = uneven if abs(uneven) >= LEAST_ANISOTROPY else 0.0
    # What is not applied is not known.
    uneven_error = float(np.hypot(uneven_error, uneven - applied))
    pose = refine(robust, replace(stretched, log_anisotropy=applied), free=SCALED)
    error = float(np.sqrt(step_covariance(robust, pose, SCALED, rng)[6, 6]))
    free, unapplied = SCALED, 0.0
    if abs(pose.log_scale) <= max(STRETCH_SE * error, LEAST_SCALE):
        free, unapplied = RIGID, pose.log_scale
        pose = refine(robust, replace(pose, log_scale=0.0), free=RIGID)
    return Converged(robust, pose, free, _stretch_um(robust, pose, free, unapplied, uneven_error))


def believed_anisotropy(measured: float, variance: float) -> tuple[float, float]:
    """Weigh a measured difference between the axes against what microscopes have.

    Parameters
    ----------
    measured, variance : float
        Logarithm of the axes' scales' ratio, and the variance of its error.

    Returns
    -------
    value, standard_error : float
        Mean and standard deviation of the posterior under a mixture of two normal priors, of a calibrated and
        of a tilted stage.

    Examples
    --------
    >>> believed_anisotropy(0.02, 1e-6)[0] > 0.019  # well measured
    True
    >>> abs(believed_anisotropy(0.005, 1e-4)[0]) < 0.002  # hardly seen
    True
    """
    if not np.isfinite(variance):
        return 0.0, TILTED
    priors = np.square([CALIBRATED, TILTED])
    total = priors + variance
    likely = np.array([1.0 - TILTED_FRACTION, TILTED_FRACTION]) * np.exp(-0.5 * measured**2 / total)
    weights = likely / np.sqrt(total)
    if not weights.sum() > 0.0:
        return measured, float(np.sqrt(variance))
    weights /= weights.sum()
    means, variances = measured * priors / total, priors * variance / total
    mean = float(weights @ means)
    return mean, float(np.sqrt(weights @ (variances + means**2) - mean**2))


def _stretch_um(
    robust: Level, pose: SectionPose, free: int, unapplied: float, uneven_error: float
) -> tuple[float, float, float]:
    """Shift of the field by what is not known of the stretch."""
    points = robust.own_points(400)
    # Large enough to be seen beside where a refinement stops.
    step = max(uneven_error, LEAST_ANISOTROPY)
    other = refine(robust, replace(pose, log_anisotropy=pose.log_anisotropy + step), free=free)
    apart = (other.place(points) - pose.place(points)) @ pose.rotation * (uneven_error / step)
    squares = (apart**2).mean(axis=0) + unapplied**2 * (points**2).mean(axis=0)
    u, v, normal = np.sqrt(squares)
    return float(u), float(v), float(normal)
