"""From many starts to the few explanations of an image that are worth comparing."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, grid_points
from spallmap.registration.projection.fit import Problem, Solution, least_squares, start_parameters
from spallmap.registration.projection.forward import electrode_images
from spallmap.registration.projection.search import best_per_azimuth, coarse_poses

# Edge of the cubes in which metal is pooled, in pixels (the smaller pitch): for the search, for the result.
SEARCH_BLOCK_PIXEL = 1.0
FINAL_BLOCK_PIXEL = 0.4
# A start is screened by a few steps before the best few are followed to their end.
SCREENING_ITERATIONS = 8


@dataclass(frozen=True)
class Grid:
    """Turns that a search tries.

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
SEARCH_GRID = Grid(tuple(np.arange(-24.0, 25.0, 6.0)), tuple(np.arange(-12.0, 13.0, 4.0)), 5)
# A reversed image only has to be refuted, and descents walk far: a wider grid finds its best well enough.
REVERSED_GRID = Grid((-16.0, 0.0, 16.0), (-12.0, -6.0, 0.0, 6.0, 12.0), 2)
STARTS_PER_AZIMUTH = 2
START_DISTANCE_DEG = 7.0
# A reversed solution that walked further than this from its own start is no longer that hypothesis.
MAX_WALK_DEG = 40.0
_FLIPS = {
    "the image with its rows reversed": np.diag([1.0, -1.0, -1.0]),
    "the image with its columns reversed": np.diag([-1.0, 1.0, -1.0]),
    "the image turned by 180 degrees": np.diag([-1.0, -1.0, 1.0]),
}


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of the image.

    Parameters
    ----------
    name : str
        In words.
    solution : Solution
        Its best fit on the metal pooled for the search.
    """

    name: str
    solution: Solution


def solve(problem: Problem, grid: Grid, stack_column: int) -> list[Solution]:
    """Search a grid of turns and descend from the best of it.

    Parameters
    ----------
    problem : Problem
        Image and coarsely pooled metal.
    grid : Grid
        Where to look.
    stack_column : int
        Which own axis of the image runs along the stack.

    Returns
    -------
    list of Solution
        Every end point, the best first. Several may be the same.
    """
    nodes = coarse_poses(problem, grid.azimuths_deg, grid.tilts_deg, stack_column)
    screened: list[Solution] = []
    for coarse in best_per_azimuth(nodes, STARTS_PER_AZIMUTH, START_DISTANCE_DEG):
        amplitudes = np.abs(electrode_images(problem.cloud, coarse.pose, problem.sampler))
        start = start_parameters(problem, coarse.pose, amplitudes)
        screened.append(least_squares(problem, start, SCREENING_ITERATIONS))
    screened.sort(key=lambda s: s.cost)
    ends = [least_squares(problem, s.parameters) for s in screened[: grid.starts_kept]]
    return sorted(ends + screened[grid.starts_kept :], key=lambda s: s.cost)


def reversed_hypotheses(problem: Problem, stack_column: int) -> list[Hypothesis]:
    """Fit the image under each way in which its rows and columns may have been reversed.

    Since a projection looks the same from behind but for its columns, each of them is a turn by 180 degrees.

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
        turned = replace(problem, prior=problem.prior @ flip)
        for solution in solve(turned, REVERSED_GRID, stack_column):
            walk = Rotation.from_matrix(turned.prior.T @ solution.parameters.pose.rotation)
            if np.rad2deg(walk.magnitude()) <= MAX_WALK_DEG:
                found.append(Hypothesis(name, solution))
                break
    return found


def in_plane_um(problem: Problem, a: AffineMap, b: AffineMap) -> float:
    """Mean distance between two placements of the image's field, seen along the normal of the second.

    Parameters
    ----------
    problem : Problem
        For the field of view.
    a, b : AffineMap
        From the image's frame to the volume's.

    Returns
    -------
    float
        In micrometres; the unobservable depth is left out.
    """
    points = grid_points(problem.sampler.shape, problem.sampler.spacing_um)
    own = (a(points) - b(points)) @ b.linear
    return float(np.hypot(own[..., 0], own[..., 1]).mean())
