"""Compiled fit of a mono-exponential decay to Gaussian samples.

At every T2 the amplitude, and the constant where one is fitted, is found first
(:mod:`spallmap.relaxometry.projections`); the search is over ``theta = log(T2)`` alone. Times count from the
first echo, so that the amplitude is the signal there.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.projections import (
    bounded_sums,
    decay_sums,
    explained,
    hold_constant,
    project,
    vertex,
)
from spallmap.relaxometry.status import (
    AT_BOUND,
    BELOW_SNR,
    BEYOND_ECHOES,
    INVALID,
    NOT_CONVERGED,
    OK,
    SATURATED,
)
from spallmap.relaxometry.t2_grid import (
    BOUND_TOLERANCE,
    CHI2,
    CLOSED,
    INTERVAL_DROP,
    MAX_STEPS,
    NEWTON_TOLERANCE,
    OFFSET,
    OPEN_ENDS,
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
    open_ends,
    probability_long,
)

Array = NDArray[np.float64]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _maximise(
    y: Array,
    raw: Array,
    mean_y: float,
    late: Array,
    low: float,
    high: float,
    start: float,
    centred: bool,
    even: bool,
    decay: Array,
) -> tuple[float, float, float, float, float, float, bool, bool]:
    """Maximise the profile between two grid points by safeguarded Newton steps.

    Returns log T2, the amplitude, the inner products of the decay with itself and of its derivative with
    both, the decay's mean, whether a constant is free there, and whether the search ended. The last step is
    followed to first order instead of evaluating everything anew: what it leaves is of the order of its
    square.
    """
    a, b, theta = low, high, start
    for _ in range(MAX_STEPS):
        sums, free = bounded_sums(y, raw, mean_y, late, theta, centred, even, decay)
        yb, yd, yh, bb, bd, dd, bh, mean_b, mean_d = sums
        if yb <= 0.0 or bb <= 0.0:
            return theta, 0.0, bb, bd, dd, mean_b, free, True
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
            return new, amplitude, bb, bd, dd, mean_b + step * mean_d, free, True
        theta = new
    sums, free = bounded_sums(y, raw, mean_y, late, theta, centred, even, decay)
    yb, _yd, _yh, bb, bd, dd, _bh, mean_b, _mean_d = sums
    return theta, max(yb / bb, 0.0), bb, bd, dd, mean_b, free, False


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _crossing(
    y: Array,
    raw: Array,
    mean_y: float,
    late: Array,
    theta: float,
    step: float,
    end: float,
    peak: float,
    misfit: float,
    centred: bool,
    even: bool,
    decay: Array,
) -> float:
    """Return where the profile has fallen by the interval's drop, towards `end`; infinite if it does not.

    The first try is `step` away, whose sign says the direction.
    """
    wanted = math.sqrt(2.0 * INTERVAL_DROP * misfit)
    side = math.copysign(1.0, step)
    inner, root_inner = theta, 0.0
    outer = theta + step
    root_outer = 0.0
    for _ in range(MAX_STEPS):
        beyond = (outer - end) * side >= 0.0
        if beyond:
            outer = end
        there = explained(y, raw, mean_y, late, outer, centred, even, decay)
        root_outer = math.sqrt(2.0 * max(peak - there, 0.0))
        if root_outer >= wanted:
            break
        if beyond:
            return side * np.inf
        inner, root_inner = outer, root_outer
        outer = theta + 1.5 * (outer - theta)
    for _ in range(MAX_STEPS):
        fraction = (wanted - root_inner) / (root_outer - root_inner)
        middle = inner + min(max(fraction, 0.02), 0.98) * (outer - inner)
        there = explained(y, raw, mean_y, late, middle, centred, even, decay)
        root = math.sqrt(2.0 * max(peak - there, 0.0))
        if abs(root - wanted) < ROOT_TOLERANCE:
            return middle
        if root < wanted:
            inner, root_inner = middle, root
        else:
            outer, root_outer = middle, root
    return 0.5 * (inner + outer)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fit_least_squares(
    samples: Array,
    status: NDArray[np.int32],
    out: Array,
    misfits: Array,
    te_ms: Array,
    basis: Array,
    plain: Array,
    means: Array,
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
    out : ndarray, shape (11, n_pixels)
        Rows as numbered in :mod:`spallmap.relaxometry.t2_grid`; left alone where nothing was fitted.
    misfits : ndarray, shape (n_pixels,)
        By how much the variance of a pixel's samples is taken to be larger than the noise, 1 or more.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    basis : ndarray, shape (n_echoes, n_grid)
        Unit decays of the grid, less their means where `centred`.
    plain : ndarray, shape (n_echoes, n_grid)
        Unit decays of the grid.
    means : ndarray, shape (n_grid,)
        Means of the decays over their lengths once the means are off; used where `centred`.
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
    y, raw, decay, profile = np.empty(n), np.empty(n), np.empty(n), np.empty(n_grid)
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
            raw[i] = y[i]
            if centred:
                y[i] -= mean_y
            yy += y[i] * y[i]
        top = project(y, basis, profile)
        open_free = CLOSED
        if centred:
            # that a constant is not below 0 ends the interval where the echoes' curvature does not
            open_free = open_ends(profile, top, misfits[p])
            top = hold_constant(raw, mean_y, plain, means, profile)
        best = 0
        while profile[best] < top:
            best += 1
        low, high = search.theta[max(best - 1, 0)], search.theta[min(best + 1, n_grid - 1)]
        start = vertex(profile, search.theta, best)
        theta, first, bb, bd, dd, mean_b, free, converged = _maximise(
            y, raw, mean_y, late, low, high, start, centred, even, decay
        )
        constant = mean_y - first * mean_b if free else 0.0
        if free != centred:
            # the errors are those of a constant that is not known: it may well be above 0
            _yb, _yd, _yh, bb, bd, dd, _bh, _mean_b, _mean_d = decay_sums(y, late, theta, True, even, decay)
        freedom = n - (3 if free else 2)
        rate = math.exp(-theta)
        residual = 0.0
        for i in range(n):
            residual += (raw[i] - first * math.exp(-late[i] * rate) - constant) ** 2
        # not from the inner products: what they leave of the square of a strong signal is more than the noise
        peak = 0.5 * (yy - residual)
        ahead = te_ms[0] * rate
        t2 = 1.0 / rate
        determinant = bb * dd - bd * bd
        theta_se = log_s0_se = np.inf
        spread = math.sqrt(misfits[p])
        if first > 0.0 and determinant > 0.0:
            theta_se = spread * math.sqrt(bb / determinant) / first
            log_s0_se = spread * math.sqrt((dd + 2.0 * ahead * bd + ahead * ahead * bb) / determinant) / first
        s0 = scale * first * math.exp(ahead)
        out[T2, p] = t2
        out[T2_SE, p] = t2 * theta_se
        out[S0, p] = s0
        out[S0_SE, p] = s0 * log_s0_se if first > 0.0 else np.inf
        out[OFFSET, p] = scale * (floor + constant)
        out[P_LONG, p] = probability_long(profile, top, search, theta, theta_se, peak, misfits[p])
        out[OPEN_ENDS, p] = open_ends(profile, peak, misfits[p]) | open_free
        out[CHI2, p] = residual / freedom if freedom > 0 else np.nan
        out[SNR, p] = first
        if first < min_snr:
            status[p] = BELOW_SNR
        elif not converged:
            status[p] = NOT_CONVERGED
        elif theta - lowest < BOUND_TOLERANCE or highest - theta < BOUND_TOLERANCE:
            status[p] = AT_BOUND
        elif out[OPEN_ENDS, p] != CLOSED:
            status[p] = BEYOND_ECHOES
        if intervals:
            step = min(2.0 * theta_se, 0.5 * (highest - lowest))
            for row, way, end in ((T2_LOW, -step, lowest), (T2_HIGH, step, highest)):
                out[row, p] = math.exp(
                    _crossing(y, raw, mean_y, late, theta, way, end, peak, misfits[p], centred, even, decay)
                )
