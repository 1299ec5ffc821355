"""Least squares over the pose and over what the projection model leaves open."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.registration.projection.forward import Complex, Pose, Sampler, project
from spallmap.registration.projection.metal import Cloud
from spallmap.registration.projection.rician import rician_moments

# Order of the fitted parameters: turn about the own x, y, normal (radians); position of the centroid along
# the own x, y (um); logarithm of each electrode's gain; logarithm of the skin depth; variance of a blur
# beyond the scan's own point spread along x and y (um^2).
TURN, SHIFT, GAIN, SKIN, BLUR = slice(0, 3), slice(3, 5), slice(5, 7), 7, slice(8, 10)
N_POSE, N_PARAMETERS = 5, 10

# The axes column is good to some 15 degrees; as a Gaussian it only matters where the data say nothing.
PRIOR_TURN_SD_DEG = 15.0
# Tabulated resistivity, temperature and surface roughness leave a skin depth uncertain by about a third.
PRIOR_LOG_SKIN_SD = 0.3
# Decay during the readout and filters widen the point spread by a fraction of a pixel.
PRIOR_BLUR_SD_PIXEL = 0.4
# Residuals beyond this many standard deviations pull with constant force: metal that the model does not hold.
HUBER_SD = 3.5
# Gains and shifts have no prior; this much (of a logarithm, in um) only keeps the equations solvable when the
# image holds no signal at all.
RIDGE_LOG_GAIN_SD, RIDGE_SHIFT_SD_UM = 10.0, 1e5
MAX_ITERATIONS = 40


@dataclass(frozen=True)
class Parameters:
    """One point of the parameter space.

    Parameters
    ----------
    pose : Pose
        Where the cell lies.
    gain : ndarray, shape (2,)
        Image units per um^3 of metal, by electrode.
    log_skin : float
        Logarithm of the skin depth relative to that of the cloud.
    blur_um2 : ndarray, shape (2,)
        Variance of the additional blur along own x and y.
    """

    pose: Pose
    gain: NDArray[np.float64]
    log_skin: float
    blur_um2: NDArray[np.float64]

    def moved(self, step: NDArray[np.float64]) -> Parameters:
        """Return the parameters after a step in the order of this module's slices."""
        turned = self.pose.rotation @ Rotation.from_rotvec(step[TURN]).as_matrix()
        return Parameters(
            pose=Pose(turned, self.pose.centre_uv_um + step[SHIFT]),
            gain=self.gain * np.exp(np.clip(step[GAIN], -1.0, 1.0)),
            log_skin=float(np.clip(self.log_skin + step[SKIN], -0.9, 0.9)),
            blur_um2=self.blur_um2 + step[BLUR],
        )


@dataclass(frozen=True)
class Problem:
    """What is held fixed while the parameters move.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Magnitude image.
    used : ndarray of bool, shape (ny, nx)
        Pixels that count.
    sigma : float
        Noise of the real and of the imaginary part.
    sampler : Sampler
        The image's grid.
    cloud : Cloud
        The metal.
    prior : ndarray, shape (3, 3)
        Rotation that the axes column names.
    """

    image: NDArray[np.float64]
    used: NDArray[np.bool_]
    sigma: float
    sampler: Sampler
    cloud: Cloud
    prior: NDArray[np.float64]


@dataclass(frozen=True)
class Solution:
    """Where the least squares ended.

    Parameters
    ----------
    parameters : Parameters
        The best point.
    cost : float
        Robust sum of squared normalised residuals, plus the prior's.
    model : ndarray, shape (ny, nx)
        Expected magnitude.
    amplitude : ndarray, shape (ny, nx)
        Amplitude without noise.
    residual : ndarray, shape (ny, nx)
        (image - model) / standard deviation, on every pixel.
    jacobian : ndarray, shape (ny * nx, 10)
        Derivative of the model over the standard deviation.
    """

    parameters: Parameters
    cost: float
    model: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    residual: NDArray[np.float64]
    jacobian: NDArray[np.float64]


def least_squares(problem: Problem, start: Parameters, max_iterations: int = MAX_ITERATIONS) -> Solution:
    """Minimise the robust misfit by damped Gauss-Newton steps.

    Parameters
    ----------
    problem : Problem
        Data and model.
    start : Parameters
        Where to begin.
    max_iterations : int
        Steps tried at most.

    Returns
    -------
    Solution
        The end point; never worse than the start.

    References
    ----------
    Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", J. SIAM 11 (1963); Huber,
    "Robust estimation of a location parameter", Annals of Mathematical Statistics 35 (1964).
    """
    here = evaluate(problem, start)
    damping = 1e-3
    for _ in range(max_iterations):
        normal, gradient = _normal_equations(problem, here)
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


def evaluate(problem: Problem, parameters: Parameters) -> Solution:
    """Model, residual and derivatives at one point.

    Parameters
    ----------
    problem : Problem
        Data and model.
    parameters : Parameters
        The point.

    Returns
    -------
    Solution
        The state there.
    """
    signal, derivatives = _signal(problem, parameters)
    amplitude = np.abs(signal)
    # The floor keeps the phase of an empty pixel from being undefined; it is far below any noise.
    phase = np.conj(signal) / np.maximum(amplitude, 1e-9 * problem.sigma)
    moments = rician_moments(amplitude, problem.sigma)
    slope = moments.slope / moments.sd
    jacobian = (np.real(phase * derivatives) * slope).reshape(N_PARAMETERS, -1).T
    residual = (problem.image - moments.mean) / moments.sd
    r = np.abs(residual[problem.used])
    # The standard deviation follows the model, so its logarithm belongs to the likelihood.
    robust = np.where(r < HUBER_SD, r**2, HUBER_SD * (2.0 * r - HUBER_SD)).sum()
    spread = 2.0 * np.log(moments.sd[problem.used] / problem.sigma).sum()
    offset, precision = _prior(problem, parameters)
    return Solution(
        parameters=parameters,
        cost=float(robust + spread + offset**2 @ precision),
        model=moments.mean,
        amplitude=amplitude,
        residual=residual,
        jacobian=jacobian,
    )


def covariance(
    problem: Problem, solution: Solution, weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Covariance of all parameters from the information matrix.

    Parameters
    ----------
    problem : Problem
        Data and model.
    solution : Solution
        The end point.
    weights : ndarray, shape (ny, nx), optional
        Inverse variance of each normalised residual; 1 where noise is all.

    Returns
    -------
    ndarray, shape (10, 10)
        In the order of this module's slices.
    """
    normal, _ = _normal_equations(problem, solution, weights)
    return np.asarray(np.linalg.inv(normal), dtype=np.float64)


def start_parameters(problem: Problem, pose: Pose, electrode_amplitudes: NDArray[np.float64]) -> Parameters:
    """Begin with the gains that fit best and with the model's own skin depth and point spread.

    Parameters
    ----------
    problem : Problem
        Data and model.
    pose : Pose
        Where to begin.
    electrode_amplitudes : ndarray, shape (2, ny, nx)
        Amplitude image of each electrode at that pose.

    Returns
    -------
    start : Parameters
        With the gains of a linear fit.
    """
    basis = electrode_amplitudes.reshape(2, -1)[:, problem.used.ravel()]
    power = np.maximum(problem.image[problem.used] ** 2 - 2.0 * problem.sigma**2, 0.0)
    data = np.sqrt(power)
    both = basis.sum(axis=0)
    common = max(float(both @ data / max(float(both @ both), 1e-300)), 1e-300)
    gain = np.linalg.lstsq(basis.T, data, rcond=None)[0]
    gain = np.clip(gain, 0.2 * common, 5.0 * common)
    return Parameters(pose, gain, 0.0, np.zeros(2))


def with_cloud(problem: Problem, cloud: Cloud) -> Problem:
    """Return the same problem for another pooling of the metal."""
    return replace(problem, cloud=cloud)


def _signal(problem: Problem, p: Parameters) -> tuple[Complex, Complex]:
    """Complex signal and its derivative by each parameter."""
    cloud, sampler = problem.cloud, problem.sampler
    own = project(cloud, p.pose.rotation)
    side = np.stack([cloud.electrode == 0, cloud.electrode == 1], axis=1)
    weight = cloud.weight + p.log_skin * cloud.weight_slope
    total = weight * p.gain[cloud.electrode]
    slope = cloud.weight_slope * p.gain[cloud.electrode]
    channels = np.column_stack([weight[:, None] * side, slope, total[:, None] * own])
    spectrum = sampler.transform(own[:, :2] + p.pose.centre_uv_um, channels, cloud.spread_um2)
    ky, kx = sampler.frequencies
    spectrum *= np.exp(-0.5 * (kx**2 * p.blur_um2[0] + ky**2 * p.blur_um2[1]))
    first, second = p.gain[0] * spectrum[0], p.gain[1] * spectrum[1]
    both = first + second
    by_skin, times_x, times_y, times_n = spectrum[2], spectrum[3], spectrum[4], spectrum[5]
    # A turn by w of the image's axes moves a point's own coordinates q by -w x q, and a point that moves
    # changes its Fourier sample by -i k times the move.
    derivatives = np.stack(
        [
            -1j * ky * times_n,
            1j * kx * times_n,
            -1j * (kx * times_y - ky * times_x),
            -1j * kx * both,
            -1j * ky * both,
            first,
            second,
            by_skin,
            -0.5 * kx**2 * both,
            -0.5 * ky**2 * both,
        ]
    )
    images = sampler.image(np.concatenate([both[None], derivatives]))
    return images[0], images[1:]


def _prior(problem: Problem, p: Parameters) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offset of each parameter from its prior mean, and the prior's precision."""
    offset = np.zeros(N_PARAMETERS)
    precision = np.zeros(N_PARAMETERS)
    offset[TURN] = Rotation.from_matrix(problem.prior.T @ p.pose.rotation).as_rotvec()
    precision[SHIFT] = RIDGE_SHIFT_SD_UM**-2
    precision[GAIN] = RIDGE_LOG_GAIN_SD**-2
    precision[TURN] = np.deg2rad(PRIOR_TURN_SD_DEG) ** -2
    offset[SKIN] = p.log_skin
    precision[SKIN] = PRIOR_LOG_SKIN_SD**-2
    offset[BLUR] = p.blur_um2
    variance = (PRIOR_BLUR_SD_PIXEL * np.array(problem.sampler.spacing_um[::-1])) ** 2
    precision[BLUR] = variance**-2
    return offset, precision


def _normal_equations(
    problem: Problem, here: Solution, weights: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r = here.residual
    pull = np.minimum(1.0, HUBER_SD / np.maximum(np.abs(r), 1e-12)) if weights is None else weights
    pull = np.where(problem.used, pull, 0.0).ravel()
    weighted = here.jacobian * pull[:, None]
    offset, precision = _prior(problem, here.parameters)
    normal: NDArray[np.float64] = here.jacobian.T @ weighted + np.diag(precision)
    gradient: NDArray[np.float64] = weighted.T @ r.ravel() - precision * offset
    return normal, gradient
