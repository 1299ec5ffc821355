"""The known-answer test: the cell's own metal, imaged at known poses, and how far off it is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from spallmap.registration.known_answers import KnownAnswers, known_answers
from spallmap.registration.projection.fit_parameters import N_PARAMETERS, ROTATION, SHIFT, FitParameters
from spallmap.registration.projection.hypotheses import RotationGrid, converge, own_errors_um, solve
from spallmap.registration.projection.judge import agreement, footprint_of
from spallmap.registration.projection.position_error import MIRRORS, block_shape, mirrored
from spallmap.registration.projection.refine import Problem, ProjectionSolution, evaluate
from spallmap.registration.verdict import block_labels

# Known poses lie about as far from the found one as a user's axes column from the truth; shifts of a pixel
# meet the pixel grid at every phase.
KNOWN_ROTATION_SD_DEG = 3.0
KNOWN_SHIFT_PIXEL = 1.0
# The search around the found pose: its nodes are those of the whole search, which lie no further apart.
# Of six screened starts four are followed: with two, one image in some forty was found 139 um off.
KNOWN_GRID = RotationGrid((-6.0, 0.0, 6.0), (-4.0, 0.0, 4.0), 4)


def projection_answers(
    problem: Problem,
    coarse: Problem,
    best: ProjectionSolution,
    stack_column: int,
    n_trials: int,
    rng: np.random.Generator,
) -> KnownAnswers:
    """Draw images of the fitted metal at known poses, register them, and measure the errors.

    An image holds the fitted model at the known pose (with all that was fitted of the scan), noise of the
    image's own strength, and the image's own misfit: the residual of the real fit without the noise's
    fraction, moved with the metal to the nearest pixel. In every other image its sign is drawn anew block by
    block, in the rest it is mirrored whole, so that it keeps its own structure.

    Parameters
    ----------
    problem, coarse : Problem
        The real image with finely and with coarsely pooled metal.
    best : ProjectionSolution
        The real fit of `problem`.
    stack_column : int
        Which own axis of the image runs along the stack.
    n_trials : int
        Number of known poses.
    rng : numpy.random.Generator
        Draws poses, noise and signs.

    Returns
    -------
    KnownAnswers
        Root mean square over the field of each trial's error; along the normal of a projection not a number.

    References
    ----------
    Wu, "Jackknife, bootstrap and other resampling methods in regression analysis", Annals of Statistics 14
    (1986) (residuals with signs drawn anew).
    """
    misfit = _misfit(problem, best)
    errors = []
    for trial in range(n_trials):
        field = _mirrored(misfit, best, rng) if trial % 2 else _with_signs(problem, misfit, rng)
        truth, image = _draw(problem, best, field, rng)
        drawn = replace(problem, image=image)
        ends = solve(replace(coarse, image=image), KNOWN_GRID, stack_column, best.parameters.pose.rotation)
        _, found = converge(drawn, ends[0])
        centre = problem.cloud.centre_um
        own = own_errors_um(problem, found.parameters.pose.to_map(centre), truth.pose.to_map(centre))
        rms = np.sqrt((own.reshape(-1, own.shape[-1]) ** 2).mean(axis=0))
        errors.append(np.pad(rms, (0, 3 - rms.size), constant_values=np.nan))
    return known_answers(errors, made_of="images of the metal")


def _misfit(problem: Problem, best: ProjectionSolution) -> NDArray[np.float64]:
    """Return what the model leaves unexplained where metal is, scaled down by the noise's fraction of it."""
    chi2 = agreement(problem, best).chi2_footprint
    left = np.where(footprint_of(problem, best), problem.image - best.model, 0.0)
    # Single pixels far off are foreign metal, which does not pull the fit either.
    return np.asarray(best.pull * left * np.sqrt(max(0.0, 1.0 - 1.0 / max(chi2, 1.0))), dtype=np.float64)


def _with_signs(
    problem: Problem, misfit: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    labels = block_labels(misfit.shape, block_shape(problem))
    signs = rng.choice([-1.0, 1.0], size=int(labels.max()) + 1)
    return np.asarray(signs[labels] * misfit, dtype=np.float64)


def _mirrored(
    misfit: NDArray[np.float64], best: ProjectionSolution, rng: np.random.Generator
) -> NDArray[np.float64]:
    axes = MIRRORS[int(rng.integers(len(MIRRORS)))]
    return float(rng.choice([-1.0, 1.0])) * mirrored(misfit, best.amplitude, axes)


def _draw(
    problem: Problem, best: ProjectionSolution, misfit: NDArray[np.float64], rng: np.random.Generator
) -> tuple[FitParameters, NDArray[np.float64]]:
    """Draw a known pose and the image that belongs to it."""
    spacing = problem.sampler.image_spacing_um
    pixels = rng.uniform(-KNOWN_SHIFT_PIXEL, KNOWN_SHIFT_PIXEL, len(spacing))
    step = np.zeros(N_PARAMETERS)
    step[ROTATION] = rng.normal(scale=np.deg2rad(KNOWN_ROTATION_SD_DEG), size=3)
    step[SHIFT][: len(spacing)] = (pixels * spacing)[::-1]
    truth = best.parameters.moved(step)
    moved = np.roll(misfit, np.rint(pixels).astype(int), axis=tuple(range(misfit.ndim)))
    amplitude = np.maximum(evaluate(problem, truth).amplitude + moved, 0.0)
    power = np.zeros(misfit.shape)
    for coil in range(problem.n_coils):
        noise = _noise(problem, rng)
        power += np.abs(noise + (amplitude if coil == 0 else 0.0)) ** 2
    return truth, np.sqrt(power)


def _noise(problem: Problem, rng: np.random.Generator) -> NDArray[np.complex128]:
    """Complex noise of one coil, as alike from pixel to pixel as k-space's samples make it."""
    sampler = problem.sampler
    drawn = rng.normal(scale=problem.sigma, size=(2, *sampler.image_shape[:-2], *sampler.matrix))
    weights = sampler.weights
    spectrum = fft.fft2(drawn[0] + 1j * drawn[1]) * weights / np.sqrt(np.mean(weights**2))
    return sampler.image(spectrum)
