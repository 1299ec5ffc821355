"""T2 of every pixel of an echo series, with its errors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from spallmap.errors import InputError
from spallmap.relaxometry.models import Estimates, SignalModel, get_model
from spallmap.relaxometry.noise import estimate_noise
from spallmap.relaxometry.result import FitStatus, T2Fit
from spallmap.relaxometry.samples import check_sigma, default_bounds, sorted_echoes, t2_grid

Array = NDArray[np.float64]

# Below this signal at the first echo, in units of sigma, pure noise fitted alone looks like signal in more
# than 1 % of pixels and the standard error of T2 is beyond 60 % (Cramér-Rao bound for five echoes over 1 to
# 3 T2).
MIN_SNR = 3.0
# Pixels fitted at a time: bounds the memory that likelihood grids take to some 50 MB.
_CHUNK = 65_536
# A likelihood narrower than this many grid steps is not resolved by the grid.
_RESOLVED_STEPS = 1.5


def standard_errors(
    te_ms: Array, theta: Array, first: Array, information: Array, free_offset: bool
) -> tuple[Array, Array]:
    """Cramér-Rao standard errors of an exponential decay.

    Parameters
    ----------
    te_ms : ndarray, shape (n_echoes,)
        Echo times.
    theta : ndarray, shape (n_pixels,)
        log of T2 in ms.
    first : ndarray, shape (n_pixels,)
        Signal at the first echo over sigma.
    information : ndarray, shape (n_pixels, n_echoes)
        Fisher information of each sample about its noiseless signal, times sigma squared.
    free_offset : bool
        Whether a constant was fitted as well.

    Returns
    -------
    theta_se : ndarray, shape (n_pixels,)
        Standard error of log T2; infinite where the data say nothing.
    log_s0_se : ndarray, shape (n_pixels,)
        Standard error of log s0, the amplitude at echo time 0.
    """
    u = te_ms * np.exp(-theta)[:, None]
    signal = first[:, None] * np.exp(u[:, :1] - u)
    # columns: derivatives of the signal by log s0 and log T2
    by_s0, by_theta = signal, signal * u
    if free_offset:
        total = information.sum(axis=1, keepdims=True)
        by_s0 = by_s0 - np.sum(information * by_s0, axis=1, keepdims=True) / total
        by_theta = by_theta - np.sum(information * by_theta, axis=1, keepdims=True) / total
    ss = np.sum(information * by_s0**2, axis=1)
    st = np.sum(information * by_s0 * by_theta, axis=1)
    tt = np.sum(information * by_theta**2, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = ss * tt - st**2
        theta_se = np.sqrt(ss / determinant)
        log_s0_se = np.sqrt(tt / determinant)
    known = determinant > 0.0
    return np.where(known, theta_se, np.inf), np.where(known, log_s0_se, np.inf)


def probability_long(
    profile: Array, grid_ms: Array, long_ms: float, theta: Array, theta_se: Array, peak: Array
) -> Array:
    """Probability that T2 is above a threshold, from the profile likelihood.

    The prior is flat in log T2 between the ends of the grid; the amplitude is profiled out, which for these
    models is a flat prior in its logarithm to the first order and does not depend on the time to which the
    amplitude is referred. Where the likelihood is too narrow for the grid, its signed root at the threshold
    is taken as a standard normal variable.

    Parameters
    ----------
    profile : ndarray, shape (n_pixels, n_grid)
        Log-likelihood.
    grid_ms : ndarray, shape (n_grid,)
        Rising T2; `long_ms` is one of them if inside.
    long_ms : float
        The threshold.
    theta, theta_se : ndarray, shape (n_pixels,)
        log T2 at the maximum and its standard error.
    peak : ndarray, shape (n_pixels,)
        Log-likelihood at the maximum.

    Returns
    -------
    ndarray, shape (n_pixels,)
        Between 0 and 1.

    References
    ----------
    Barndorff-Nielsen and Cox, Inference and Asymptotics, Chapman and Hall 1994 (signed root).
    """
    if long_ms <= grid_ms[0]:
        return np.ones(len(profile))
    if long_ms >= grid_ms[-1]:
        return np.zeros(len(profile))
    log_t2 = np.log(grid_ms)
    split = int(np.argmin(np.abs(grid_ms - long_ms)))
    weights = np.gradient(log_t2)
    weights[[0, -1]] /= 2.0
    weights[split] = (log_t2[split + 1] - log_t2[split]) / 2.0
    likelihood = np.exp(profile - profile.max(axis=1, keepdims=True))
    long_part = likelihood[:, split:] @ weights[split:]
    weights[split] = (log_t2[split] - log_t2[split - 1]) / 2.0
    by_grid = long_part / (long_part + likelihood[:, : split + 1] @ weights[: split + 1])
    root = np.sqrt(2.0 * np.maximum(peak - profile[:, split], 0.0))
    by_root: Array = special.ndtr(np.where(theta > np.log(long_ms), root, -root))
    narrow = theta_se < _RESOLVED_STEPS * np.max(np.diff(log_t2))
    return np.where(narrow, by_root, by_grid)


def _brackets(profile: Array, log_t2: Array) -> tuple[Array, Array, Array]:
    best = np.argmax(profile, axis=1)
    last = log_t2.size - 1
    return log_t2[np.maximum(best - 1, 0)], log_t2[np.minimum(best + 1, last)], log_t2[best]


def _fit_rows(
    samples: Array, te_ms: Array, model: SignalModel, grid_ms: Array, long_ms: float
) -> tuple[Estimates, Array, Array, Array, Array]:
    """Fit pixels as rows, in units of sigma; returns estimates, errors of log T2 and log s0, p_long, chi2."""
    prepared = model.prepare(samples, te_ms)
    profile = model.profile(prepared, te_ms, grid_ms)
    low, high, start = _brackets(profile, np.log(grid_ms))
    found = model.estimate(prepared, te_ms, low, high, start)
    theta_se, log_s0_se = standard_errors(
        te_ms, found.theta, found.first, found.information, model.free_offset
    )
    p_long = probability_long(profile, grid_ms, long_ms, found.theta, theta_se, found.peak)
    freedom = te_ms.size - model.n_parameters
    chi2 = np.sum((prepared - found.expected) ** 2 / found.variance, axis=1)
    chi2_reduced = chi2 / freedom if freedom > 0 else np.full(len(chi2), np.nan)
    return found, theta_se, log_s0_se, p_long, chi2_reduced


def fit_t2(
    echoes: ArrayLike,
    te_ms: Sequence[float],
    model: str = "rician",
    sigma: float | None = None,
    long_ms: float = 12.0,
    mask: NDArray[np.bool_] | None = None,
    *,
    t2_bounds_ms: tuple[float, float] | None = None,
    min_snr: float = MIN_SNR,
    saturation: float | None = None,
) -> T2Fit:
    """Fit a mono-exponential decay to every pixel.

    The search is global: the likelihood is profiled over its linear parameters on a grid of T2, and its
    highest point is refined by Newton's method between its neighbours. No start value is needed. Slices, if
    there are many, are pixels like any others and share one noise level.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ...)
        Magnitudes, or complex data for model ``complex``; any order of echoes.
    te_ms : sequence of float
        Echo time of each, in ms.
    model : str
        A key of :data:`spallmap.relaxometry.models.MODELS`.
    sigma : float, optional
        Noise per channel in the units of the data; absent: from the background (:func:`estimate_noise`).
    long_ms : float
        What counts as a long T2.
    mask : ndarray of bool, optional
        Pixels to fit; absent: all.
    t2_bounds_ms : tuple of float, optional
        Where T2 is sought; absent: a tenth of the closest echo spacing to twenty times the last echo time.
    min_snr : float
        Signal at the first echo, in units of sigma, below which a pixel's status is ``BELOW_SNR``.
    saturation : float, optional
        Magnitude at and above which a sample counts as saturated.

    Returns
    -------
    T2Fit
        The maps.

    Raises
    ------
    InputError
        If the echo times do not fit the data or the model, `sigma`, `long_ms`, the bounds or the mask
        cannot be used, or no noise level is given and none can be found.
    """
    chosen = get_model(model)
    data, te = sorted_echoes(echoes, te_ms, chosen)
    if not (np.isfinite(long_ms) and long_ms > 0.0):
        raise InputError("t2.long_ms", str(long_ms), "a positive time in ms")
    bounds = default_bounds(te) if t2_bounds_ms is None else t2_bounds_ms
    if not (0.0 < bounds[0] < bounds[1] < np.inf):
        raise InputError("t2_bounds_ms", str(bounds), "two rising positive times in ms")
    shape = data.shape[1:]
    wanted = np.ones(shape, dtype=bool) if mask is None else np.asarray(mask, dtype=bool)
    if wanted.shape != shape:
        raise InputError("mask", f"shape {wanted.shape}", f"the shape of one echo, {shape}")
    level = check_sigma(estimate_noise(data).sigma if sigma is None else sigma)

    rows = data.reshape(te.size, -1).T
    status = np.full(len(rows), FitStatus.OK, dtype=np.int32)
    if saturation is not None:
        status[np.any(np.abs(rows) >= saturation, axis=1)] = FitStatus.SATURATED
    valid = np.all(np.isfinite(rows), axis=1)
    if not chosen.complex_data:
        valid &= np.all(rows >= 0, axis=1)
    status[~valid] = FitStatus.INVALID
    status[~wanted.ravel()] = FitStatus.MASKED
    names = ("t2_ms", "t2_se_ms", "s0", "s0_se", "offset", "p_long", "chi2_reduced", "snr")
    maps = {name: np.full(len(rows), np.nan) for name in names}
    grid = t2_grid(bounds, long_ms)
    todo = np.flatnonzero(status == FitStatus.OK)
    for begin in range(0, todo.size, _CHUNK):
        part = todo[begin : begin + _CHUNK]
        samples = rows[part] / level
        found, theta_se, log_s0_se, p_long, chi2_reduced = _fit_rows(samples, te, chosen, grid, long_ms)
        t2 = np.exp(found.theta)
        s0 = level * found.first * np.exp(te[0] / t2)
        maps["t2_ms"][part] = t2
        maps["t2_se_ms"][part] = t2 * theta_se
        maps["s0"][part] = s0
        with np.errstate(invalid="ignore"):
            maps["s0_se"][part] = np.where(s0 > 0.0, s0 * log_s0_se, np.inf)
        maps["offset"][part] = level * found.offset
        maps["p_long"][part] = p_long
        maps["chi2_reduced"][part] = chi2_reduced
        maps["snr"][part] = found.first
        status[part] = _statuses(found, np.log(grid[[0, -1]]), min_snr)
    return T2Fit(
        **{name: values.reshape(shape) for name, values in maps.items()},
        status=status.reshape(shape),
        model=chosen.name,
        sigma=level,
        te_ms=tuple(float(t) for t in te),
        long_ms=float(long_ms),
        t2_bounds_ms=(float(bounds[0]), float(bounds[1])),
    )


# Distance to a bound in log T2 that counts as on it: far above rounding, far below any standard error.
_AT_BOUND = 1e-6


def _statuses(found: Estimates, log_bounds: Array, min_snr: float) -> NDArray[np.int32]:
    """Worst finding per pixel: below SNR, then not converged, then at a bound."""
    status = np.full(found.theta.size, FitStatus.OK, dtype=np.int32)
    at_bound = (found.theta - log_bounds[0] < _AT_BOUND) | (log_bounds[1] - found.theta < _AT_BOUND)
    status[at_bound] = FitStatus.AT_BOUND
    status[~found.converged] = FitStatus.NOT_CONVERGED
    status[found.first < min_snr] = FitStatus.BELOW_SNR
    return status
