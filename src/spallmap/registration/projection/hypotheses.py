"""From many starts to the few explanations of an image that are worth comparing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, grid_points
from spallmap.registration.projection.fit_parameters import COIL_TERMS, WARP
from spallmap.registration.projection.forward import electrode_images
from spallmap.registration.projection.judge import MAX_ROTATION_DEG, agreement
from spallmap.registration.projection.position_error import block_variance, distortion_um
from spallmap.registration.projection.refine import (
    Problem,
    ProjectionSolution,
    evaluate,
    least_squares,
    promised_fall,
    start_parameters,
)
from spallmap.registration.projection.search import best_per_azimuth, coarse_poses
from spallmap.registration.verdict import angle_between_deg

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
# A rival this much worse, in units of the misfit's variance, does not come near by what a scan leaves open.
FOLLOWED_GAP = 1000.0
# A displacement smaller than this, root mean square, is what images without distortion ask for: up to 0.085.
LEAST_DISPLACEMENT_PIXEL = 0.1
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
    problem : Problem
        What it was fitted to, under its own prior.
    """

    name: str
    solution: ProjectionSolution
    problem: Problem


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
    """Fit with a curved coil's profile and a displacement along the readout where the image asks for them.

    The coil's three curved terms, or the displacement's five along one of the axes, are fitted where one
    Gauss-Newton step promises that the cost falls by more than Schwarz's criterion asks for that many, in
    units of the misfit's variance; what promises most goes first. That variance is the reduced chi-square or,
    where neighbouring residuals go together and so pull more, that of whole blocks. A displacement that comes
    out smaller than half a voxel or a tenth of a pixel is the segmentation's, and is not fitted. The coil's
    linear terms are always fitted under their prior.

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
    best = least_squares(problem, start.parameters)
    displaced = True
    while True:
        found = agreement(problem, best)
        samples = found.footprint_pixels * problem.sampler.independent
        a_term = np.log(max(samples, 2.0)) * max(1.0, found.chi2_footprint, block_variance(problem, best))
        promised = [
            (promised_fall(wider, evaluate(wider, best.parameters)) / (terms * a_term), wider)
            for terms, wider in _wider(problem, displaced)
        ]
        asked = [one for one in promised if one[0] > 1.0]
        if not asked:
            return problem, best
        _, wider = max(asked, key=lambda one: one[0])
        if wider.prior.readout is None or problem.prior.readout is not None:
            problem, best = wider, least_squares(wider, best.parameters)
            continue
        axis, fit = _readout(problem, best)
        along = replace(problem, prior=replace(problem.prior, readout=axis))
        a_tenth_um = LEAST_DISPLACEMENT_PIXEL * problem.sampler.matrix_um[1 - axis]
        if distortion_um(along, fit) < max(problem.least_displacement_um, a_tenth_um):
            displaced = False
        else:
            problem, best = along, fit


def _readout(problem: Problem, best: ProjectionSolution) -> tuple[int, ProjectionSolution]:
    """Choose the axis along which metal is displaced: the likelier, unless the other explains more by far."""
    likely, other = (
        (axis, least_squares(replace(problem, prior=replace(problem.prior, readout=axis)), best.parameters))
        for axis in (problem.readout.axis, 1 - problem.readout.axis)
    )
    needed = problem.readout.other_explains * (best.cost - likely[1].cost)
    return other if best.cost - other[1].cost > needed else likely


def _wider(problem: Problem, displaced: bool) -> Iterator[tuple[int, Problem]]:
    """Each way in which more of the scan could be open, with the number of terms that it adds."""
    prior = problem.prior
    if prior.coil_order < 2:
        terms = COIL_TERMS[2] - COIL_TERMS[prior.coil_order]
        yield terms, replace(problem, prior=replace(prior, coil_order=2))
    if displaced and prior.readout is None:
        for axis in (0, 1):
            yield WARP.stop - WARP.start, replace(problem, prior=replace(prior, readout=axis))


def reversed_hypotheses(problem: Problem, stack_column: int, *, from_sides: bool = False) -> list[Hypothesis]:
    """Fit the image under each way in which its rows and columns may have been reversed.

    Since a projection looks the same from behind but for its columns, each of them is a rotation by 180
    degrees.

    Parameters
    ----------
    problem : Problem
        Image and coarsely pooled metal under the prior that the table gives.
    stack_column : int
        Which own axis of the image runs along the stack.
    from_sides : bool
        Try also how the cell looks from its sides, a quarter round the stack.

    Returns
    -------
    list of Hypothesis
        One for each reversal whose fit stayed near it.
    """
    found: list[Hypothesis] = []
    flips = dict(_FLIPS)
    if from_sides:
        about = np.eye(3)[stack_column]
        for angle in (90.0, -90.0):
            name = f"the cell rotated by {angle:.0f} degrees about its stack"
            flips[name] = Rotation.from_rotvec(np.deg2rad(angle) * about).as_matrix()
    for name, flip in flips.items():
        reversed_problem = replace(
            problem, prior=replace(problem.prior, rotation=problem.prior.rotation @ flip)
        )
        for solution in solve(reversed_problem, REVERSED_GRID, stack_column):
            walk = Rotation.from_matrix(reversed_problem.prior.rotation.T @ solution.parameters.pose.rotation)
            if np.rad2deg(walk.magnitude()) <= MAX_WALK_DEG:
                found.append(Hypothesis(name, solution, reversed_problem))
                break
    return found


def contest(
    best: Hypothesis, rivals: Sequence[Hypothesis], chi2: float
) -> tuple[list[Hypothesis], list[float]]:
    """Compare the best solution with its rivals; whoever comes near may open as much of the scan as it.

    Parameters
    ----------
    best : Hypothesis
        The best fit.
    rivals : sequence of Hypothesis
        Other explanations.
    chi2 : float
        Reduced chi-square that the final fit of the best left.

    Returns
    -------
    rivals : list of Hypothesis
        With what those that came near opened. Who ends at the best solution is none and is left out.
    gaps : list of float
        Cost of each beyond the best one's, in units of the misfit's variance.
    """
    wider, fit = converge(best.problem, best.solution)
    centre = best.problem.cloud.centre_um
    to_volume = fit.parameters.pose.to_map(centre)
    variance = max(1.0, chi2, agreement(wider, fit).chi2_footprint)
    followed, gaps = [], []
    for rival in rivals:
        solution = rival.solution
        if solution.cost - fit.cost < FOLLOWED_GAP * variance:
            solution = converge(rival.problem, solution)[1]
        there = solution.parameters.pose.to_map(centre)
        near = in_plane_um(best.problem, there, to_volume) <= best.problem.pixel_um
        if near and angle_between_deg(there, to_volume) <= MAX_ROTATION_DEG:
            continue
        followed.append(replace(rival, solution=solution))
        gaps.append((solution.cost - fit.cost) / variance)
    return followed, gaps


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
