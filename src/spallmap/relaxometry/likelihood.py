"""Compiled maximum-likelihood fit of a mono-exponential decay to magnitudes of one or several coils.

``theta = log(T2)`` and the amplitude ``s`` at the first echo are found together by Newton's method from the
best point of a grid over `theta`, at each of which the amplitude is profiled out. With ``b = exp(-te / T2)``
(times from the first echo on) and ``u = te / T2`` the true signal is ``nu = s b``; its derivative by `theta`
is ``nu u``.

References
----------
Karlsen, Verhagen and Bovée, Parameter estimation from Rician-distributed data sets using a maximum likelihood
estimator, Magn. Reson. Med. 41 (1999) 614.
Constantinides, Atalar and McVeigh, Magn. Reson. Med. 38 (1997) 852 (several coils).
Box, Bias in nonlinear estimation, J. R. Stat. Soc. B 33 (1971) 171; Cox and Snell, A general definition of
residuals, J. R. Stat. Soc. B 30 (1968) 248 (the bias of a maximum-likelihood estimate).
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.bessel import BesselTable, log_bessel_and_ratio
from spallmap.relaxometry.profile import FINE_DECREMENT, decays_on, profile_amplitude, scan_profile
from spallmap.relaxometry.rice import EXCESS, INFORMATION, VARIANCE, MomentTable
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

# Standard error of log T2 at which the bias correction has fallen to 1/e. Its expansion is right to a tenth
# up to about 0.15; beyond, the mean of T2 is ruled by a long tail, and taking it off would leave the median
# short.
BIAS_SE = 0.2


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _at(
    m: Array, late: Array, theta: float, start: float, table: BesselTable, n_coils: int, decay: Array
) -> tuple[float, float]:
    rate = math.exp(-theta)
    for i in range(late.size):
        decay[i] = math.exp(-late[i] * rate)
    s, value = profile_amplitude(m, decay, start, table, n_coils, FINE_DECREMENT)
    return s, value


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _maximise(
    m: Array,
    late: Array,
    low: float,
    high: float,
    start: float,
    s: float,
    table: BesselTable,
    n_coils: int,
    decay: Array,
) -> tuple[float, float, bool]:
    """Maximise the likelihood between two grid points by safeguarded Newton steps."""
    a, b, theta = low, high, start
    for _ in range(MAX_STEPS):
        rate = math.exp(-theta)
        gs = gt = hss = hst = htt = 0.0
        for i in range(late.size):
            u = late[i] * rate
            e = math.exp(-u)
            nu = s * e
            _h, ratio, ratio_slope = log_bessel_and_ratio(m[i] * nu, table)
            g = m[i] * ratio - nu
            k = m[i] * m[i] * ratio_slope - 1.0
            d = nu * u
            gs += g * e
            gt += g * d
            hss += k * e * e
            hst += k * e * d + g * e * u
            htt += k * d * d + g * nu * (u * u - u)
        if hss >= 0.0:  # left of the score's maximum, where Newton's method would run away
            s, _value = _at(m, late, theta, 0.0, table, n_coils, decay)
            if s == 0.0:
                return theta, 0.0, True
            continue
        slope = gt - hst * gs / hss
        curvature = htt - hst * hst / hss
        if slope > 0.0:
            a = theta
        else:
            b = theta
        new = theta - slope / curvature if curvature < 0.0 else 0.5 * (a + b)
        if not (a <= new <= b):
            new = 0.5 * (a + b)
        step = new - theta
        change = -(gs + hst * step) / hss
        theta = new
        s = s + change if s + change > 0.0 else 0.5 * s
        if abs(step) <= THETA_TOLERANCE and abs(change) <= THETA_TOLERANCE * (s + 1.0):
            return theta, s, True
    return theta, s, False


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _crossing(
    m: Array,
    late: Array,
    theta: float,
    step: float,
    end: float,
    peak: float,
    s: float,
    misfit: float,
    table: BesselTable,
    n_coils: int,
    decay: Array,
) -> float:
    """Return where the profile has fallen by the interval's drop, towards `end`; infinite if it does not.

    The first try is `step` away, whose sign says the direction.
    """
    wanted = math.sqrt(2.0 * INTERVAL_DROP * misfit)
    side = math.copysign(1.0, step)
    inner, root_inner = theta, 0.0
    outer, root_outer = theta + step, 0.0
    for _ in range(MAX_STEPS):
        beyond = (outer - end) * side >= 0.0
        if beyond:
            outer = end
        s, value = _at(m, late, outer, s, table, n_coils, decay)
        root_outer = math.sqrt(2.0 * max(peak - value, 0.0))
        if root_outer >= wanted:
            break
        if beyond:
            return side * np.inf
        inner, root_inner = outer, root_outer
        outer = theta + 1.5 * (outer - theta)
    for _ in range(MAX_STEPS):
        fraction = (wanted - root_inner) / (root_outer - root_inner)
        middle = inner + min(max(fraction, 0.02), 0.98) * (outer - inner)
        s, value = _at(m, late, middle, s, table, n_coils, decay)
        root = math.sqrt(2.0 * max(peak - value, 0.0))
        if abs(root - wanted) < ROOT_TOLERANCE:
            return middle
        if root < wanted:
            inner, root_inner = middle, root
        else:
            outer, root_outer = middle, root
    return 0.5 * (inner + outer)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _moments(nu: float, moments: MomentTable, n_coils: int) -> tuple[float, float, float]:
    """Mean, variance and information of a magnitude of true signal `nu`."""
    position = nu / moments.step
    k = int(position)
    if k >= len(moments.rows) - 1:
        half = n_coils - 0.5
        return nu + half / nu, 1.0 - half / (nu * nu), 1.0 - half / (nu * nu)
    w = position - k
    left, right = moments.rows[k], moments.rows[k + 1]
    return (
        nu + left[EXCESS] + w * (right[EXCESS] - left[EXCESS]),
        left[VARIANCE] + w * (right[VARIANCE] - left[VARIANCE]),
        left[INFORMATION] + w * (right[INFORMATION] - left[INFORMATION]),
    )


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _errors(
    m: Array, te_ms: Array, theta: float, s: float, moments: MomentTable, n_coils: int
) -> tuple[float, float, float, float]:
    """Return standard errors of log T2 and log s0, relative bias of T2, and chi-square.

    The errors are Cramér-Rao bounds. The bias is the second-order one of a non-linear fit (Box 1971), each
    sample weighted with its information, less what :data:`BIAS_SE` says.
    """
    rate = math.exp(-theta)
    ss = st = tt = chi2 = 0.0
    for i in range(te_ms.size):
        u = (te_ms[i] - te_ms[0]) * rate
        nu = s * math.exp(-u)
        mean, variance, information = _moments(nu, moments, n_coils)
        chi2 += (m[i] - mean) ** 2 / variance
        weighted = information * nu * nu
        ss += weighted
        st += weighted * u
        tt += weighted * u * u
    determinant = ss * tt - st * st
    if not determinant > 0.0:
        return np.inf, np.inf, 0.0, chi2
    # covariance of log s and log T2
    v_ss, v_st, v_tt = tt / determinant, -st / determinant, ss / determinant
    by_s = by_t = 0.0
    for i in range(te_ms.size):
        u = (te_ms[i] - te_ms[0]) * rate
        nu = s * math.exp(-u)
        information = _moments(nu, moments, n_coils)[2]
        bend = information * nu * nu * (v_ss + 2.0 * v_st * u + v_tt * (u * u - u))
        by_s += bend
        by_t += bend * u
    bias = 0.5 * v_tt - 0.5 * (v_st * by_s + v_tt * by_t)
    ahead = te_ms[0] * rate
    log_s0_variance = v_ss - 2.0 * ahead * v_st + ahead * ahead * v_tt
    trust = math.exp(-((v_tt / (BIAS_SE * BIAS_SE)) ** 2))
    return math.sqrt(v_tt), math.sqrt(log_s0_variance), bias * trust, chi2


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fit_magnitudes(
    samples: Array,
    status: NDArray[np.int32],
    out: Array,
    misfits: Array,
    te_ms: Array,
    search: Search,
    table: BesselTable,
    moments: MomentTable,
    n_coils: int,
    scale: float,
    min_snr: float,
    saturation: float,
    intervals: bool,
    corrected: bool,
) -> None:
    """Fit every pixel whose status is OK.

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, n_pixels)
        Magnitudes in the units of the data.
    status : ndarray of int32, shape (n_pixels,)
        Read, and overwritten with how each fit ended.
    out : ndarray, shape (11, n_pixels)
        Rows as numbered in :mod:`spallmap.relaxometry.t2_grid`; left alone where nothing was fitted.
    misfits : ndarray, shape (n_pixels,)
        By how much the variance of a pixel's samples is taken to be larger than the noise, 1 or more.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    search : Search
        The grid.
    table, moments : BesselTable, MomentTable
        Of the number of coils.
    n_coils : int
        How many.
    scale : float
        Standard deviation of the noise of one channel in the units of the data.
    min_snr, saturation : float
        See :func:`spallmap.relaxometry.fit.fit_t2`.
    intervals : bool
        Whether to find the ends of the 95 % intervals.
    corrected : bool
        Whether to take the second-order bias off T2.
    """
    n, n_pixels = samples.shape
    n_grid = search.theta.size
    m, decay = np.empty(n), np.empty(n)
    profile, amplitudes = np.empty(n_grid), np.empty(n_grid)
    late = te_ms - te_ms[0]
    decays = decays_on(te_ms, search.theta)
    lowest, highest = search.theta[0], search.theta[n_grid - 1]
    inverse = 1.0 / scale
    for p in range(n_pixels):
        if status[p] != OK:
            continue
        bad, full = False, False
        for i in range(n):
            value = samples[i, p]
            if not math.isfinite(value) or value < 0.0:
                bad = True
            if value >= saturation:
                full = True
            m[i] = value * inverse
        if bad or full:
            status[p] = INVALID if bad else SATURATED
            continue
        scan_profile(m, decays, table, n_coils, profile, amplitudes)
        best = 0
        for k in range(1, n_grid):
            if profile[k] > profile[best]:
                best = k
        low, high = search.theta[max(best - 1, 0)], search.theta[min(best + 1, n_grid - 1)]
        theta, s, converged = _maximise(
            m, late, low, high, search.theta[best], amplitudes[best], table, n_coils, decay
        )
        s, peak = _at(m, late, theta, s, table, n_coils, decay)
        at_bound = theta - lowest < BOUND_TOLERANCE or highest - theta < BOUND_TOLERANCE
        theta_se, log_s0_se, bias, chi2 = _errors(m, te_ms, theta, s, moments, n_coils)
        misfit = misfits[p]
        theta_se, log_s0_se = theta_se * math.sqrt(misfit), log_s0_se * math.sqrt(misfit)
        t2 = math.exp(theta)
        if corrected and not at_bound:
            t2 /= 1.0 + bias
        ahead = te_ms[0] / t2
        best_s = s if t2 == math.exp(theta) else _at(m, late, math.log(t2), s, table, n_coils, decay)[0]
        s0 = scale * best_s * math.exp(ahead)
        out[T2, p] = t2
        out[T2_SE, p] = t2 * theta_se
        out[S0, p] = s0
        out[S0_SE, p] = s0 * log_s0_se if s > 0.0 else np.inf
        out[OFFSET, p] = 0.0
        out[P_LONG, p] = probability_long(profile, profile[best], search, theta, theta_se, peak, misfit)
        out[OPEN_ENDS, p] = open_ends(profile, peak, misfit)
        out[CHI2, p] = chi2 / (n - 2) if n > 2 else np.nan
        out[SNR, p] = best_s
        if best_s < min_snr:
            status[p] = BELOW_SNR
        elif not converged:
            status[p] = NOT_CONVERGED
        elif at_bound:
            status[p] = AT_BOUND
        elif out[OPEN_ENDS, p] != CLOSED:
            status[p] = BEYOND_ECHOES
        if intervals:
            step = min(2.0 * theta_se, 0.5 * (highest - lowest))
            out[T2_LOW, p] = math.exp(
                _crossing(m, late, theta, -step, lowest, peak, s, misfit, table, n_coils, decay)
            )
            out[T2_HIGH, p] = math.exp(
                _crossing(m, late, theta, step, highest, peak, s, misfit, table, n_coils, decay)
            )
