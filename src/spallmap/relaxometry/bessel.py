"""Compiled Bessel functions of the magnitude distributions, from tables.

The magnitude of the signals of `n` coils, their squares summed, has the log-likelihood
``g(m nu) - nu**2 / 2`` in the true signal `nu`, with ``g(x) = log(I[n-1](x) / x**(n-1))`` and `I` the
modified Bessel functions of the first kind (units of one channel's noise). What a fit needs is ``h(x) = g(x)
- g(0) - x`` and ``R(x) = g'(x) = I[n](x) / I[n-1](x)``; one coil (n = 1) is the Rice distribution.

Between the nodes of a table h and R are cubic Hermite polynomials, which is what their known slopes allow;
from the table's end on they are the asymptotic series, differentiated term by term.

References
----------
Abramowitz and Stegun, Handbook of Mathematical Functions, 9.6.28 and 9.7.1.
Constantinides, Atalar and McVeigh, Signal-to-noise measurements in magnitude images from NMR phased arrays,
Magn. Reson. Med. 38 (1997) 852 (the non-central chi distribution of magnitudes).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

# A cubic Hermite polynomial on this step errs by step**4 / 384 times the fourth derivative, which falls with
# the order of the Bessel function: below 3e-9 for all.
_STEP = 1.0 / 32.0
# The series' terms fall with (order**2 / x)**k / k!; from this argument on, six of them are good to 1e-9.
_END_FLAT = 32.0
_END_PER_ORDER_SQUARED = 16.0
_TERMS = 6
# Numbers of coils beyond this are not distinguished, and the table grows with its square.
MAX_COILS = 32


class BesselTable(NamedTuple):
    """Tables of one number of coils.

    Parameters
    ----------
    pieces : ndarray, shape (n_pieces, 8)
        Coefficients of the cubic polynomials of h (the first four, from the constant on) and R between one
        node and the next, in the distance from the node over `step`.
    step, end : float
        Distance of the nodes; where the series takes over.
    series : ndarray, shape (6,)
        Coefficients c of ``h(x) = constant - (n - 1/2) log(x) + sum(c[j] / x**(j + 1))`` beyond `end`.
    constant : float
        See above.
    power : float
        n - 1/2.
    """

    pieces: Array
    step: float
    end: float
    series: Array
    constant: float
    power: float


def _log_series(order: int) -> Array:
    """Coefficients of the logarithm of the asymptotic series of I[order], in powers of 1 / x from 1 on."""
    mu = 4.0 * order**2
    a = np.ones(_TERMS + 1)
    for k in range(1, _TERMS + 1):
        a[k] = -a[k - 1] * (mu - (2 * k - 1) ** 2) / (8.0 * k)
    c = np.zeros(_TERMS + 1)
    for k in range(1, _TERMS + 1):
        c[k] = a[k] - sum(j * c[j] * a[k - j] for j in range(1, k)) / k
    return c[1:]


@lru_cache(maxsize=8)
def bessel_table(n_coils: int) -> BesselTable:
    """Table of h and R for a number of coils.

    Parameters
    ----------
    n_coils : int
        1 to :data:`MAX_COILS`.

    Returns
    -------
    BesselTable
        For :func:`log_bessel_and_ratio`.
    """
    order = n_coils - 1
    end = _END_FLAT + _END_PER_ORDER_SQUARED * order**2
    step = _STEP * n_coils
    x: Array = np.arange(int(np.ceil(end / step)) + 2, dtype=np.float64) * step
    ratio = _ratio(n_coils, x)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio_slope = 1.0 - ratio**2 - (2 * n_coils - 1) * ratio / x
        log_bessel = np.log(special.ive(order, x)) - order * np.log(x)
    # ive underflows to 0 for a high order and a small argument, where two terms of the power series do
    small = x < 0.5 * step
    ratio_slope[small] = 0.5 / n_coils
    at_zero = -order * np.log(2.0) - special.gammaln(n_coils)
    low = x**2 < 1e-3 * n_coils
    quarter = x[low] ** 2 / 4.0
    log_bessel[low] = (
        at_zero
        - x[low]
        + np.log1p(
            quarter / n_coils
            + quarter**2 / (2.0 * n_coils * (n_coils + 1))
            + quarter**3 / (6.0 * n_coils * (n_coils + 1) * (n_coils + 2))
        )
    )
    pieces = np.stack(
        [*_cubic(log_bessel - at_zero, (ratio - 1.0) * step), *_cubic(ratio, ratio_slope * step)]
    )
    return BesselTable(
        pieces=np.ascontiguousarray(pieces.T),
        step=step,
        end=end,
        series=_log_series(order),
        constant=float(-0.5 * np.log(2.0 * np.pi) - at_zero),
        power=n_coils - 0.5,
    )


def _cubic(value: Array, slope: Array) -> tuple[Array, Array, Array, Array]:
    """Coefficients of the cubic Hermite polynomials between neighbouring nodes one unit apart."""
    rise = np.diff(value)
    left, right = slope[:-1], slope[1:]
    return value[:-1], left, 3.0 * rise - 2.0 * left - right, left + right - 2.0 * rise


def _ratio(n_coils: int, x: Array) -> Array:
    """Return I[n](x) / I[n-1](x) by its continued fraction, from the far end backwards."""
    depth = int(2.0 * np.max(x)) + 8 * n_coils + 64
    ratio = np.zeros_like(x)
    for k in range(depth, n_coils - 1, -1):
        ratio = x / (2.0 * k + x * ratio)
    return ratio


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def log_bessel_and_ratio(x: float, table: BesselTable) -> tuple[float, float, float]:
    """Return h without its logarithm, R and the slope of R at `x` >= 0.

    Beyond the table's end h lacks ``-power * log(x)``, so that a caller can take one logarithm of a product
    of many arguments.
    """
    if x < table.end:
        position = x * (1.0 / table.step)
        k = np.uint32(position)
        w = position - np.float64(k)
        p = table.pieces
        h = p[k, 0] + w * (p[k, 1] + w * (p[k, 2] + w * p[k, 3]))
        ratio = p[k, 4] + w * (p[k, 5] + w * (p[k, 6] + w * p[k, 7]))
        slope = (p[k, 5] + w * (2.0 * p[k, 6] + w * 3.0 * p[k, 7])) * (1.0 / table.step)
        return h, ratio, slope
    y = 1.0 / x
    c = table.series
    h = table.constant + y * (c[0] + y * (c[1] + y * (c[2] + y * (c[3] + y * (c[4] + y * c[5])))))
    first = c[0] + y * (2.0 * c[1] + y * (3.0 * c[2] + y * (4.0 * c[3] + y * (5.0 * c[4] + y * 6.0 * c[5]))))
    second = 2.0 * c[0] + y * (
        6.0 * c[1] + y * (12.0 * c[2] + y * (20.0 * c[3] + y * (30.0 * c[4] + y * 42.0 * c[5])))
    )
    ratio = 1.0 - y * (table.power + y * first)
    slope = y * y * (table.power + y * second)
    return h, ratio, slope
