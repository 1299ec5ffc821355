"""Least squares over the pose and over what the projection model leaves open."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.registration.projection.fit_parameters import (
    COIL,
    LIKELY_X,
    N_PARAMETERS,
    WARP,
    FitParameters,
    Prior,
    Readout,
    coil_terms,
    warp_terms,
)
from spallmap.registration.projection.forward import Complex, ProjectionPose, Sampler, project
from spallmap.registration.projection.metal import Cloud
from spallmap.registration.projection.rician import rician_moments

# Residuals beyond this many standard deviations pull with constant force: metal that the model does not hold.
HUBER_SD = 3.5
# Parameters before the coil's, and those of the displacement along the readout.
N_UNWARPED, N_WARP = COIL.start, WARP.stop - WARP.start
MAX_ITERATIONS = 40


@dataclass(frozen=True)
class Problem:
    """What is held fixed while the parameters move.

    Parameters
    ----------
    image : ndarray, shape (ny, nx) or (n_slices, ny, nx)
        Magnitude image.
    used : ndarray of bool
        Pixels that count; of the image's shape.
    sigma : float
        Noise of the real and of the imaginary part of one coil.
    sampler : Sampler
        The image's grid.
    cloud : Cloud
        The metal.
    prior : Prior
        What is known before.
    n_coils : int
        Coils whose squares were summed.
    least_displacement_um : float
        A displacement along the readout that is smaller, root mean square, is not fitted.
    readout : Readout
        Along which own axis the readout runs, as far as that is known.
    """

    image: NDArray[np.float64]
    used: NDArray[np.bool_]
    sigma: float
    sampler: Sampler
    cloud: Cloud
    prior: Prior
    n_coils: int = 1
    least_displacement_um: float = 0.0
    readout: Readout = LIKELY_X

    @property
    def pixel_um(self) -> float:
        """The smaller edge of an acquired pixel."""
        return min(self.sampler.matrix_um)

    @property
    def amplitude(self) -> NDArray[np.float64]:
        """The image without the mean power of its noise, 0 where that leaves nothing or is not used."""
        power = self.image**2 - 2.0 * self.n_coils * self.sigma**2
        return np.sqrt(np.where(self.used, np.maximum(power, 0.0), 0.0))


@dataclass(frozen=True)
class ProjectionSolution:
    """Where the least squares ended.

    Parameters
    ----------
    parameters : FitParameters
        The best point.
    cost : float
        Robust sum of squared normalised residuals, over independent samples, plus the prior's.
    model : ndarray
        Expected magnitude, of the image's shape.
    amplitude : ndarray
        Amplitude without noise.
    residual : ndarray
        (image - model) / standard deviation, on every pixel.
    jacobian : ndarray, shape (n_pixels, 21)
        Derivative of the model over the standard deviation.
    """

    parameters: FitParameters
    cost: float
    model: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    residual: NDArray[np.float64]
    jacobian: NDArray[np.float64]

    @property
    def pull(self) -> NDArray[np.float64]:
        """Weight of each residual under the robust loss, 1 for ordinary ones."""
        return np.minimum(1.0, HUBER_SD / np.maximum(np.abs(self.residual), 1e-12))


def least_squares(
    problem: Problem, start: FitParameters, max_iterations: int = MAX_ITERATIONS
) -> ProjectionSolution:
    """Minimise the robust misfit by damped Gauss-Newton steps.

    Parameters
    ----------
    problem : Problem
        Data and model.
    start : FitParameters
        Where to begin.
    max_iterations : int
        Steps tried at most.

    Returns
    -------
    ProjectionSolution
        The end point; never worse than the start.

    References
    ----------
    Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", J. SIAM 11 (1963); Huber,
    "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """
    here = evaluate(problem, start)
    damping = 1e-3
    for _ in range(max_iterations):
        normal, gradient = normal_equations(problem, here)
        step = np.asarray(
            np.linalg.solve(normal + damping * np.diag(np.diag(normal)), gradient), dtype=np.float64
        )
        there = evaluate(problem, here.parameters.moved(step))
        if there.cost < here.cost:
            gained = here.cost - there.cost
            here, damping = there, max(damping / 5.0, 1e-7)
            if gained < 1e-3:
                break
        else:
            damping *= 8.0
            if damping > 1e4:
                break
    return here


def evaluate(problem: Problem, parameters: FitParameters) -> ProjectionSolution:
    """Model, residual and derivatives at one point.

    Parameters
    ----------
    problem : Problem
        Data and model.
    parameters : FitParameters
        The point.

    Returns
    -------
    ProjectionSolution
        The state there.
    """
    signal, derivatives = _signal(problem, parameters)
    amplitude = np.abs(signal)
    # The floor keeps the phase of an empty pixel from being undefined; it is far below any noise.
    phase = np.conj(signal) / np.maximum(amplitude, 1e-9 * problem.sigma)
    moments = rician_moments(amplitude, problem.sigma, problem.n_coils)
    slope = moments.slope / moments.sd
    jacobian = (np.real(phase * derivatives) * slope).reshape(N_PARAMETERS, -1).T
    residual = (problem.image - moments.mean) / moments.sd
    r = np.abs(residual[problem.used])
    # The standard deviation follows the model, so its logarithm belongs to the likelihood.
    robust = np.where(r < HUBER_SD, r**2, HUBER_SD * (2.0 * r - HUBER_SD)).sum()
    spread = 2.0 * np.log(moments.sd[problem.used] / problem.sigma).sum()
    offset = problem.prior.offset(parameters)
    seen = problem.sampler.independent * float(robust + spread)
    return ProjectionSolution(
        parameters=parameters,
        cost=float(seen + offset**2 @ problem.prior.precision),
        model=moments.mean,
        amplitude=amplitude,
        residual=residual,
        jacobian=jacobian,
    )


def covariance(problem: Problem, solution: ProjectionSolution) -> NDArray[np.float64]:
    """Covariance of all parameters from the information matrix.

    Parameters
    ----------
    problem : Problem
        Data and model.
    solution : ProjectionSolution
        The end point.

    Returns
    -------
    ndarray, shape (21, 21)
        In the order of :mod:`spallmap.registration.projection.fit_parameters`.
    """
    normal, _ = normal_equations(problem, solution)
    return np.asarray(np.linalg.inv(normal), dtype=np.float64)


def promised_fall(problem: Problem, here: ProjectionSolution) -> float:
    """By how much one Gauss-Newton step would lower the cost: small at a minimum, not where more is open.

    Parameters
    ----------
    problem : Problem
        Data and model, perhaps with more parameters open than where `here` was found.
    here : ProjectionSolution
        Where the step begins.

    Returns
    -------
    float
        Of the cost, to second order.
    """
    normal, gradient = normal_equations(problem, here)
    return float(gradient @ np.linalg.solve(normal, gradient))


def start_parameters(
    problem: Problem, pose: ProjectionPose, electrode_amplitudes: NDArray[np.float64]
) -> FitParameters:
    """Begin with the gains that fit best and with the model's own skin depth and point spread.

    Parameters
    ----------
    problem : Problem
        Data and model.
    pose : ProjectionPose
        Where to begin.
    electrode_amplitudes : ndarray, shape (2, *image)
        Amplitude image of each electrode at that pose.

    Returns
    -------
    start : FitParameters
        With the gains of a linear fit.
    """
    basis = electrode_amplitudes.reshape(2, -1)[:, problem.used.ravel()]
    data = problem.amplitude[problem.used]
    both = basis.sum(axis=0)
    common = max(float(both @ data / max(float(both @ both), 1e-300)), 1e-300)
    gain = np.linalg.lstsq(basis.T, data, rcond=None)[0]
    gain = np.clip(gain, 0.2 * common, 5.0 * common)
    return FitParameters(pose, gain, 0.0, np.zeros(2), np.zeros(5))


def _signal(problem: Problem, p: FitParameters) -> tuple[Complex, Complex]:
    """Complex signal and its derivative by each parameter."""
    cloud, sampler = problem.cloud, problem.sampler
    own = project(cloud, p.pose.rotation)
    side = np.stack([cloud.electrode == 0, cloud.electrode == 1], axis=1)
    weight = cloud.weight + p.log_skin * cloud.weight_slope
    total = weight * p.gain[cloud.electrode]
    slope = cloud.weight_slope * p.gain[cloud.electrode]
    ky, kx = sampler.frequencies
    blur = np.exp(-0.5 * (kx**2 * p.blur_um2[0] + ky**2 * p.blur_um2[1]))
    position = own + p.pose.centre_own_um
    channels = np.column_stack([weight[:, None] * side, slope, total[:, None] * own])
    readout = problem.prior.readout
    if readout is not None:
        warp = warp_terms(own, total, sampler)
        position[:, readout] += p.warp_um @ warp
        channels = np.column_stack([channels, (total * warp).T])
    spectrum = sampler.transform(position, channels, cloud.spread_um2) * blur
    first, second = p.gain[0] * spectrum[0], p.gain[1] * spectrum[1]
    both = first + second
    by_skin, times_x, times_y, times_n = spectrum[2], spectrum[3], spectrum[4], spectrum[5]
    if sampler.slices is None:
        by_depth = deep_x = deep_y = np.zeros_like(both)
    else:
        channels = np.column_stack([total, total * own[:, 0], total * own[:, 1]])
        by_depth, deep_x, deep_y = sampler.transform(position, channels, cloud.spread_um2, moving=True) * blur
    # A rotation by w of the image's axes moves a point's own coordinates q by -w x q, and a point that moves
    # changes its Fourier sample by -i k times the move, and its slice by its depth.
    derivatives = np.stack(
        [
            -1j * ky * times_n - deep_y,
            1j * kx * times_n + deep_x,
            -1j * (kx * times_y - ky * times_x),
            -1j * kx * both,
            -1j * ky * both,
            by_depth,
            first,
            second,
            by_skin,
            -0.5 * kx**2 * both,
            -0.5 * ky**2 * both,
        ]
    )
    if readout is not None:
        derivatives = np.concatenate([derivatives, -1j * (kx, ky)[readout] * spectrum[6:]])
    images = sampler.image(np.concatenate([both[None], derivatives]))
    terms = coil_terms(sampler)
    images = images * np.exp(np.tensordot(p.coil, terms, axes=1))
    by_coil = (terms if sampler.slices is None else terms[:, None]) * images[0]
    by_warp = images[1 + N_UNWARPED :] if readout is not None else np.zeros((N_WARP, *images.shape[1:]))
    return images[0], np.concatenate([images[1 : 1 + N_UNWARPED], by_coil, by_warp])


def normal_equations(
    problem: Problem, here: ProjectionSolution, jacobian: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return normal matrix and gradient of the robust misfit.

    Parameters
    ----------
    problem : Problem
        Data and model.
    here : ProjectionSolution
        Where.
    jacobian : ndarray, shape (n_pixels, 21 + k), optional
        With further parameters after the model's own, on which there is no prior.

    Returns
    -------
    normal : ndarray, shape (21 + k, 21 + k)
        Of all parameters.
    gradient : ndarray, shape (21 + k,)
        Downhill.
    """
    wider = here.jacobian if jacobian is None else jacobian
    # Pixels that were filled in between others say what those say.
    pull = problem.sampler.independent * np.where(problem.used, here.pull, 0.0).ravel()
    weighted = wider * pull[:, None]
    free = (0, wider.shape[1] - N_PARAMETERS)
    precision = np.pad(problem.prior.precision, free)
    normal: NDArray[np.float64] = wider.T @ weighted + np.diag(precision)
    gradient: NDArray[np.float64] = weighted.T @ here.residual.ravel()
    return normal, gradient - precision * np.pad(problem.prior.offset(here.parameters), free)
