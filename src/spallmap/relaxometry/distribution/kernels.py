"""Compiled likelihood of a mixture of two peaks over log T2, and the search for its maximum."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

N_PARAMETERS = 6
# Reach of a normal density in standard deviations: what is beyond is below 1e-14 of it.
_REACH = 8.0
_MAX_STEPS = 400
# A rise of the log-likelihood below this, by a step that was hardly damped, ends the search; likelihood
# ratios are looked at to 0.01.
_SMALLEST_RISE = 1e-4
_FIRST_DAMPING = 0.01
_LEAST_DAMPING = 1e-6
_MOST_DAMPING = 1e6
# Step for the second derivatives: rounding and truncation are both below 1e-4 of them.
_DIFFERENCE = 1e-4
# A pixel's logit is never further than this from that of the mean fraction.
_WIDEST = 60.0
# Longest step of any parameter, all of which are logarithms or logits.
_LONGEST_STEP = 1.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _normal(log_t2: Array, centre: float, sd: float, out: Array) -> tuple[int, int]:
    """Fill in a normal distribution over the grid that sums to 1; returns the range that is not zero."""
    n = log_t2.size
    step = log_t2[1] - log_t2[0]
    first = max(0, min(n - 1, int((centre - _REACH * sd - log_t2[0]) / step)))
    last = max(first + 1, min(n, int((centre + _REACH * sd - log_t2[0]) / step) + 2))
    total = 0.0
    for k in range(first, last):
        z = (log_t2[k] - centre) / sd
        out[k] = np.exp(-0.5 * z * z)
        total += out[k]
    for k in range(first, last):
        out[k] /= total
    return first, last


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _moments(row: Array, log_t2: Array, centre: float, sd: float, density: Array, a: int, b: int) -> Array:
    """Likelihood of a pixel averaged over a peak, alone and times z and z**2 - 1."""
    out = np.zeros(3)
    for k in range(a, b):
        z = (log_t2[k] - centre) / sd
        term = row[k] * density[k]
        out[0] += term
        out[1] += term * z
        out[2] += term * (z * z - 1.0)
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def long_fractions(brightness: Array, logit_fraction: float, trend: float) -> tuple[Array, float]:
    """Probability of each pixel to lie in the long peak, by its brightness alone.

    Parameters
    ----------
    brightness : ndarray, shape (n_pixels,)
        Logarithm of the signal, about 0.
    logit_fraction : float
        Logit of their mean.
    trend : float
        Change of a pixel's logit with its brightness.

    Returns
    -------
    fractions : ndarray, shape (n_pixels,)
        Their mean is the fraction.
    spread : float
        Sum of ``fraction * (1 - fraction)``.
    """
    wanted = brightness.size / (1.0 + np.exp(-logit_fraction))
    fractions = np.empty(brightness.size)
    low, high = logit_fraction - _WIDEST, logit_fraction + _WIDEST
    level, spread = logit_fraction, 0.0
    for _ in range(_MAX_STEPS):
        total = spread = 0.0
        for i in range(brightness.size):
            fractions[i] = 1.0 / (1.0 + np.exp(-level - trend * brightness[i]))
            total += fractions[i]
            spread += fractions[i] * (1.0 - fractions[i])
        if abs(total - wanted) <= 1e-10 * wanted:
            break
        if total > wanted:
            high = level
        else:
            low = level
        level += (wanted - total) / spread
        if not low < level < high:
            level = 0.5 * (low + high)
    return fractions, spread


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _evaluate(
    likelihood: Array, log_t2: Array, brightness: Array, parameters: Array, with_long: bool, gradient: Array
) -> float:
    """Log-likelihood of a mixture; fills in its derivatives by the parameters."""
    centre, sd = parameters[0], np.exp(parameters[1])
    long_centre, long_sd = parameters[3], np.exp(parameters[4])
    density, long_density = np.zeros(log_t2.size), np.zeros(log_t2.size)
    a, b = _normal(log_t2, centre, sd, density)
    c, d = _normal(log_t2, long_centre, long_sd, long_density)
    fractions, spread = (
        long_fractions(brightness, parameters[2], parameters[5]) if with_long else (brightness, 1.0)
    )
    total = by_level = by_trend = lean = 0.0
    gradient[:] = 0.0
    for i in range(likelihood.shape[0]):
        short = _moments(likelihood[i], log_t2, centre, sd, density, a, b)
        fraction = fractions[i] if with_long else 0.0
        value = (1.0 - fraction) * short[0]
        if with_long:
            long = _moments(likelihood[i], log_t2, long_centre, long_sd, long_density, c, d)
            value += fraction * long[0]
        value = max(value, 1e-300)
        total += np.log(value)
        gradient[0] += (1.0 - fraction) * short[1] / sd / value
        gradient[1] += (1.0 - fraction) * short[2] / value
        if with_long:
            weight = fraction * (1.0 - fraction)
            slope = weight * (long[0] - short[0]) / value
            by_level += slope
            by_trend += slope * brightness[i]
            lean += weight * brightness[i]
            gradient[3] += fraction * long[1] / long_sd / value
            gradient[4] += fraction * long[2] / value
    if with_long:
        # the level common to all logits follows from their mean and the trend
        mean = 1.0 / (1.0 + np.exp(-parameters[2]))
        gradient[2] = by_level * likelihood.shape[0] * mean * (1.0 - mean) / spread
        gradient[5] = by_trend - by_level * lean / spread
    return float(total)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _solve(matrix: Array, right: Array, free: NDArray[np.bool_], damping: float) -> tuple[bool, Array]:
    """Solve for the free parameters with a damped matrix by Cholesky's method; also if it is positive."""
    n = right.size
    factor = np.zeros((n, n))
    out = np.zeros(n)
    for i in range(n):
        if not free[i]:
            continue
        for j in range(i + 1):
            if not free[j]:
                continue
            value = matrix[i, j]
            if i == j:
                value += damping * (abs(matrix[i, i]) + 1.0)
            for k in range(j):
                value -= factor[i, k] * factor[j, k]
            if i == j and value <= 1e-9:
                return False, out
            factor[i, j] = np.sqrt(value) if i == j else value / factor[j, j]
    for i in range(n):
        if free[i]:
            value = right[i]
            for k in range(i):
                value -= factor[i, k] * out[k]
            out[i] = value / factor[i, i]
    for i in range(n - 1, -1, -1):
        if free[i]:
            value = out[i]
            for k in range(i + 1, n):
                value -= factor[k, i] * out[k]
            out[i] = value / factor[i, i]
    return True, out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _curvature(
    likelihood: Array, log_t2: Array, brightness: Array, at: Array, with_long: bool, gradient: Array
) -> Array:
    """Negative second derivatives of the log-likelihood, by differences of its gradient."""
    out = np.zeros((N_PARAMETERS, N_PARAMETERS))
    n = N_PARAMETERS if with_long else 2
    slope = np.zeros(N_PARAMETERS)
    for k in range(n):
        near = at.copy()
        near[k] += _DIFFERENCE
        _evaluate(likelihood, log_t2, brightness, near, with_long, slope)
        for i in range(n):
            out[i, k] = (gradient[i] - slope[i]) / _DIFFERENCE
    return 0.5 * (out + out.T)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def maximise(
    likelihood: Array,
    log_t2: Array,
    brightness: Array,
    start: Array,
    lows: Array,
    highs: Array,
    with_long: bool,
) -> tuple[float, Array]:
    """Find the mixture of highest likelihood within bounds.

    Newton's method, damped where the likelihood is not concave or a step does not rise.

    Parameters
    ----------
    likelihood : ndarray, shape (n_pixels, n_grid)
        Of each pixel over log T2.
    log_t2 : ndarray, shape (n_grid,)
        Even grid.
    brightness : ndarray, shape (n_pixels,)
        Logarithm of the signal, about 0.
    start, lows, highs : ndarray, shape (6,)
        Centre, log standard deviation, logit of the long peak's fraction, its centre and log standard
        deviation, change of a pixel's logit with its brightness: where to start and between which bounds.
        Equal bounds hold a parameter.
    with_long : bool
        Whether there is a long peak; without one only the first two parameters count.

    Returns
    -------
    log_likelihood : float
        At the maximum.
    parameters : ndarray, shape (6,)
        There.

    References
    ----------
    Marquardt, An algorithm for least-squares estimation of nonlinear parameters, J. SIAM 11 (1963) 431 (the
    damping).
    """
    best = np.minimum(np.maximum(start, lows), highs)
    gradient, ahead = np.zeros(N_PARAMETERS), np.zeros(N_PARAMETERS)
    total = _evaluate(likelihood, log_t2, brightness, best, with_long, gradient)
    curvature = _curvature(likelihood, log_t2, brightness, best, with_long, gradient)
    damping = _FIRST_DAMPING
    free = np.zeros(N_PARAMETERS, np.bool_)
    for _ in range(_MAX_STEPS):
        for k in range(N_PARAMETERS):
            inwards = (best[k] > lows[k] or gradient[k] > 0.0) and (best[k] < highs[k] or gradient[k] < 0.0)
            free[k] = inwards and lows[k] < highs[k] and (with_long or k < 2)
        positive, step = _solve(curvature, gradient, free, damping)
        rise = -1.0
        if positive:
            step = np.minimum(np.maximum(step, -_LONGEST_STEP), _LONGEST_STEP)
            new = np.minimum(np.maximum(best + step, lows), highs)
            value = _evaluate(likelihood, log_t2, brightness, new, with_long, ahead)
            rise = value - total
        if rise >= 0.0:
            best, total = new, value
            if rise < _SMALLEST_RISE and damping <= _FIRST_DAMPING:
                break
            gradient[:] = ahead
            curvature = _curvature(likelihood, log_t2, brightness, best, with_long, gradient)
            damping = max(damping / 10.0, _LEAST_DAMPING)
        else:
            damping *= 5.0
            if damping > _MOST_DAMPING:
                break
    return total, best
