"""Moments and Fisher information of magnitude data: the Rice distribution, and the non-central chi one.

A magnitude ``m`` of a true signal ``nu`` with complex Gaussian noise of standard deviation 1 per channel has
the density ``m exp(-(m**2 + nu**2) / 2) I[0](m nu)`` (Rice). The root of the summed squares of `n` such
channels' magnitudes, ``nu`` the root of their signals' summed squares, has the non-central chi density
``m (m / nu)**(n-1) exp(-(m**2 + nu**2) / 2) I[n-1](m nu)``; one coil is the Rice case. All functions here
work in units of that standard deviation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

Array = NDArray[np.float64]

# Mean of a Rayleigh distribution: the floor of a one-coil magnitude image.
RAYLEIGH_MEAN = float(np.sqrt(np.pi / 2.0))
# From this true signal on, in units that grow with the floor, the expansions in 1 / nu**2 agree with the
# tables to 1e-4.
_END_PER_ROOT = 20.0
_TABLE_POINTS = 1001


def magnitude_mean(nu: ArrayLike, n_coils: int = 1) -> Array:
    """Mean magnitude of a true signal.

    Parameters
    ----------
    nu : array_like
        True signal in units of the noise's standard deviation.
    n_coils : int
        Number of coils whose squares were summed.

    Returns
    -------
    ndarray
        The mean, in the same units; its variance is ``2 n_coils + nu**2 - mean**2``.

    References
    ----------
    Gudbjartsson and Patz, The Rician distribution of noisy MRI data, Magn. Reson. Med. 34 (1995) 910.
    Koay and Basser, Analytically exact correction scheme for signal extraction from noisy magnitude MR
    signals, J. Magn. Reson. 179 (2006) 317 (several coils).

    Examples
    --------
    >>> magnitude_mean([0.0, 3.0, 100.0]).round(3).tolist()
    [1.253, 3.173, 100.005]
    """
    signal = np.asarray(nu, dtype=np.float64)
    half = signal**2 / 2.0
    if n_coils == 1:
        mean: Array = RAYLEIGH_MEAN * (
            (1.0 + half) * special.i0e(half / 2.0) + half * special.i1e(half / 2.0)
        )
        return mean
    floor = float(np.sqrt(2.0) * np.exp(special.gammaln(n_coils + 0.5) - special.gammaln(n_coils)))
    end = _END_PER_ROOT * np.sqrt(n_coils)
    inside = floor * special.hyp1f1(-0.5, n_coils, -np.minimum(half, end**2 / 2.0))
    far = np.maximum(signal, end)
    k = 2.0 * n_coils - 1.0
    outside = far + k / (2.0 * far) - k * (k - 2.0) / (8.0 * far**3)
    several: Array = np.where(signal < end, inside, outside)
    return several


# Columns of a moment table.
EXCESS, VARIANCE, INFORMATION = range(3)


class MomentTable(NamedTuple):
    """Mean less true signal, variance and information over the true signal.

    Parameters
    ----------
    rows : ndarray, shape (n_nodes, 3)
        Columns :data:`EXCESS`, :data:`VARIANCE`, :data:`INFORMATION`.
    step : float
        Distance of the nodes in the true signal, from 0 on.
    """

    rows: Array
    step: float


@lru_cache(maxsize=8)
def moment_table(n_coils: int) -> MomentTable:
    """Tabulate the moments for a number of coils.

    The Fisher information is that of one magnitude about its true signal, relative to that of a Gaussian
    sample: 0 at no signal, where the magnitude's density is stationary in it, and 1 at a high one.

    Parameters
    ----------
    n_coils : int
        How many.

    Returns
    -------
    MomentTable
        From a true signal of 0 to 20 root `n_coils`.

    References
    ----------
    Karlsen, Verhagen and Bovée, Parameter estimation from Rician-distributed data sets using a maximum
    likelihood estimator, Magn. Reson. Med. 41 (1999) 614. The expectation is integrated numerically here.
    """
    nu = np.linspace(0.0, _END_PER_ROOT * np.sqrt(n_coils), _TABLE_POINTS)
    # the density of m is below 1e-20 outside its mean +- 10, so this trapezoidal sum is exact to rounding
    mean = magnitude_mean(nu, n_coils)
    offsets = np.linspace(-10.0, 10.0, 801)
    m = np.maximum(mean[:, None] + offsets, 1e-12)
    x = m * nu[:, None]
    order = n_coils - 1
    with np.errstate(divide="ignore", invalid="ignore"):
        log_density = (
            np.log(m) + order * np.log(m / nu[:, None]) - 0.5 * (m - nu[:, None]) ** 2
            + np.log(special.ive(order, x))
        )  # fmt: skip
        ratio = special.ive(n_coils, x) / special.ive(order, x)
    # at a vanishing signal the ratio is x / 2n, and the density is the central one
    faint = x < 1e-6
    ratio[faint] = x[faint] / (2.0 * n_coils)
    central = (2 * n_coils - 1) * np.log(m) - 0.5 * m**2 - order * np.log(2.0) - special.gammaln(n_coils)
    density = np.exp(np.where(faint | ~np.isfinite(log_density), central, log_density))
    density[mean[:, None] + offsets <= 0.0] = 0.0
    score = m * ratio - nu[:, None]
    information = np.sum(density * score**2, axis=1) / np.sum(density, axis=1)
    variance = 2.0 * n_coils + nu**2 - mean**2
    rows = np.stack([mean - nu, variance, information], axis=1)
    return MomentTable(np.ascontiguousarray(rows), float(nu[1]))
