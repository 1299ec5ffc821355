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

# A scale, or a difference between the axes' scales, is corrected from this many standard errors on.
STRETCH_SE = 3.0
# And from this size on: a free anisotropy moved planes by up to 0.6 voxel along the normal on twelve sections
# whose axes agreed to 0.4 %, since both change the ceramic's width in the field.
LEAST_SCALE = 0.002
LEAST_ANISOTROPY = 0.01


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
        Number of free parameters: `RIGID`, `SCALED` or `STRETCHED`.
    unapplied : tuple of float
        Logarithms of scale and anisotropy that the freest fit wants beside those applied.
    """

    robust: Level
    pose: SectionPose
    free: int
    unapplied: tuple[float, float]

    def unapplied_um(self) -> tuple[float, float]:
        """Root mean square shift of the field along u and v by the stretch that is not applied."""
        scale, half = self.unapplied[0], self.unapplied[1] / 2.0
        size = np.sqrt((self.robust.points**2).mean(axis=0))
        return float(abs(scale + half) * size[0]), float(abs(scale - half) * size[1])


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
        """Number of parameters that the data ask for."""
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
    robust, stretched = refine_robustly(fine, start, free=STRETCHED)
    error = np.sqrt(np.diag(step_covariance(robust, stretched, STRETCHED, rng)))
    uneven = stretched.log_anisotropy
    if abs(uneven) > max(STRETCH_SE * error[7], LEAST_ANISOTROPY):
        return Converged(robust, stretched, STRETCHED, (0.0, 0.0))
    scaled = refine(robust, replace(stretched, log_anisotropy=0.0), free=SCALED)
    error = np.sqrt(np.diag(step_covariance(robust, scaled, SCALED, rng)))
    if abs(scaled.log_scale) > max(STRETCH_SE * error[6], LEAST_SCALE):
        return Converged(robust, scaled, SCALED, (stretched.log_scale - scaled.log_scale, uneven))
    rigid = refine(robust, replace(scaled, log_scale=0.0), free=RIGID)
    return Converged(robust, rigid, RIGID, (stretched.log_scale, uneven))
