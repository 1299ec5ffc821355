"""Widths of T2 distributions, and whether two of them differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

# Half maximum of a normal density, in standard deviations from its centre.
HALF_MAXIMUM = float(np.sqrt(2.0 * np.log(2.0)))


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval.

    Parameters
    ----------
    value : float
        The estimate; NaN where there is none.
    low, high : float
        Ends of the interval; `low` is 0 where nothing keeps the number from 0, `high` is infinite where
        nothing bounds it.

    Examples
    --------
    >>> width = Estimate(1.2, 0.9, 1.6)
    >>> width.low <= width.value <= width.high
    True
    """

    value: float
    low: float
    high: float


UNKNOWN = Estimate(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class WidthComparison:
    """How two widths differ.

    Parameters
    ----------
    difference : Estimate
        Second less first, in ms.
    ratio : Estimate
        Second over first.
    differ : bool
        Whether the interval of the difference leaves 0 out.

    Examples
    --------
    >>> from spallmap.relaxometry import compare_widths
    >>> compare_widths(Estimate(1.0, 0.9, 1.1), Estimate(2.0, 1.8, 2.2)).differ
    True
    """

    difference: Estimate
    ratio: Estimate
    differ: bool


def lognormal_fwhm_ms(centre: ArrayLike, sd: ArrayLike) -> Array:
    """Full width at half maximum of a distribution of T2 that is normal in log T2.

    The density per ms has its highest point at ``exp(centre - sd**2)``, and its logarithm falls from there by
    ``z**2 / 2`` with `z` the distance in log T2 over `sd`.

    Parameters
    ----------
    centre : array_like
        Mean of the log of T2 in ms.
    sd : array_like
        Standard deviation of log T2.

    Returns
    -------
    ndarray
        In ms.

    Examples
    --------
    A narrow peak is nearly normal in T2 itself, with a width of 2.355 standard deviations:

    >>> import numpy as np
    >>> round(float(lognormal_fwhm_ms(np.log(7.0), 0.1)), 3)
    1.636
    """
    mean, spread = np.asarray(centre, dtype=np.float64), np.asarray(sd, dtype=np.float64)
    width: Array = 2.0 * np.exp(mean - spread**2) * np.sinh(HALF_MAXIMUM * spread)
    return width


def compare_widths(first: Estimate, second: Estimate) -> WidthComparison:
    """Compare two widths by their intervals alone.

    The two are taken as independent. The distance from a width to either end of its interval serves as its
    error in that direction (method of variance estimates recovery), so that intervals need not be symmetric;
    for the ratio the same is done with the logarithms.

    Parameters
    ----------
    first, second : Estimate
        Two widths in ms, each with its 95 % interval.

    Returns
    -------
    WidthComparison
        With 95 % intervals; NaN where a width is unknown.

    References
    ----------
    Zou and Donner, Construction of confidence limits about effect measures: a general approach, Statist. Med.
    27 (2008) 1693.

    Examples
    --------
    >>> found = compare_widths(Estimate(1.0, 0.8, 1.3), Estimate(1.5, 1.2, 1.9))
    >>> [round(v, 2) for v in (found.difference.value, found.difference.low, found.difference.high)]
    [0.5, 0.08, 0.95]
    >>> round(found.ratio.value, 2), found.differ
    (1.5, True)
    """
    if not (np.isfinite(first.value) and np.isfinite(second.value)):
        return WidthComparison(UNKNOWN, UNKNOWN, False)
    difference = _subtract(second, first)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = [Estimate(*(float(np.log(v)) for v in (e.value, e.low, e.high))) for e in (second, first)]
        ratio = Estimate(*(float(np.exp(v)) for v in _ends(_subtract(*logs))))
    return WidthComparison(difference, ratio, not difference.low <= 0.0 <= difference.high)


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _subtract(a: Estimate, b: Estimate) -> Estimate:
    value = a.value - b.value
    return Estimate(
        value,
        float(value - np.hypot(a.value - a.low, b.high - b.value)),
        float(value + np.hypot(a.high - a.value, b.value - b.low)),
    )
