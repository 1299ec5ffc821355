"""A tomogram made ready for sections to be placed in it, and the search for one of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spallmap.axes import AxesPrior
from spallmap.registration.section.appearance import Section
from spallmap.registration.section.certainty import step_covariance
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import RIGID, SCALED, STRETCHED, refine, settle
from spallmap.registration.section.resolutions import Grid, Level, make_grid, make_level, sharpened
from spallmap.registration.section.search import coarse_search, neighbours
from spallmap.registration.section.specimen import Specimen, read_specimen
from spallmap.registration.section.starts import STARTS, climb
from spallmap.tomography.labels import is_filled
from spallmap.tomography.measures.blur import measure_blur
from spallmap.tomography.phases.interfaces import find_interfaces

#: Resolution of the coarse search in voxels.
COARSE_VOXELS = 4.0
#: Voxels along the longest side of the volume that is searched; a larger one is binned first, and its own
#: voxels are for the last refinement.
SEARCHED = 350
#: Blur and binning of the refinement's levels, in voxels of the tomogram. From the first straight to the
#: last, minima of the noise stopped one pose in three half a voxel short.
LEVELS = ((2.0, 2), (1.0, 1), (0.0, 1))
#: A scale, or a difference between the axes' scales, is corrected from this many standard errors on, and
#: from this size on: a free anisotropy moved planes by up to 0.6 voxel along the normal on twelve sections
#: whose axes agreed to 0.4 %, since both change the ceramic's width in the field.
STRETCH_SE, LEAST_SCALE, LEAST_ANISOTROPY = 3.0, 0.002, 0.01
#: Around a minimum at the finest resolution others are looked for this far off, over the field; in so many
#: rounds of so many first steps, and so many of each round to the end. Two of 36 planes were 1.5 voxels off
#: in a minimum that was not the deepest.
POLISH_VOXELS, POLISH_ROUNDS, POLISH_BEGUN, POLISHED = 1.5, 3, 4, 4


@dataclass(frozen=True)
class Target:
    """Where a section is looked for.

    Parameters
    ----------
    phases : ndarray of uint8, shape (nz, ny, nx)
        Labels of the tomography station.
    spacing_um : tuple of float
        Of the tomogram, in array order.
    specimen : Specimen
        For the coarse search.
    grids : tuple of Grid
        For the refinement, coarse first.
    prior : AxesPrior
        Rows along a named direction.
    starts, threads : int
        Coarse poses that are refined; number of threads.
    """

    phases: NDArray[np.uint8]
    spacing_um: tuple[float, float, float]
    specimen: Specimen
    grids: tuple[Grid, ...]
    prior: AxesPrior
    starts: int
    threads: int

    @property
    def voxel_um(self) -> float:
        """Mean voxel size."""
        return float(np.mean(self.spacing_um))

    def levels(self, section: Section) -> tuple[Level, ...]:
        """Bring a section to the resolution of each grid."""
        return tuple(make_level(section, grid) for grid in self.grids)


@dataclass(frozen=True)
class Settled:
    """A minimum with robust weights and as many stretches as the data ask for.

    Parameters
    ----------
    robust : Level
        The finest resolution with little weight on what does not fit.
    pose : SectionPose
        The minimum.
    free : int
        Number of free parameters: `RIGID`, `SCALED` or `STRETCHED`.
    left : tuple of float
        Logarithms of scale and anisotropy that the freest fit wants beside those applied.
    """

    robust: Level
    pose: SectionPose
    free: int
    left: tuple[float, float]

    def left_um(self) -> tuple[float, float]:
        """Root mean square shift of the field along u and v by the stretch that is not applied."""
        scale, half = self.left[0], self.left[1] / 2.0
        size = np.sqrt((self.robust.points**2).mean(axis=0))
        return float(abs(scale + half) * size[0]), float(abs(scale - half) * size[1])


@dataclass(frozen=True)
class SectionSolution:
    """What the search for a section ends in.

    Parameters
    ----------
    levels : tuple of Level
        The section at each resolution, coarse first.
    settled : Settled
        Where the section lies.
    ranked : list of SectionPose
        Distinct candidates before settling, best first.
    """

    levels: tuple[Level, ...]
    settled: Settled
    ranked: list[SectionPose]

    @property
    def robust(self) -> Level:
        """The fine resolution with little weight on what does not fit."""
        return self.settled.robust

    @property
    def best(self) -> SectionPose:
        """The solution."""
        return self.settled.pose

    @property
    def free(self) -> int:
        """Number of parameters that the data ask for."""
        return self.settled.free

    @property
    def fine(self) -> Level:
        """The finest resolution."""
        return self.levels[-1]

    @property
    def soft(self) -> Level:
        """The resolution at which noise is averaged out and pores are seen: poses are compared there."""
        return self.levels[1]


def make_target(
    grey: NDArray[np.uint16],
    phases: NDArray[np.uint8],
    spacing_um: tuple[float, float, float],
    prior: AxesPrior,
    *,
    starts: int = STARTS,
    threads: int = 1,
) -> Target | str:
    """Prepare a tomogram.

    Parameters
    ----------
    grey : ndarray of uint16, shape (nz, ny, nx)
        On the common scale.
    phases : ndarray of uint8, shape (nz, ny, nx)
        Labels of the tomography station.
    spacing_um : tuple of float
        In array order.
    prior : AxesPrior
        What is known of the section's axes.
    starts, threads : int
        Coarse poses that are refined; number of threads.

    Returns
    -------
    Target or str
        What sections are placed in, or why they cannot be.
    """
    voxel = float(np.mean(spacing_um))
    binning = max(1, round(max(grey.shape) / SEARCHED))
    specimen = read_specimen(grey, phases, spacing_um, COARSE_VOXELS * binning * voxel)
    if isinstance(specimen, str):
        return specimen
    blur = measure_blur(grey, find_interfaces(phases, grey)).sigma_voxels
    sharp, left = sharpened(grey, is_filled(phases), blur, threads=threads)
    levels = [(added * binning, own * binning) for added, own in LEVELS]
    if binning > 1:
        levels.append(LEVELS[-1])
    grids = tuple(
        make_grid(sharp, spacing_um, left * voxel, binning=own, blur_um=added * voxel)
        for added, own in levels
    )
    return Target(phases, spacing_um, specimen, grids, prior, starts, threads)


def solve(
    section: Section, target: Target, extra: list[SectionPose], rng: np.random.Generator
) -> SectionSolution | str:
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
    SectionSolution or str
        Where it lies, or why it lies nowhere.
    """
    coarse = coarse_search(section, target.specimen, target.prior, threads=target.threads)
    if not coarse and not extra:
        return "no plane within the prior holds as much ceramic as the section shows"
    levels = target.levels(section)
    ranked = climb(
        section, levels, coarse, extra, target.voxel_um, starts=target.starts, threads=target.threads
    )
    if not ranked:
        return "the section's field leaves the volume wherever it is placed"
    best = polish(levels[-1], ranked[0], target.voxel_um)
    return SectionSolution(levels, settle_stretch(levels[-1], best, rng), [best, *ranked[1:]])


def polish(fine: Level, pose: SectionPose, voxel_um: float) -> SectionPose:
    """Try whether a pose beside a minimum leads to a deeper one, since noise makes many.

    Parameters
    ----------
    fine : Level
        The resolution to look at.
    pose : SectionPose
        A minimum at it.
    voxel_um : float
        Voxel size.

    Returns
    -------
    SectionPose
        The deepest minimum found; the same pose where there is none deeper.
    """
    size = float(np.sqrt((fine.points**2).sum(axis=1).mean()))
    for _ in range(POLISH_ROUNDS):
        around = neighbours(
            pose, POLISH_VOXELS * voxel_um, float(np.rad2deg(POLISH_VOXELS * voxel_um / size))
        )
        begun = [refine(fine, near, iterations=POLISH_BEGUN, free=SCALED) for near in around]
        begun.sort(key=lambda near: -near.score)
        ended = [refine(fine, near, free=SCALED) for near in begun[:POLISHED]]
        best = max(ended, key=lambda near: near.score)
        if not best.score > pose.score:
            break
        pose = best
    return pose


def resolutions_apart(solution: SectionSolution, voxel_um: float) -> NDArray[np.float64]:
    """Compare the solution with the minimum that the finest resolution reaches from the soft one's deepest.

    Parameters
    ----------
    solution : SectionSolution
        What the search ended in.
    voxel_um : float
        Voxel size.

    Returns
    -------
    ndarray, shape (3,)
        Root mean square distance over the field along u, v and normal, um: next to nothing where both
        resolutions prefer the same minimum.
    """
    soft, fine, best = solution.soft, solution.fine, solution.ranked[0]
    preferred = polish(soft, refine(soft, best, free=SCALED), voxel_um)
    reached = refine(fine, preferred, free=SCALED)
    points = fine.own_points(400)
    apart = (reached.place(points) - best.place(points)) @ best.rotation
    distance: NDArray[np.float64] = np.sqrt((apart**2).mean(axis=0))
    return distance


def settle_stretch(fine: Level, start: SectionPose, rng: np.random.Generator) -> Settled:
    """Settle with as many stretches as the data ask for.

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
    Settled
        The minimum.
    """
    robust, stretched = settle(fine, start, free=STRETCHED)
    error = np.sqrt(np.diag(step_covariance(robust, stretched, STRETCHED, rng)))
    uneven = stretched.log_anisotropy
    if abs(uneven) > max(STRETCH_SE * error[7], LEAST_ANISOTROPY):
        return Settled(robust, stretched, STRETCHED, (0.0, 0.0))
    scaled = refine(robust, replace(stretched, log_anisotropy=0.0), free=SCALED)
    error = np.sqrt(np.diag(step_covariance(robust, scaled, SCALED, rng)))
    if abs(scaled.log_scale) > max(STRETCH_SE * error[6], LEAST_SCALE):
        return Settled(robust, scaled, SCALED, (stretched.log_scale - scaled.log_scale, uneven))
    rigid = refine(robust, replace(scaled, log_scale=0.0), free=RIGID)
    return Settled(robust, rigid, RIGID, (stretched.log_scale, uneven))
