"""Is there a peak of long T2? The likelihood ratio against its absence, judged by simulated maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.distribution.mixture import (
    Mixture,
    PixelLikelihoods,
    fit_one_peak,
    fit_two_peaks,
    pixel_likelihoods,
)
from spallmap.relaxometry.models import SignalModel
from spallmap.relaxometry.rice import RAYLEIGH_MEAN

Array = NDArray[np.float64]

# Simulated maps without a long peak: the smallest p-value is 0.005.
MAX_SIMULATED = 199
# Maps whose likelihood ratio reaches the measured one after which no more are drawn: p is then known to a
# fifth of itself.
ENOUGH_ABOVE = 20
# A likelihood ratio below this is rounding of a fit that found no long peak.
_NO_GAIN = 1e-6


@dataclass(frozen=True)
class LongTest:
    """How much a long peak explains, and how often none would seem to explain as much.

    Parameters
    ----------
    likelihood_ratio : float
        Twice the rise of the log-likelihood by a long peak; NaN where none was sought.
    p_value : float
        Fraction of maps without a long peak whose likelihood ratio is at least this; NaN where none was
        sought.
    n_simulated : int
        Maps that were simulated.
    smallest_p : float
        The p-value if no simulated map had reached the likelihood ratio.
    """

    likelihood_ratio: float
    p_value: float
    n_simulated: int
    smallest_p: float


NOT_SOUGHT = LongTest(float("nan"), float("nan"), 0, float("nan"))


def simulated_echoes(
    theta: Array, first: Array, te_ms: Array, model: SignalModel, rng: np.random.Generator
) -> NDArray[Any]:
    """Draw noisy decays as a model expects them.

    Parameters
    ----------
    theta : ndarray, shape (n_pixels,)
        log of T2 in ms.
    first : ndarray, shape (n_pixels,)
        Signal at the first echo in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    model : SignalModel
        The model; complex data have phase 0, several coils have their squared magnitudes summed.
    rng : numpy.random.Generator
        Draws the noise.

    Returns
    -------
    ndarray, shape (n_pixels, n_echoes)
        Magnitudes or complex data, in units of sigma.
    """
    signal = first[:, None] * np.exp(-(te_ms - te_ms[0]) / np.exp(theta)[:, None])
    noise = rng.normal(size=(2, *signal.shape))
    if model.least_squares:
        # Gaussian about the signal and its floor; magnitudes are never negative
        magnitudes: Array = np.maximum(signal + RAYLEIGH_MEAN + noise[0], 0.0)
        return magnitudes
    if model.complex_data:
        return np.asarray(signal + noise[0] + 1j * noise[1])
    power = (signal + noise[0]) ** 2 + noise[1] ** 2
    if model.n_coils > 1:
        power += rng.chisquare(2 * (model.n_coils - 1), size=signal.shape)
    return np.asarray(np.sqrt(power))


def long_peak_test(
    pixels: PixelLikelihoods,
    one: Mixture,
    first: Array,
    te_ms: Array,
    model: SignalModel,
    long_ms: float,
    rng: np.random.Generator,
) -> tuple[LongTest, Mixture]:
    """Fit a long peak and say how likely it would be found where there is none.

    The likelihood ratio of a mixture's component does not follow a chi-square distribution. Maps are
    simulated from the fit without a long peak, each pixel with its own signal, and fitted in the same way.

    Parameters
    ----------
    pixels : PixelLikelihoods
        The map's.
    one : Mixture
        The fit without a long peak.
    first : ndarray, shape (n_pixels,)
        Fitted signal at the first echo in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    model : SignalModel
        The model.
    long_ms : float
        Lowest centre of a long peak.
    rng : numpy.random.Generator
        Draws the maps.

    Returns
    -------
    test : LongTest
        The likelihood ratio and its p-value.
    best : Mixture
        The fit with a long peak, or `one` where none was sought or none raises the likelihood.

    References
    ----------
    McLachlan, On bootstrapping the likelihood ratio test statistic for the number of components in a normal
    mixture, J. R. Stat. Soc. C 36 (1987) 318.
    Besag and Clifford, Sequential Monte Carlo p-values, Biometrika 78 (1991) 301.
    """
    if not one.centre < np.log(long_ms) < pixels.log_t2[-1]:
        return NOT_SOUGHT, one
    best = fit_two_peaks(pixels, one, long_ms)
    ratio = _ratio(one, best)
    if ratio <= _NO_GAIN:
        return LongTest(0.0, 1.0, 0, 1.0), one
    above = drawn = 0
    while drawn < MAX_SIMULATED and above < ENOUGH_ABOVE:
        theta = one.centre + one.sd * rng.normal(size=first.size)
        echoes = simulated_echoes(theta, first, te_ms, model, rng)
        simulated = pixel_likelihoods(model.prepare(echoes, te_ms), te_ms, model, pixels.log_t2)
        alone = fit_one_peak(simulated)
        above += _ratio(alone, fit_two_peaks(simulated, alone, long_ms)) >= ratio
        drawn += 1
    p_value = above / drawn if above == ENOUGH_ABOVE else (1 + above) / (1 + drawn)
    return LongTest(ratio, p_value, drawn, 1.0 / (1 + MAX_SIMULATED)), best


def _ratio(one: Mixture, two: Mixture) -> float:
    return max(0.0, 2.0 * (two.log_likelihood - one.log_likelihood))
