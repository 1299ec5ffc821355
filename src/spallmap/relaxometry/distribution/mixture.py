"""A mixture of two peaks over log T2, seen through each pixel's own likelihood.

How probable it is that a pixel lies in the long peak may depend on its signal: a dendrite is mostly darker
than the electrode, and with one probability for all, the bright pixels would pull the dark and uncertain ones
into the electrode's peak (a mixture with a concomitant variable: Dayton and Macready, J. Am. Stat. Assoc. 83
(1988) 173).

No T2 of a single pixel enters. A pixel's samples have a likelihood over log T2, its amplitude profiled out; a
peak that is a normal distribution of log T2 has the likelihood of the pixel averaged over it. So the pixels'
errors, whatever their shape, are taken out of the peaks' widths.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, special

from spallmap.relaxometry.distribution.kernels import long_fractions, maximise
from spallmap.relaxometry.models import SignalModel
from spallmap.relaxometry.samples import GRID_STEP

Array = NDArray[np.float64]

# Step in log T2 of the sums over a peak. Sums of a normal density are exact to 3e-4 from steps of 1.5
# standard deviations down, which with the next constant is never exceeded.
FINE_STEP = 0.03
# Lowest standard deviation of a peak in log T2: below it even 1000 pixels at SNR 40 cannot distinguish it
# from none (6.5 % each, 0.2 % in the mean).
LOWEST_SD = 0.02
# The highest one is that of a peak whose half maximum spans a factor of four.
HIGHEST_SD = 0.6
# The same for the long peak: a wider one would be a background under everything and not a peak.
HIGHEST_LONG_SD = 0.4
# Limits of the long peak's fraction: less than a pixel in any map that is used, and more than any dendrite.
LOWEST_FRACTION = 1e-4
HIGHEST_FRACTION = 0.9
_LOGIT_FRACTION = (float(special.logit(LOWEST_FRACTION)), float(special.logit(HIGHEST_FRACTION)))
# Steepest trend: at twice the signal the odds of the long peak change fourfold. It bounds what would run away
# where every pixel of the long peak is darker than any other. Of simulated maps (rough electrodes with mixed
# pixels, and clear-cut ones) the fraction's interval holds the truth in all with 2; with 4 in 83 % of the
# rough ones, whose dark rims are then taken for dendrite, and with 1 in 83 % of the clear-cut ones.
STEEPEST_TREND = 2.0
# Darkest first sample that is distinguished from others, in units of sigma.
_DARKEST = 1.0
# Where the long peak is first looked for: step of its centre, and its widths.
_SEEK_STEP = 0.1
_SEEK_SD = (0.05, 0.2, HIGHEST_LONG_SD)
# What a search starts from: the long peak's fraction and its width.
_START_FRACTION = 0.03
_START_LONG_SD = 0.15
# A pixel's log-likelihood this far below its peak does not matter to any sum.
_FLOOR = 60.0


@dataclass(frozen=True)
class PixelLikelihoods:
    """What each pixel's samples say about its T2.

    Parameters
    ----------
    likelihood : ndarray, shape (n_pixels, n_grid)
        Likelihood with the amplitude profiled out, 1 at its peak.
    log_t2 : ndarray, shape (n_grid,)
        log of T2 in ms, rising in even steps.
    brightness : ndarray, shape (n_pixels,)
        Logarithm of the first sample, less its mean.
    """

    likelihood: Array
    log_t2: Array
    brightness: Array


@dataclass(frozen=True)
class Mixture:
    """One or two peaks, each normal in log T2.

    Parameters
    ----------
    centre : float
        Mean of the log of T2 in ms over the electrode's peak.
    sd : float
        Standard deviation of its log T2.
    fraction : float
        Fraction of pixels in the long peak; 0 where there is none.
    trend : float
        Change with brightness of the logit of a pixel's probability to lie in the long peak.
    long_centre, long_sd : float
        As `centre` and `sd`, of the long peak.
    log_likelihood : float
        Its value for the pixels that it was fitted to.
    """

    centre: float
    sd: float
    fraction: float
    long_centre: float
    long_sd: float
    trend: float
    log_likelihood: float

    def parameters(self) -> Array:
        """Return what is varied in a fit: centre, log sd, logit fraction, long centre, log long sd, trend."""
        fraction = float(np.clip(special.logit(self.fraction), *_LOGIT_FRACTION))
        widths = np.log([self.sd, self.long_sd])
        return np.array([self.centre, widths[0], fraction, self.long_centre, widths[1], self.trend])

    def fractions(self, brightness: Array) -> Array:
        """Probability of each pixel to lie in the long peak, by its brightness alone."""
        if self.fraction == 0.0:
            return np.zeros(brightness.size)
        _, _, fraction, _, _, trend = self.parameters()
        fractions: Array = long_fractions(brightness, fraction, trend)[0]
        return fractions


def fine_grid(bounds_ms: tuple[float, float]) -> Array:
    """Even grid of log T2 for the sums over a peak."""
    low, high = np.log(bounds_ms)
    return np.linspace(low, high, int(np.ceil((high - low) / FINE_STEP)) + 1)


def pixel_likelihoods(prepared: Array, te_ms: Array, model: SignalModel, log_t2: Array) -> PixelLikelihoods:
    """Likelihoods of many pixels on a fine grid.

    They are computed on a coarser grid; their logarithms, which are nearly parabolas, are interpolated by
    cubic splines (to 0.003 at SNR 40).

    Parameters
    ----------
    prepared : ndarray, shape (n_pixels, n_echoes)
        Samples as the model prepared them, in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    model : SignalModel
        The model.
    log_t2 : ndarray, shape (n_grid,)
        As from :func:`fine_grid`.

    Returns
    -------
    PixelLikelihoods
        On that grid.
    """
    n = int(np.ceil((log_t2[-1] - log_t2[0]) / GRID_STEP)) + 1
    coarse = np.linspace(log_t2[0], log_t2[-1], max(n, 4))
    # a spline is linear in its values, so all pixels are interpolated by one matrix
    spread = interpolate.CubicSpline(coarse, np.eye(coarse.size), axis=0)(log_t2)
    profile = model.profile(prepared, te_ms, np.exp(coarse)) @ spread.T
    profile -= profile.max(axis=1, keepdims=True)
    brightness = np.log(np.maximum(prepared[:, 0], _DARKEST))
    return PixelLikelihoods(np.exp(np.maximum(profile, -_FLOOR)), log_t2, brightness - brightness.mean())


def _maximise(
    pixels: PixelLikelihoods, start: Array, bounds: Sequence[tuple[float, float]], with_long: bool
) -> Mixture:
    lows, highs = np.array(bounds).T
    total, p = maximise(pixels.likelihood, pixels.log_t2, pixels.brightness, start, lows, highs, with_long)
    fraction = float(special.expit(p[2])) if with_long else 0.0
    widths = np.exp(p[[1, 4]])
    return Mixture(
        float(p[0]), float(widths[0]), fraction, float(p[3]), float(widths[1]), float(p[5]), float(total)
    )


def fit_one_peak(pixels: PixelLikelihoods) -> Mixture:
    """Fit the electrode's peak alone.

    Parameters
    ----------
    pixels : PixelLikelihoods
        At least one pixel.

    Returns
    -------
    Mixture
        With no fraction in a long peak, so that its centre and width mean nothing.
    """
    log_t2 = pixels.log_t2
    middle = float(np.median(log_t2[np.argmax(pixels.likelihood, axis=1)]))
    start = np.array([middle, np.log(_START_LONG_SD), 0.0, log_t2[-1], np.log(_START_LONG_SD), 0.0])
    bounds = [
        (float(log_t2[0]), float(log_t2[-1])),
        (np.log(LOWEST_SD), np.log(HIGHEST_SD)),
        *[(float(v), float(v)) for v in start[2:]],
    ]
    return _maximise(pixels, start, bounds, with_long=False)


def peak_likelihoods(pixels: PixelLikelihoods, centres: Array, sds: Array) -> Array:
    """Likelihood of each pixel averaged over each of many peaks.

    Parameters
    ----------
    pixels : PixelLikelihoods
        The pixels.
    centres, sds : ndarray, shape (n_peaks,)
        Mean and standard deviation of log T2.

    Returns
    -------
    ndarray, shape (n_pixels, n_peaks)
        The averages.
    """
    densities = np.exp(-0.5 * ((pixels.log_t2[:, None] - centres) / sds) ** 2)
    averages: Array = pixels.likelihood @ (densities / densities.sum(axis=0))
    return averages


def fit_two_peaks(
    pixels: PixelLikelihoods, one: Mixture, long_ms: float, *, fixed: dict[int, float] | None = None
) -> Mixture:
    """Fit the electrode's peak and one of long T2.

    The electrode's centre lies below `long_ms` and the long peak's above. Where the likelihood does not rise
    as any long peak takes pixels from the electrode's alone, there is none.

    Parameters
    ----------
    pixels : PixelLikelihoods
        The pixels.
    one : Mixture
        Where to start: the fit without a long peak, or a fit with one.
    long_ms : float
        Lowest centre of the long peak.
    fixed : dict, optional
        Parameters, by their index in :meth:`Mixture.parameters`, that are held at a value.

    Returns
    -------
    Mixture
        The better of this fit and `one`, unless a parameter is fixed.
    """
    threshold, last = float(np.log(long_ms)), float(pixels.log_t2[-1])
    start = one.parameters()
    if one.fraction == 0.0:
        centres, sds = (
            grid.ravel() for grid in np.meshgrid(np.arange(threshold, last, _SEEK_STEP), np.array(_SEEK_SD))
        )
        alone = peak_likelihoods(pixels, np.array([one.centre]), np.array([one.sd]))
        gain = np.mean(peak_likelihoods(pixels, centres, sds) / np.maximum(alone, 1e-300), axis=0) - 1.0
        best = int(np.argmax(gain))
        if gain[best] <= 0.0 and fixed is None:
            return one
        start = np.array(
            [
                one.centre,
                np.log(one.sd),
                special.logit(_START_FRACTION),
                centres[best],
                np.log(sds[best]),
                0.0,
            ]
        )
    bounds = [
        (float(pixels.log_t2[0]), threshold),
        (np.log(LOWEST_SD), np.log(HIGHEST_SD)),
        _LOGIT_FRACTION,
        (threshold, last),
        (np.log(LOWEST_SD), np.log(HIGHEST_LONG_SD)),
        (-STEEPEST_TREND, STEEPEST_TREND),
    ]
    for k, value in (fixed or {}).items():
        bounds[k] = (value, value)
    two = _maximise(pixels, start, bounds, with_long=True)
    if fixed is None and two.log_likelihood <= one.log_likelihood:
        return one
    return two


def responsibilities(pixels: PixelLikelihoods, mixture: Mixture) -> Array:
    """Probability of each pixel to belong to the long peak, shape (n_pixels,)."""
    if mixture.fraction == 0.0:
        return np.zeros(len(pixels.likelihood))
    centres = np.array([mixture.centre, mixture.long_centre])
    both = peak_likelihoods(pixels, centres, np.array([mixture.sd, mixture.long_sd]))
    fractions = mixture.fractions(pixels.brightness)
    both *= np.stack([1.0 - fractions, fractions], axis=1)
    of_long: Array = both[:, 1] / np.maximum(both.sum(axis=1), 1e-300)
    return of_long
