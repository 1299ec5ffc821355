"""Which pixel size an image would need for the metal of a tomogram: its extent in pixels against um.

Nothing is accepted here. The stated size is not used: the image's row and column sums are compared with
those of the projected metal at every size, and the best are refined together with the pose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.spatial.transform import Rotation

from spallmap.registration.fitting_size import usual_size
from spallmap.registration.projection.fit_parameters import N_PARAMETERS, FitParameters
from spallmap.registration.projection.forward import ProjectionPose, electrode_images, project
from spallmap.registration.projection.hypotheses import SEARCH_OVERSAMPLING
from spallmap.registration.projection.judge import MAX_MISFIT, agreement
from spallmap.registration.projection.metal import Cloud, Metal, skin_cloud
from spallmap.registration.projection.refine import (
    Problem,
    ProjectionSolution,
    evaluate,
    least_squares,
    normal_equations,
    start_parameters,
)

# Sizes that are compared: steps far below what the refinement catches, 5 to 10 %.
SIZE_STEP = 0.015
# The metal covers this many pixels at least, and the field this fraction of the metal: beyond either there is
# nothing to compare.
LEAST_PIXELS = 4.0
LEAST_FIELD = 0.6
# What is fainter than this many standard deviations of the noise is left out of the sums.
SEEN_SIGMA = 3.0
# Rotations that are compared, degrees: about the stack, and about the two other axes.
AZIMUTHS_DEG = (-18.0, -9.0, 0.0, 9.0, 18.0)
TILTS_DEG = (-12.0, -6.0, 0.0, 6.0, 12.0)
# Bins of a profile of the metal; a hundred suffice for the thickness of an electrode.
PROFILE_BINS = 1024
# Edge of the cubes in which metal is pooled, of its mean extent: for the sums, half a pixel of any scan.
PROFILE_BLOCK = 0.02
# Starts that are refined, and the steps of it: most of the way is done in six.
REFINED = 4
REFINED_STEPS = 25
# Beside a solution: three are at the end of it where the size is right (to 0.02 %).
ASKED_STEPS = 3
# The same in pixels once the size is known.
FIT_BLOCK_PIXEL = 0.5
# Relative step of the derivatives by the size.
SIZE_DIFFERENCE = 1e-3

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class SizeStart:
    """A pixel size at which the sums of the metal look like those of the image.

    Parameters
    ----------
    score : float
        Product of the two correlations.
    spacing_um : tuple of float
        Row and column spacing.
    pose : ProjectionPose
        Where the metal lies then.
    """

    score: float
    spacing_um: tuple[float, float]
    pose: ProjectionPose


def fitting_sizes(
    problem: Problem, metal: Metal, skin_depth_um: float, stack_column: int
) -> list[tuple[float, float]]:
    """Find the row and column spacing at which an image would fit the metal.

    Parameters
    ----------
    problem : Problem
        Image and what is known of it.
    metal : Metal
        The tomogram's sodium.
    skin_depth_um : float
        Expected skin depth.
    stack_column : int
        Which own axis of the image runs along the stack.

    Returns
    -------
    list of tuple of float
        One row and column spacing: what a usual mistake would make of the stated one where that fits, else
        as measured. Empty where the image fits at no size.
    """
    extent = float(np.mean(np.ptp(metal.points_um, axis=0)))
    starts = size_starts(problem, skin_cloud(metal, skin_depth_um, PROFILE_BLOCK * extent), stack_column)
    sized = [(at_size(problem, metal, skin_depth_um, s.spacing_um), s.pose) for s in starts]
    ends = [fit_size(there, _begin(there, pose)) for there, pose in sized]
    if not ends:
        return []
    there, best = min(ends, key=lambda end: end[1].cost)
    if agreement(there, best).misfit > MAX_MISFIT:
        return []
    measured = there.sampler.spacing_um
    usual = usual_size(measured, problem.sampler.spacing_um)
    if usual is None:
        return [measured]
    stretch = np.array(usual) / np.array(measured)
    meant, parameters = _stretched(there, best.parameters, stretch)
    fitted = least_squares(meant, parameters)
    return [meant.sampler.spacing_um if agreement(meant, fitted).misfit <= MAX_MISFIT else measured]


def size_asked(problem: Problem, solution: ProjectionSolution) -> tuple[float, float]:
    """Measure by which factors an image asks for other pixels than the stated ones, beside its solution.

    Parameters
    ----------
    problem : Problem
        Image and metal.
    solution : ProjectionSolution
        The best fit with the stated pixels.

    Returns
    -------
    tuple of float
        Along rows and columns; 1 where the stated size is right. The stretch that a fitted displacement along
        the readout holds counts, since a wrong pixel looks the same.
    """
    there, fitted = fit_size(problem, solution, ASKED_STEPS)
    row, column = (a / b for a, b in zip(there.sampler.spacing_um, problem.sampler.spacing_um, strict=True))
    stretched = [1.0, 1.0]
    if problem.prior.readout is not None:
        axis = 1 - problem.prior.readout
        field_um = there.sampler.shape[axis] * there.sampler.spacing_um[axis]
        stretched[axis] += float(fitted.parameters.warp_um[problem.prior.readout]) / (0.5 * field_um)
    return row / stretched[0], column / stretched[1]


def size_starts(problem: Problem, cloud: Cloud, stack_column: int) -> list[SizeStart]:
    """Compare row and column sums of image and metal at every size and over a grid of rotations.

    Parameters
    ----------
    problem : Problem
        Image and prior.
    cloud : Cloud
        The metal.
    stack_column : int
        Which own axis runs along the stack.

    Returns
    -------
    list of SizeStart
        The best of each of the best azimuths, best first; empty where the image shows nothing.
    """
    seen = np.where(problem.amplitude > SEEN_SIGMA * problem.sigma, problem.amplitude, 0.0)
    if not seen.any():
        return []
    sums = seen.sum(axis=1), seen.sum(axis=0)
    others = [k for k in range(3) if k != stack_column]
    starts: list[SizeStart] = []
    for azimuth in AZIMUTHS_DEG:
        found: list[SizeStart] = []
        for first in TILTS_DEG:
            for second in TILTS_DEG:
                angles = np.zeros(3)
                angles[stack_column], angles[others[0]], angles[others[1]] = azimuth, first, second
                rotation = problem.prior.rotation @ Rotation.from_rotvec(np.deg2rad(angles)).as_matrix()
                own = project(cloud, rotation)
                row = _best_size(sums[0], own[:, 1], cloud.weight)
                column = _best_size(sums[1], own[:, 0], cloud.weight)
                centre = np.array([column[2], row[2], 0.0])
                pose = ProjectionPose(rotation, centre)
                found.append(SizeStart(row[0] * column[0], (row[1], column[1]), pose))
        starts.append(max(found, key=lambda s: s.score))
    return sorted(starts, key=lambda s: -s.score)[:REFINED]


def _best_size(image: FloatArray, position_um: FloatArray, weight: FloatArray) -> tuple[float, float, float]:
    """Return the best correlation of a sum with the metal's, um a pixel, and the centroid's place in um."""
    n = len(image)
    low, high = float(position_um.min()), float(position_um.max())
    extent = max(high - low, 1e-6)
    mass, edges = np.histogram(position_um, bins=PROFILE_BINS, range=(low, high), weights=weight)
    grown = np.concatenate([[0.0], np.cumsum(mass)])
    least, most = LEAST_FIELD * extent / n, extent / LEAST_PIXELS
    sizes = np.exp(np.arange(np.log(least), np.log(max(most, 1.01 * least)), SIZE_STEP))
    # Pixels to both sides of the centroid, as many as the image has.
    at = (np.arange(-n, n + 2) - 0.5)[None, :] * sizes[:, None]
    model = np.diff(np.interp(at, edges, grown), axis=1)
    model /= np.maximum(np.linalg.norm(model, axis=1, keepdims=True), 1e-300)
    size = fft.next_fast_len(4 * n, real=True)
    spectrum = fft.rfft(image, size)[None, :] * np.conj(fft.rfft(model, size, axis=1))
    correlation = fft.irfft(spectrum, size, axis=1)
    k, peak = divmod(int(np.argmax(correlation)), size)
    shift = peak - size if peak > size // 2 else peak
    score = float(correlation.max() / max(float(np.linalg.norm(image)), 1e-300))
    # The model's pixel n holds the centroid.
    return score, float(sizes[k]), (shift + n) * float(sizes[k])


def at_size(problem: Problem, metal: Metal, skin_depth_um: float, spacing_um: Sequence[float]) -> Problem:
    """Return the same image with another pixel size, and the metal pooled for it."""
    row, column = (float(s) for s in spacing_um)
    sized = _with_spacing(problem, (row, column))
    return replace(
        sized,
        sampler=replace(sized.sampler, oversampling=SEARCH_OVERSAMPLING),
        cloud=skin_cloud(metal, skin_depth_um, FIT_BLOCK_PIXEL * sized.pixel_um),
    )


def _with_spacing(problem: Problem, spacing_um: tuple[float, float]) -> Problem:
    sampler = replace(problem.sampler, spacing_um=spacing_um)
    return replace(
        problem,
        sampler=sampler,
        prior=replace(problem.prior, pixel_um=sampler.matrix_um),
    )


def _begin(problem: Problem, pose: ProjectionPose) -> ProjectionSolution:
    amplitudes = np.abs(electrode_images(problem.cloud, pose, problem.sampler))
    return evaluate(problem, start_parameters(problem, pose, amplitudes))


def fit_size(
    problem: Problem, here: ProjectionSolution, steps: int = REFINED_STEPS
) -> tuple[Problem, ProjectionSolution]:
    """Refine pose, scan and pixel size together.

    Parameters
    ----------
    problem : Problem
        Image and metal at a size to begin with.
    here : ProjectionSolution
        Where to begin.
    steps : int
        Gauss-Newton steps at most.

    Returns
    -------
    problem : Problem
        At the size found.
    solution : ProjectionSolution
        The best fit there.

    References
    ----------
    Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", J. SIAM 11 (1963).
    """
    damping = 1e-3
    for _ in range(steps):
        columns = [_size_derivative(problem, here, axis) for axis in (0, 1)]
        wider = np.column_stack([here.jacobian, *columns])
        normal, gradient = normal_equations(problem, here, wider)
        gained = 0.0
        while damping <= 1e4:
            solved = np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient)
            step = np.asarray(solved, dtype=np.float64)
            stretch = np.exp(np.clip(step[N_PARAMETERS:], -0.1, 0.1))
            moved = here.parameters.moved(step[:N_PARAMETERS])
            there_problem, parameters = _stretched(problem, moved, stretch)
            there = evaluate(there_problem, parameters)
            if there.cost < here.cost:
                gained = here.cost - there.cost
                problem, here, damping = there_problem, there, max(damping / 5.0, 1e-7)
                break
            damping *= 8.0
        if gained < 1e-2:
            break
    return problem, here


def _stretched(
    problem: Problem, parameters: FitParameters, stretch: FloatArray
) -> tuple[Problem, FitParameters]:
    """Make pixels larger about the metal's centroid, which stays in its pixel."""
    row, column = problem.sampler.spacing_um
    spacing = (row * float(stretch[0]), column * float(stretch[1]))
    centre = parameters.pose.centre_own_um * np.array([stretch[1], stretch[0], 1.0])
    pose = replace(parameters.pose, centre_own_um=centre)
    return _with_spacing(problem, spacing), replace(parameters, pose=pose)


def _size_derivative(problem: Problem, here: ProjectionSolution, axis: int) -> FloatArray:
    stretch = np.ones(2)
    stretch[axis] += SIZE_DIFFERENCE
    there = evaluate(*_stretched(problem, here.parameters, stretch))
    sd = (problem.image - here.model) / np.where(here.residual == 0.0, np.inf, here.residual)
    change = np.where(sd > 0.0, (there.model - here.model) / np.where(sd > 0.0, sd, 1.0), 0.0)
    return np.asarray(change.ravel() / SIZE_DIFFERENCE, dtype=np.float64)
