"""What magnitude samples of a known amplitude look like: mean, slope and spread."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import i0e, i1e

from spallmap.relaxometry.rice import magnitude_mean

# From here on the variance's series 1 - 1 / (2 nu^2) is exact to 1e-6; its difference of squares cancels.
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


def rician_moments(amplitude: NDArray[np.float64], sigma: float) -> RicianMoments:
    """Moments of the magnitude of a complex sample with Gaussian noise.

    Parameters
    ----------
    amplitude : ndarray
        True amplitudes, not negative.
    sigma : float
        Standard deviation of the noise in each of the real and the imaginary part, in the same unit.

    Returns
    -------
    RicianMoments
        Arrays of the shape of `amplitude`.

    References
    ----------
    Gudbjartsson and Patz, "The Rician distribution of noisy MRI data", Magn. Reson. Med. 34 (1995) 910.
    """
    nu = np.asarray(amplitude, dtype=np.float64) / sigma
    mean = magnitude_mean(nu)
    quarter = nu**2 / 4.0
    slope = np.sqrt(np.pi / 8.0) * nu * (i0e(quarter) + i1e(quarter))
    exact = 2.0 + nu**2 - mean**2
    series = 1.0 - 0.5 / np.maximum(nu, _SERIES_FROM) ** 2
    variance = np.where(nu < _SERIES_FROM, exact, series)
    return RicianMoments(mean=sigma * mean, slope=slope, sd=sigma * np.sqrt(variance))
