"""What magnitude samples of a known amplitude look like: mean, slope and spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spallmap.relaxometry import magnitude_mean

# From here on, in units that grow with the noise floor, the series in 1 / nu^2 are exact to 1e-4; further
# down the variance would be a difference of squares that cancels.
_SERIES_FROM = 30.0


@dataclass(frozen=True)
class RicianMoments:
    """Moments of magnitude samples.

    Parameters
    ----------
    mean : ndarray
        Expected magnitude.
    slope : ndarray
        Its derivative with respect to the true amplitude.
    sd : ndarray
        Standard deviation of the magnitude.
    """

    mean: NDArray[np.float64]
    slope: NDArray[np.float64]
    sd: NDArray[np.float64]


def rician_moments(amplitude: NDArray[np.float64], sigma: float, n_coils: int = 1) -> RicianMoments:
    """Moments of the magnitude of complex samples with Gaussian noise.

    Parameters
    ----------
    amplitude : ndarray
        True amplitudes, not negative; of several coils the root of the sum of squares.
    sigma : float
        Standard deviation of the noise in each of the real and the imaginary part, in the same unit.
    n_coils : int
        Coils whose squares were summed.

    Returns
    -------
    RicianMoments
        Arrays of the shape of `amplitude`.

    References
    ----------
    Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", Magn. Reson. Med. 34 (1995) 910.
    Koay and Basser, "Analytically exact correction scheme for signal extraction from noisy magnitude MR
    signals", J. Magn. Reson. 179 (2006) 317 (several coils).
    """
    nu = np.asarray(amplitude, dtype=np.float64) / sigma
    mean = magnitude_mean(nu, n_coils)
    start = _SERIES_FROM * np.sqrt(n_coils)
    low, far = np.minimum(nu, start), np.maximum(nu, start)
    k = 2.0 * n_coils - 1.0
    floor = np.sqrt(2.0) * np.exp(special.gammaln(n_coils + 0.5) - special.gammaln(n_coils))
    if n_coils == 1:
        quarter = low**2 / 4.0
        near_slope = np.sqrt(np.pi / 8.0) * low * (special.i0e(quarter) + special.i1e(quarter))
    else:
        near_slope = floor * low / (2.0 * n_coils) * special.hyp1f1(0.5, n_coils + 1.0, -(low**2) / 2.0)
    slope = np.where(nu < start, near_slope, 1.0 - k / (2.0 * far**2))
    variance = np.where(nu < start, 2.0 * n_coils + low**2 - mean**2, 1.0 - k / (2.0 * far**2))
    return RicianMoments(mean=sigma * mean, slope=slope, sd=sigma * np.sqrt(variance))
