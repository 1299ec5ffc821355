"""Compiled likelihood kernels of a mono-exponential decay, profiled over its amplitude.

A kernel works on one pixel after the other. ``theta = log(T2)`` is the one non-linear parameter: at every T2
the best amplitude is found first (variable projection), and the search is over `theta` alone. The derivative
of ``b = exp(-te / T2)`` by `theta` is ``b u`` and its second ``b (u**2 - u)``, with ``u = te / T2``.

References
----------
Golub and Pereyra, The differentiation of pseudo-inverses and nonlinear least squares problems whose variables
separate, SIAM J. Numer. Anal. 10 (1973) 413.
Karlsen, Verhagen and Bovée, Parameter estimation from Rician-distributed data sets using a maximum likelihood
estimator, Magn. Reson. Med. 41 (1999) 614.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.rice import bessel_ratio, bessel_ratio_slope, log_i0e

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

MAX_STEPS = 60
# Bisection alone brings a bracket of two grid steps to this in 32 steps; Newton takes 3 to 6.
THETA_TOLERANCE = 1e-10
# An amplitude error enters the profile by its square, so this gives the profile to 1e-8.
PROFILE_TOLERANCE = 1e-4


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gaussian_slope(y: Array, te_ms: Array, theta: float, centred: bool) -> tuple[float, float]:
    """First and second derivative by theta of the log of the explained sum of squares."""
    n = te_ms.size
    rate = np.exp(-theta)
    mean_b = mean_d = mean_h = mean_y = 0.0
    if centred:
        for i in range(n):
            u = te_ms[i] * rate
            b = np.exp(-u)
            mean_y += y[i] / n
            mean_b += b / n
            mean_d += b * u / n
            mean_h += b * (u * u - u) / n
    yb = yd = yh = bb = bd = dd = bh = 0.0
    for i in range(n):
        u = te_ms[i] * rate
        e = np.exp(-u)
        b = e - mean_b
        d = e * u - mean_d
        h = e * (u * u - u) - mean_h
        r = y[i] - mean_y
        yb += r * b
        yd += r * d
        yh += r * h
        bb += b * b
        bd += b * d
        dd += d * d
        bh += b * h
    if yb <= 0.0 or bb <= 0.0:
        return 0.0, 0.0
    first = yd / yb
    size = bd / bb
    slope = 2.0 * first - 2.0 * size
    curvature = 2.0 * (yh / yb - first * first) - 2.0 * (dd + bh) / bb + 4.0 * size * size
    return slope, curvature


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def rice_amplitude(m: Array, decay: Array, start: float, tolerance: float) -> float:
    """Maximum-likelihood amplitude of Rician samples at a known decay.

    The score is concave in the amplitude and 0 at 0, so it has at most one positive root; Newton's method
    from the right of it falls monotonically onto it, and ``sum(decay m) / sum(decay**2)`` always lies to
    the right.
    """
    n = m.size
    bb = my = mm = 0.0
    for i in range(n):
        bb += decay[i] * decay[i]
        my += decay[i] * m[i]
        mm += (decay[i] * m[i]) ** 2
    if bb <= 0.0 or 0.5 * mm <= bb:
        return 0.0
    upper = my / bb
    s = start if 0.0 < start < upper else upper
    for _ in range(MAX_STEPS):
        score = -s * bb
        slope = -bb
        for i in range(n):
            x = m[i] * decay[i] * s
            ratio = bessel_ratio(x)
            score += decay[i] * m[i] * ratio
            slope += (decay[i] * m[i]) ** 2 * bessel_ratio_slope(x, ratio)
        if slope >= 0.0:
            s = upper
            continue
        step = score / slope
        s_new = s - step
        if s_new <= 0.0:
            s_new = 0.5 * s
        s = min(s_new, upper)
        if abs(step) <= tolerance * (s + 1e-3):
            break
    return s


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _decay(te_ms: Array, theta: float, out: Array) -> None:
    rate = np.exp(-theta)
    for i in range(te_ms.size):
        out[i] = np.exp(-te_ms[i] * rate)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def rice_profile(samples: Array, te_ms: Array, t2_grid_ms: Array) -> Array:
    """Rician log-likelihood on a grid of T2, its amplitude profiled out, up to a constant per pixel.

    Parameters
    ----------
    samples : ndarray, shape (n_pixels, n_echoes)
        Magnitudes in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Echo times.
    t2_grid_ms : ndarray, shape (n_grid,)
        Where to evaluate.

    Returns
    -------
    ndarray, shape (n_pixels, n_grid)
        The profile.
    """
    n_pixels, n_echoes = samples.shape
    n_grid = t2_grid_ms.size
    decays = np.empty((n_grid, n_echoes))
    # the amplitude is followed at the first echo, where it hardly changes from one T2 to the next
    for k in range(n_grid):
        _decay(te_ms - te_ms[0], np.log(t2_grid_ms[k]), decays[k])
    out = np.empty((n_pixels, n_grid))
    for p in range(n_pixels):
        m = samples[p]
        s = 0.0
        for k in range(n_grid):
            s = rice_amplitude(m, decays[k], s, PROFILE_TOLERANCE)
            total = 0.0
            for i in range(n_echoes):
                nu = s * decays[k, i]
                total += log_i0e(m[i] * nu) - 0.5 * (m[i] - nu) ** 2
            out[p, k] = total
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _rice_slope(m: Array, te_ms: Array, theta: float, s: float, decay: Array) -> tuple[float, float]:
    """First and second derivative of the Rician profile by theta, the best amplitude `s` given."""
    rate = np.exp(-theta)
    slope = tt = st = ss = 0.0
    for i in range(m.size):
        u = te_ms[i] * rate
        b = decay[i]
        nu = s * b
        x = m[i] * nu
        ratio = bessel_ratio(x)
        g = m[i] * ratio - nu
        h = m[i] * m[i] * bessel_ratio_slope(x, ratio) - 1.0
        d = nu * u
        slope += g * d
        tt += h * d * d + g * nu * (u * u - u)
        st += h * b * d + g * b * u
        ss += h * b * b
    if ss >= 0.0:
        return slope, 0.0
    return slope, tt - st * st / ss


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def refine(
    samples: Array, te_ms: Array, low: Array, high: Array, start: Array, rician: bool, centred: bool
) -> tuple[Array, Flags]:
    """Maximise the profile between two grid points by safeguarded Newton steps.

    Parameters
    ----------
    samples : ndarray, shape (n_pixels, n_echoes)
        Samples in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Echo times.
    low, high, start : ndarray, shape (n_pixels,)
        Bracket of log T2 and where to start in it.
    rician : bool
        Rice likelihood instead of a Gaussian one.
    centred : bool
        A constant is fitted as well (Gaussian only).

    Returns
    -------
    theta : ndarray, shape (n_pixels,)
        log T2 at the maximum.
    converged : ndarray of bool, shape (n_pixels,)
        Whether the last step was below the tolerance.
    """
    n_pixels, n_echoes = samples.shape
    theta = start.copy()
    converged = np.zeros(n_pixels, np.bool_)
    decay = np.empty(n_echoes)
    late = te_ms - te_ms[0]
    for p in range(n_pixels):
        m = samples[p]
        a, b, t = low[p], high[p], start[p]
        s = 0.0
        for _ in range(MAX_STEPS):
            if rician:
                _decay(late, t, decay)
                s = rice_amplitude(m, decay, s, THETA_TOLERANCE)
                slope, curvature = _rice_slope(m, late, t, s, decay)
            else:
                slope, curvature = _gaussian_slope(m, late, t, centred)
            if slope > 0.0:
                a = t
            elif slope < 0.0:
                b = t
            new = t - slope / curvature if curvature < 0.0 else 0.5 * (a + b)
            if not (a <= new <= b):
                new = 0.5 * (a + b)
            step = new - t
            t = new
            if abs(step) <= THETA_TOLERANCE or slope == 0.0:
                converged[p] = True
                break
        theta[p] = t
    return theta, converged


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def rice_amplitudes(samples: Array, te_ms: Array, theta: Array) -> Array:
    """Rician amplitude at the first echo time of each pixel at its own T2, in units of sigma."""
    n_pixels, n_echoes = samples.shape
    out = np.empty(n_pixels)
    decay = np.empty(n_echoes)
    late = te_ms - te_ms[0]
    for p in range(n_pixels):
        _decay(late, theta[p], decay)
        out[p] = rice_amplitude(samples[p], decay, 0.0, THETA_TOLERANCE)
    return out
