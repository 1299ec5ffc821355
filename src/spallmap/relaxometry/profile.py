"""Compiled likelihood of magnitudes over T2, the amplitude profiled out.

References
----------
Karlsen, Verhagen and Bovée, Parameter estimation from Rician-distributed data sets using a maximum likelihood
estimator, Magn. Reson. Med. 41 (1999) 614.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.bessel import BesselTable, log_bessel_and_ratio
from spallmap.relaxometry.t2_grid import MAX_STEPS

Array = NDArray[np.float64]

# Twice the Newton decrement at which an amplitude is good enough. The profile is corrected by the decrement,
# so that what is left of it is of third order: 1e-4 of a unit of log-likelihood on a grid, nothing in a
# search.
GRID_DECREMENT = 1e-2
FINE_DECREMENT = 1e-8
# Grid points from one to the next in the first scan, and the depth below the highest of them, in
# log-likelihood, beyond which the points between are not looked at: exp(-40) of its likelihood adds nothing
# to any sum.
COARSE = 3
FAR_BELOW = 20.0
# Logarithms are taken of products of arguments up to this size.
_LARGE = 1e200


# what fast mathematics may change here is the order of sums and products; infinities stay what they are
_FAST = {"contract", "reassoc", "arcp", "nsz"}


@numba.njit(cache=True, nogil=True, fastmath=_FAST)  # type: ignore[untyped-decorator]
def profile_amplitude(
    m: Array, decay: Array, start: float, table: BesselTable, n_coils: int, decrement: float
) -> tuple[float, float]:
    """Best amplitude at a known decay, and the log-likelihood there up to a constant of the samples.

    The score is concave in the amplitude and 0 at 0, so it has at most one positive root; Newton's method
    from the right of it falls monotonically onto it, and ``sum(decay m) / sum(decay**2)`` always lies to the
    right.

    Parameters
    ----------
    m : ndarray, shape (n_echoes,)
        Magnitudes in units of the noise.
    decay : ndarray, shape (n_echoes,)
        1 at the first echo.
    start : float
        Where to begin; 0 for anywhere.
    table : BesselTable
        Of the number of coils.
    n_coils : int
        How many.
    decrement : float
        Expected gain of a further step, twice, at which to end.

    Returns
    -------
    amplitude, log_likelihood : float
        The amplitude is 0 where noise alone explains the samples best.
    """
    n = m.size
    bb = my = mm = rest = 0.0
    for i in range(n):
        product = decay[i] * m[i]
        bb += decay[i] * decay[i]
        my += product
        mm += product * product
        rest += m[i] * m[i]
    if mm <= 2.0 * n_coils * bb:
        return 0.0, -0.5 * rest
    upper = my / bb
    s = start if 0.0 < start < upper else upper
    value = -0.5 * rest
    for _ in range(MAX_STEPS):
        score, slope = 0.0, -bb
        value, large = 0.0, 1.0
        for i in range(n):
            product = decay[i] * m[i]
            nu = s * decay[i]
            x = m[i] * nu
            h, ratio, ratio_slope = log_bessel_and_ratio(x, table)
            score += product * ratio
            slope += product * product * ratio_slope
            value += h - 0.5 * (m[i] - nu) ** 2
            if x >= table.end:
                large *= x
                if large > _LARGE:
                    value -= table.power * math.log(large)
                    large = 1.0
        if large > 1.0:
            value -= table.power * math.log(large)
        score -= s * bb
        if slope >= 0.0:
            s = upper
            continue
        step = -score / slope
        if score * step <= decrement:
            return s + step, value + 0.5 * score * step
        s = min(max(s + step, 0.5 * s), upper)
    return s, value


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def decays_on(te_ms: Array, theta: Array) -> Array:
    """Decays, 1 at the first echo, for every T2 of a grid; shape (n_grid, n_echoes)."""
    out = np.empty((theta.size, te_ms.size))
    for k in range(theta.size):
        rate = math.exp(-theta[k])
        for i in range(te_ms.size):
            out[k, i] = math.exp(-(te_ms[i] - te_ms[0]) * rate)
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def scan_profile(
    m: Array, decays: Array, table: BesselTable, n_coils: int, profile: Array, amplitudes: Array
) -> None:
    """Profile one pixel on the grid: every third point first, the others where they can matter.

    Between two points that lie far below the highest one the profile is filled in linearly. The profile has
    one peak unless the pixel is noise, and then no point lies far below another.
    """
    n_grid = profile.size
    s, top, k = 0.0, -np.inf, 0
    while True:
        s, profile[k] = profile_amplitude(m, decays[k], s, table, n_coils, GRID_DECREMENT)
        amplitudes[k] = s
        top = max(top, profile[k])
        if k == n_grid - 1:
            break
        k = min(k + COARSE, n_grid - 1)
    for left in range(0, n_grid - 1, COARSE):
        right = min(left + COARSE, n_grid - 1)
        near = max(profile[left], profile[right]) > top - FAR_BELOW
        s = amplitudes[left]
        for k in range(left + 1, right):
            if near:
                s, profile[k] = profile_amplitude(m, decays[k], s, table, n_coils, GRID_DECREMENT)
            else:
                profile[k] = profile[left] + (profile[right] - profile[left]) * (k - left) / (right - left)
            amplitudes[k] = s


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def magnitude_profile(samples: Array, te_ms: Array, theta: Array, table: BesselTable, n_coils: int) -> Array:
    """Log-likelihood on a grid of log T2, its amplitude profiled out, up to a constant per pixel.

    Parameters
    ----------
    samples : ndarray, shape (n_pixels, n_echoes)
        Magnitudes in units of the noise.
    te_ms : ndarray, shape (n_echoes,)
        Echo times.
    theta : ndarray, shape (n_grid,)
        log of T2 in ms.
    table : BesselTable
        Of the number of coils.
    n_coils : int
        How many.

    Returns
    -------
    ndarray, shape (n_pixels, n_grid)
        The profile.
    """
    decays = decays_on(te_ms, theta)
    out = np.empty((len(samples), theta.size))
    for p in range(len(samples)):
        s = 0.0
        for k in range(theta.size):
            s, out[p, k] = profile_amplitude(samples[p], decays[k], s, table, n_coils, GRID_DECREMENT)
    return out
