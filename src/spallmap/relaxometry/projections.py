"""Compiled profile likelihood of a decay in Gaussian samples: amplitude and constant taken out by projection.

At every T2 the amplitude, and the constant where one is fitted, is found first (variable projection). A
constant that would come out below 0, which no magnitude has, is held at 0. The derivative of
``b = exp(-te / T2)`` by ``theta = log(T2)`` is ``b u`` and its second ``b (u**2 - u)``, with ``u = te / T2``.

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

Array = NDArray[np.float64]


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def decay_sums(
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def bounded_sums(
    y: Array, raw: Array, mean_y: float, late: Array, theta: float, centred: bool, even: bool, decay: Array
) -> tuple[tuple[float, float, float, float, float, float, float, float, float], bool]:
    """Return sums about the means where a constant is free; plain ones, and False, where it is held at 0."""
    sums = decay_sums(y, late, theta, centred, even, decay)
    if not centred or sums[0] <= 0.0 or sums[3] <= 0.0 or mean_y >= sums[0] / sums[3] * sums[7]:
        return sums, centred
    return decay_sums(raw, late, theta, False, even, decay), False


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def explained(
    y: Array, raw: Array, mean_y: float, late: Array, theta: float, centred: bool, even: bool, decay: Array
) -> float:
    """Half of the explained sum of squares, which is the profile likelihood up to a constant."""
    sums, free = bounded_sums(y, raw, mean_y, late, theta, centred, even, decay)
    if sums[0] <= 0.0:
        return 0.0
    half: float = 0.5 * sums[0] ** 2 / sums[3]
    return half if free == centred else half - 0.5 * y.size * mean_y * mean_y


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def vertex(profile: Array, theta: Array, best: int) -> float:
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


@numba.njit(cache=True, nogil=True, fastmath=True)  # type: ignore[untyped-decorator]
def project(y: Array, basis: Array, profile: Array) -> float:
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
def hold_constant(raw: Array, mean_y: float, plain: Array, means: Array, profile: Array) -> float:
    """Lower the profile of a free constant to that of none wherever the constant would be below 0.

    Returns its largest value.
    """
    top = 0.0
    for k in range(profile.size):
        if mean_y < math.sqrt(2.0 * profile[k]) * means[k]:
            product = 0.0
            for i in range(raw.size):
                product += raw[i] * plain[i, k]
            profile[k] = max(0.5 * product * product - 0.5 * raw.size * mean_y * mean_y, 0.0)
        top = max(top, profile[k])
    return top
