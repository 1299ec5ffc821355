"""Compiled fit of a mono-exponential decay to Gaussian samples.

At every T2 the amplitude, and the constant where one is fitted, is found first (variable projection); the
search is over ``theta = log(T2)`` alone. The derivative of ``b = exp(-te / T2)`` by `theta` is ``b u`` and
its second ``b (u**2 - u)``, with ``u = te / T2``. Times count from the first echo, so that the amplitude is
the signal there.

References
----------
Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
separate, SIAM J. Numer. Anal. 10 (1973) 413.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.status import AT_BOUND, BELOW_SNR, INVALID, NOT_CONVERGED, OK, SATURATED
from spallmap.relaxometry.t2_grid import (
    BOUND_TOLERANCE,
    CHI2,
    INTERVAL_DROP,
    MAX_STEPS,
    NEWTON_TOLERANCE,
    OFFSET,
    P_LONG,
    ROOT_TOLERANCE,
    S0,
    S0_SE,
    SNR,
    T2,
    T2_HIGH,
    T2_LOW,
    T2_SE,
    THETA_TOLERANCE,
    Search,
    probability_long,
)

Array = NDArray[np.float64]


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _sums(
    y: Array, late: Array, theta: float, centred: bool, even: bool, decay: Array
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """Inner products of samples, decay and its derivatives by theta, less their means where `centred`."""
    n = late.size
    rate = math.exp(-theta)
    decay[0] = 1.0
    if even:
        ratio = math.exp(-late[1] * rate)
        for i in range(1, n):
            decay[i] = decay[i - 1] * ratio
    else:
        for i in range(1, n):
            decay[i] = math.exp(-late[i] * rate)
    mean_b = mean_d = mean_h = 0.0
    if centred:
        for i in range(n):
            u = late[i] * rate
            mean_b += decay[i]
            mean_d += decay[i] * u
            mean_h += decay[i] * (u * u - u)
        mean_b, mean_d, mean_h = mean_b / n, mean_d / n, mean_h / n
    yb = yd = yh = bb = bd = dd = bh = 0.0
    for i in range(n):
        u = late[i] * rate
        e = decay[i]
        b = e - mean_b
        d = e * u - mean_d
        h = e * (u * u - u) - mean_h
        yb += y[i] * b
        yd += y[i] * d
        yh += y[i] * h
        bb += b * b
        bd += b * d
        dd += d * d
        bh += b * h
    return yb, yd, yh, bb, bd, dd, bh, mean_b, mean_d


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _explained(y: Array, late: Array, theta: float, centred: bool, even: bool, decay: Array) -> float:
    """Half of the explained sum of squares, which is the profile likelihood up to a constant."""
    sums = _sums(y, late, theta, centred, even, decay)
    return 0.5 * sums[0] ** 2 / sums[3] if sums[0] > 0.0 else 0.0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _vertex(profile: Array, theta: Array, best: int) -> float:
    """Return where the profile has its maximum, as far as its highest point and its neighbours show."""
    if best == 0 or best == theta.size - 1:
        return float(theta[best])
    left, middle, right = profile[best - 1], profile[best], profile[best + 1]
    step = 0.5 * (theta[best + 1] - theta[best - 1])
    slope, bend = 0.5 * (right - left), left - 2.0 * middle + right
    if bend >= 0.0:
        return float(theta[best])
    if best < 2 or best > theta.size - 3:
        return float(theta[best] - step * slope / bend)
    # derivatives by central differences of fourth order, and a step to their root of second order
    far_left, far_right = profile[best - 2], profile[best + 2]
    slope = (8.0 * (right - left) - (far_right - far_left)) / 12.0
    bend = (16.0 * (left + right) - 30.0 * middle - far_left - far_right) / 12.0
    skew = 0.5 * (far_right - far_left) - (right - left)
    if bend >= 0.0:
        return float(theta[best])
    fraction = -slope / bend
    return float(theta[best] + step * min(max(fraction - 0.5 * skew * fraction * fraction / bend, -1.0), 1.0))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _maximise(
    y: Array, late: Array, low: float, high: float, start: float, centred: bool, even: bool, decay: Array
) -> tuple[float, float, float, float, float, float, bool]:
    """Maximise the profile between two grid points by safeguarded Newton steps.

    Returns log T2, the amplitude, the inner products of the decay with itself and of its derivative with
    both, the decay's mean, and whether the search ended. The last step is followed to first order instead of
    evaluating everything anew: what it leaves is of the order of its square.
    """
    a, b, theta = low, high, start
    for _ in range(MAX_STEPS):
        yb, yd, yh, bb, bd, dd, bh, mean_b, mean_d = _sums(y, late, theta, centred, even, decay)
        if yb <= 0.0 or bb <= 0.0:
            return theta, 0.0, bb, bd, dd, mean_b, True
        first, size = yd / yb, bd / bb
        slope = first - size
        curvature = yh / yb - first * first - (dd + bh) / bb + 2.0 * size * size
        if slope > 0.0:
            a = theta
        else:
            b = theta
        new = theta - slope / curvature if curvature < 0.0 else theta
        newton = curvature < 0.0 and a <= new <= b
        if not newton:
            new = 0.5 * (a + b)
        step = new - theta
        if abs(step) <= (NEWTON_TOLERANCE if newton else THETA_TOLERANCE) or slope == 0.0:
            amplitude = (yb + step * (yd - 2.0 * yb * size)) / bb
            return new, amplitude, bb, bd, dd, mean_b + step * mean_d, True
        theta = new
    yb, _yd, _yh, bb, bd, dd, _bh, mean_b, _mean_d = _sums(y, late, theta, centred, even, decay)
    return theta, max(yb / bb, 0.0), bb, bd, dd, mean_b, False


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _crossing(
    y: Array,
    late: Array,
    theta: float,
    step: float,
    end: float,
    peak: float,
    centred: bool,
    even: bool,
    decay: Array,
) -> float:
    """Return where the profile has fallen by the interval's drop, towards `end`; infinite if it does not.

    The first try is `step` away, whose sign says the direction.
    """
    wanted = math.sqrt(2.0 * INTERVAL_DROP)
    side = math.copysign(1.0, step)
    inner, root_inner = theta, 0.0
    outer = theta + step
    root_outer = 0.0
    for _ in range(MAX_STEPS):
        beyond = (outer - end) * side >= 0.0
        if beyond:
            outer = end
        root_outer = math.sqrt(2.0 * max(peak - _explained(y, late, outer, centred, even, decay), 0.0))
        if root_outer >= wanted:
            break
        if beyond:
            return side * np.inf
        inner, root_inner = outer, root_outer
        outer = theta + 1.5 * (outer - theta)
    for _ in range(MAX_STEPS):
        fraction = (wanted - root_inner) / (root_outer - root_inner)
        middle = inner + min(max(fraction, 0.02), 0.98) * (outer - inner)
        root = math.sqrt(2.0 * max(peak - _explained(y, late, middle, centred, even, decay), 0.0))
        if abs(root - wanted) < ROOT_TOLERANCE:
            return middle
        if root < wanted:
            inner, root_inner = middle, root
        else:
            outer, root_outer = middle, root
    return 0.5 * (inner + outer)


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def _project(y: Array, basis: Array, profile: Array) -> float:
    """Halve the squared inner products with every unit decay, 0 where negative; return the largest."""
    first = y[0]
    for k in range(profile.size):
        profile[k] = first * basis[0, k]
    for i in range(1, y.size):
        value = y[i]
        for k in range(profile.size):
            profile[k] += value * basis[i, k]
    top = 0.0
    for k in range(profile.size):
        product = max(profile[k], 0.0)
        half = 0.5 * product * product
        profile[k] = half
        top = max(top, half)
    return top


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fit_least_squares(
    samples: Array,
    status: NDArray[np.int32],
    out: Array,
    te_ms: Array,
    basis: Array,
    search: Search,
    centred: bool,
    scale: float,
    floor: float,
    signed: bool,
    min_snr: float,
    saturation: float,
    intervals: bool,
) -> None:
    """Fit every pixel whose status is OK.

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, n_pixels)
        In the units of the data.
    status : ndarray of int32, shape (n_pixels,)
        Read, and overwritten with how each fit ended.
    out : ndarray, shape (10, n_pixels)
        Rows as numbered in :mod:`spallmap.relaxometry.t2_grid`; left alone where nothing was fitted.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    basis : ndarray, shape (n_echoes, n_grid)
        Unit decays of the grid, less their means where `centred`.
    search : Search
        The grid.
    centred : bool
        A constant is fitted as well.
    scale : float
        Standard deviation of the noise in the units of the data.
    floor : float
        Constant below the decay, in units of the noise.
    signed : bool
        Samples may be negative.
    min_snr, saturation : float
        See :func:`spallmap.relaxometry.fit.fit_t2`.
    intervals : bool
        Whether to find the ends of the 95 % intervals.
    """
    n, n_pixels = samples.shape
    n_grid = search.theta.size
    freedom = n - (3 if centred else 2)
    y, decay, profile = np.empty(n), np.empty(n), np.empty(n_grid)
    late = te_ms - te_ms[0]
    # evenly spaced echoes, within rounding, decay by one factor from one to the next
    even = np.all(np.abs(late - late[1] * np.arange(n)) <= 1e-12 * late[n - 1])
    lowest, highest = search.theta[0], search.theta[n_grid - 1]
    inverse = 1.0 / scale
    for p in range(n_pixels):
        if status[p] != OK:
            continue
        bad, full, mean_y = False, False, 0.0
        for i in range(n):
            value = samples[i, p]
            if not math.isfinite(value) or (value < 0.0 and not signed):
                bad = True
            if abs(value) >= saturation:
                full = True
            y[i] = value * inverse - floor
            mean_y += y[i] / n
        if bad or full:
            status[p] = INVALID if bad else SATURATED
            continue
        yy = 0.0
        for i in range(n):
            if centred:
                y[i] -= mean_y
            yy += y[i] * y[i]
        top = _project(y, basis, profile)
        best = 0
        while profile[best] < top:
            best += 1
        low, high = search.theta[max(best - 1, 0)], search.theta[min(best + 1, n_grid - 1)]
        start = _vertex(profile, search.theta, best)
        theta, first, bb, bd, dd, mean_b, converged = _maximise(
            y, late, low, high, start, centred, even, decay
        )
        peak = 0.5 * first * first * bb
        rate = math.exp(-theta)
        ahead = te_ms[0] * rate
        t2 = 1.0 / rate
        determinant = bb * dd - bd * bd
        theta_se = log_s0_se = np.inf
        if first > 0.0 and determinant > 0.0:
            theta_se = math.sqrt(bb / determinant) / first
            log_s0_se = math.sqrt((dd + 2.0 * ahead * bd + ahead * ahead * bb) / determinant) / first
        s0 = scale * first * math.exp(ahead)
        out[T2, p] = t2
        out[T2_SE, p] = t2 * theta_se
        out[S0, p] = s0
        out[S0_SE, p] = s0 * log_s0_se if first > 0.0 else np.inf
        out[OFFSET, p] = scale * (floor + (mean_y - first * mean_b if centred else 0.0))
        out[P_LONG, p] = probability_long(profile, top, search, theta, theta_se, peak)
        out[CHI2, p] = max(yy - 2.0 * peak, 0.0) / freedom if freedom > 0 else np.nan
        out[SNR, p] = first
        if first < min_snr:
            status[p] = BELOW_SNR
        elif not converged:
            status[p] = NOT_CONVERGED
        elif theta - lowest < BOUND_TOLERANCE or highest - theta < BOUND_TOLERANCE:
            status[p] = AT_BOUND
        if intervals:
            step = min(2.0 * theta_se, 0.5 * (highest - lowest))
            out[T2_LOW, p] = math.exp(_crossing(y, late, theta, -step, lowest, peak, centred, even, decay))
            out[T2_HIGH, p] = math.exp(_crossing(y, late, theta, step, highest, peak, centred, even, decay))
