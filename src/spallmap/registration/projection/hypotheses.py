"""From many starts to the few explanations of an image that are worth comparing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, grid_points
from spallmap.registration.projection.fit_parameters import COIL_TERMS
from spallmap.registration.projection.forward import electrode_images
from spallmap.registration.projection.judge import agreement
from spallmap.registration.projection.refine import (
    Problem,
    ProjectionSolution,
    least_squares,
    promised_fall,
    start_parameters,
)
from spallmap.registration.projection.search import best_per_azimuth, coarse_poses

# Edge of the cubes in which metal is pooled, in pixels (the smaller pitch): for the search, for the result.
SEARCH_BLOCK_PIXEL = 1.0
FINAL_BLOCK_PIXEL = 0.4
# A search bears some per cent of aliased signal, and is several times faster.
SEARCH_OVERSAMPLING = 2
# A start is screened by a few steps before the best few are followed to their end.
SCREENING_ITERATIONS = 8


@dataclass(frozen=True)
class RotationGrid:
    """Rotations that a search tries.

    Parameters
    ----------
    azimuths_deg : tuple of float
        About the own axis that runs along the stack.
    tilts_deg : tuple of float
        About each of the other two own axes.
    starts_kept : int
        How many of the screened starts are followed to their end.
    """

    azimuths_deg: tuple[float, ...]
    tilts_deg: tuple[float, ...]
    starts_kept: int


# The prior's 15 degrees and a margin; descents reach the bottom from neighbouring nodes.
SEARCH_GRID = RotationGrid(tuple(np.arange(-24.0, 25.0, 6.0)), tuple(np.arange(-12.0, 13.0, 4.0)), 5)
# A reversed image only has to be refuted, and descents walk far: a wider grid finds its best well enough.
REVERSED_GRID = RotationGrid((-16.0, 0.0, 16.0), (-12.0, -6.0, 0.0, 6.0, 12.0), 2)
STARTS_PER_AZIMUTH = 2
START_DISTANCE_DEG = 7.0
# A reversed solution that walked further than this from its own start is no longer that hypothesis.
MAX_WALK_DEG = 40.0
_FLIPS = {
    "the image with its rows reversed": np.diag([1.0, -1.0, -1.0]),
    "the image with its columns reversed": np.diag([-1.0, 1.0, -1.0]),
    "the image rotated by 180 degrees": np.diag([-1.0, -1.0, 1.0]),
}


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of the image.

    Parameters
    ----------
    name : str
        In words.
    solution : ProjectionSolution
        Its best fit on the metal pooled for the search.
    """

    name: str
    solution: ProjectionSolution


def solve(
    problem: Problem, grid: RotationGrid, stack_column: int, about: NDArray[np.float64] | None = None
) -> list[ProjectionSolution]:
    """Search a grid of rotations and descend from the best of it.

    Parameters
    ----------
    problem : Problem
        Image and coarsely pooled metal.
    grid : RotationGrid
        Where to look.
    stack_column : int
        Which own axis of the image runs along the stack.
    about : ndarray, shape (3, 3), optional
        Rotation that the grid is laid around; the prior's where absent.

    Returns
    -------
    list of ProjectionSolution
        Every end point, the best first. Several may be the same.
    """
    middle = problem.prior.rotation if about is None else about
    nodes = coarse_poses(problem, middle, grid.azimuths_deg, grid.tilts_deg, stack_column)
    screened: list[ProjectionSolution] = []
    for coarse in best_per_azimuth(nodes, STARTS_PER_AZIMUTH, START_DISTANCE_DEG):
        amplitudes = np.abs(electrode_images(problem.cloud, coarse.pose, problem.sampler))
        start = start_parameters(problem, coarse.pose, amplitudes)
        screened.append(least_squares(problem, start, SCREENING_ITERATIONS))
    screened.sort(key=lambda s: s.cost)
    ends = [least_squares(problem, s.parameters) for s in screened[: grid.starts_kept]]
    return sorted(ends + screened[grid.starts_kept :], key=lambda s: s.cost)


def converge(problem: Problem, start: ProjectionSolution) -> tuple[Problem, ProjectionSolution]:
    """Fit on all of the metal, with a curved coil's profile where the image asks for one.

    Its three terms are fitted where one Gauss-Newton step promises that the cost falls by more than Schwarz's
    criterion asks for that many, in units of the misfit's variance. The linear terms are always fitted under
    their prior.

    Parameters
    ----------
    problem : Problem
        Image and finely pooled metal.
    start : ProjectionSolution
        The end of a search.

    Returns
    -------
    problem : Problem
        With the order of the coil's profile that was chosen.
    solution : ProjectionSolution
        Its best fit.

    References
    ----------
    Schwarz, "Estimating the dimension of a model", Annals of Statistics 6 (1978); Rao, "Large sample tests of
    statistical hypotheses", Proceedings of the Cambridge Philosophical Society 44 (1948) (the score test).
    """
    plain = least_squares(problem, start.parameters)
    curved = replace(problem, prior=replace(problem.prior, coil_order=2))
    found = agreement(problem, plain)
    terms = COIL_TERMS[2] - COIL_TERMS[problem.prior.coil_order]
    needed = terms * np.log(max(found.footprint_pixels, 2)) * max(1.0, found.chi2_footprint)
    if promised_fall(curved, plain) <= needed:
        return problem, plain
    return curved, least_squares(curved, plain.parameters)


def reversed_hypotheses(problem: Problem, stack_column: int) -> list[Hypothesis]:
    """Fit the image under each way in which its rows and columns may have been reversed.

    Since a projection looks the same from behind but for its columns, each of them is a rotation by 180
    degrees.

    Parameters
    ----------
    problem : Problem
        Image and coarsely pooled metal under the prior that the table gives.
    stack_column : int
        Which own axis of the image runs along the stack.

    Returns
    -------
    list of Hypothesis
        One for each reversal whose fit stayed near it.
    """
    found: list[Hypothesis] = []
    for name, flip in _FLIPS.items():
        reversed_problem = replace(
            problem, prior=replace(problem.prior, rotation=problem.prior.rotation @ flip)
        )
        for solution in solve(reversed_problem, REVERSED_GRID, stack_column):
            walk = Rotation.from_matrix(reversed_problem.prior.rotation.T @ solution.parameters.pose.rotation)
            if np.rad2deg(walk.magnitude()) <= MAX_WALK_DEG:
                found.append(Hypothesis(name, solution))
                break
    return found


def in_plane_um(problem: Problem, a: AffineMap, b: AffineMap) -> float:
    """Mean distance between two poses of the image's field; of a projection, seen along its normal.

    Parameters
    ----------
    problem : Problem
        For the field of view.
    a, b : AffineMap
        From the image's frame to the volume's.

    Returns
    -------
    float
        In micrometres; the depth is left out where it is unobservable.
    """
    own = own_errors_um(problem, a, b)
    return float(np.linalg.norm(own, axis=-1).mean())


def own_errors_um(problem: Problem, a: AffineMap, b: AffineMap) -> NDArray[np.float64]:
    """Displacement of `a` from `b` over the field along the observable axes of the image, shape (..., k)."""
    sampler = problem.sampler
    points = grid_points(sampler.image_shape, sampler.image_spacing_um)
    own = (a(points) - b(points)) @ b.linear
    return np.asarray(own[..., : 2 if sampler.slices is None else 3], dtype=np.float64)
