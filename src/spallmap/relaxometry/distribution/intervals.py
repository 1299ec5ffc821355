"""95 % intervals of a mixture's numbers, from the fall of its likelihood."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import interpolate, optimize

from spallmap.relaxometry.distribution.mixture import (
    HIGHEST_SD,
    LOWEST_SD,
    Mixture,
    PixelLikelihoods,
    fit_two_peaks,
    peak_likelihoods,
)

Array = NDArray[np.float64]

# 95 % quantile of chi-square with one degree of freedom.
CHI2_95 = 3.841
# Side of the blocks that are drawn, in pixels: on simulated electrodes five pixels thick sides of 5, 6 and 8
# gave intervals that held the truth equally often.
BLOCK_PIXELS = 6
# Draws of blocks: the 95 % quantile of their likelihood ratios is then known to some 8 %.
N_BLOCK_DRAWS = 400
# Grid of the electrode's peak: points along its centre and along its width.
_N_CENTRES = 25
_N_SDS = 61
# Reach of that grid: of the centre in its standard errors for independent pixels, of the width as a factor.
_CENTRE_REACH = 10.0
_SD_REACH = 3.0
# Error of a single pixel's log T2 that these standard errors are made from.
_TYPICAL_ERROR = 0.1
# Points between two of that grid at which its interpolated likelihood is read.
_FINER = 8
# Parameters of a mixture by their index.
FRACTION = 2
LONG_CENTRE = 3
LONG_SD = 4
# An end of an interval is sought to this distance in such a parameter.
_RESOLUTION = 0.01


@dataclass(frozen=True)
class PeakLikelihood:
    """How well other centres and widths of the electrode's peak explain the pixels.

    Parameters
    ----------
    centres, sds : ndarray, shape (n_centres,), (n_sds,)
        Mean and standard deviation of log T2.
    fall : ndarray, shape (n_centres, n_sds)
        Twice the log-likelihood's fall from its highest value.
    threshold : float
        Its value at the ends of a 95 % interval.
    """

    centres: Array
    sds: Array
    fall: Array
    threshold: float

    def interval(self, number: Callable[[Array, Array], Array]) -> tuple[float, float]:
        """Return the lowest and highest value of a function of centre and sd that is not refuted."""
        centres, sds = np.meshgrid(self.centres, self.sds, indexing="ij")
        values = number(centres, sds)[self.fall <= self.threshold]
        return float(values.min()), float(values.max())


def peak_likelihood(
    pixels: PixelLikelihoods, best: Mixture, positions: NDArray[np.int64], rng: np.random.Generator
) -> PeakLikelihood:
    """Scan the electrode's peak, and find by blocks of pixels how far its likelihood may fall.

    For independent pixels twice the log-likelihood falls by 3.84 at the ends of a 95 % interval. T2 of
    neighbouring pixels is similar, so that they count for fewer. Square blocks of pixels, their grid at a
    random position, are drawn with replacement; the 95 % quantile of twice the rise from the fitted width to
    each draw's own best is taken instead, if it is larger. The long peak stays as it was fitted.

    Parameters
    ----------
    pixels : PixelLikelihoods
        The pixels.
    best : Mixture
        Their fit.
    positions : ndarray of int, shape (n_pixels, 2) or (n_pixels, 3)
        Row and column of each pixel, its slice before them where there are many.
    rng : numpy.random.Generator
        Draws the blocks.

    Returns
    -------
    PeakLikelihood
        The scan.

    References
    ----------
    Künsch, The jackknife and the bootstrap for general stationary observations, Ann. Statist. 17 (1989) 1217.
    """
    n = len(positions)
    reach = _CENTRE_REACH * float(np.hypot(best.sd, _TYPICAL_ERROR)) / np.sqrt(n)
    centres = best.centre + reach * np.linspace(-1.0, 1.0, _N_CENTRES)
    low = max(LOWEST_SD, best.sd / _SD_REACH)
    high = min(HIGHEST_SD, _SD_REACH * max(best.sd, _TYPICAL_ERROR / 2.0))
    sds = np.exp(np.linspace(np.log(low), np.log(high), _N_SDS))
    grid = [g.ravel() for g in np.meshgrid(centres, sds, indexing="ij")]
    averages = peak_likelihoods(pixels, *grid)
    if best.fraction > 0.0:
        fractions = best.fractions(pixels.brightness)[:, None]
        long = peak_likelihoods(pixels, np.array([best.long_centre]), np.array([best.long_sd]))
        averages = (1.0 - fractions) * averages + fractions * long
    logs = np.log(np.maximum(averages, 1e-300))
    fitted = int(np.argmin(np.abs(np.log(sds / best.sd))))
    drawn = (_block_counts(positions, rng) @ logs).reshape(N_BLOCK_DRAWS, _N_CENTRES, _N_SDS)
    rises = 2.0 * (drawn.max(axis=(1, 2)) - drawn[:, :, fitted].max(axis=1))
    total = logs.sum(axis=0).reshape(_N_CENTRES, _N_SDS)
    log_sds = np.log(sds)
    fine_centres, fine_log_sds = (
        np.linspace(g[0], g[-1], _FINER * (g.size - 1) + 1) for g in (centres, log_sds)
    )
    smooth = interpolate.RectBivariateSpline(centres, log_sds, total)(fine_centres, fine_log_sds)
    fall = 2.0 * (smooth.max() - smooth)
    threshold = max(CHI2_95, float(np.quantile(rises, 0.95)))
    return PeakLikelihood(fine_centres, np.exp(fine_log_sds), fall, threshold)


def _block_counts(positions: NDArray[np.int64], rng: np.random.Generator) -> Array:
    """How often each pixel is drawn, shape (N_BLOCK_DRAWS, n_pixels)."""
    counts = np.empty((N_BLOCK_DRAWS, len(positions)))
    for row in counts:
        blocks = positions.copy()
        blocks[:, -2:] = (blocks[:, -2:] + rng.integers(0, BLOCK_PIXELS, size=2)) // BLOCK_PIXELS
        _, block = np.unique(blocks, axis=0, return_inverse=True)
        n = int(block.max()) + 1
        row[:] = np.bincount(rng.integers(0, n, size=n), minlength=n)[block.ravel()]
    return counts


def profile_ends(
    pixels: PixelLikelihoods, best: Mixture, long_ms: float, index: int, bounds: tuple[float, float]
) -> tuple[Mixture, Mixture]:
    """Mixtures at the ends of a 95 % interval of one parameter, the others fitted anew.

    Parameters
    ----------
    pixels : PixelLikelihoods
        The pixels.
    best : Mixture
        Their fit.
    long_ms : float
        Lowest centre of the long peak.
    index : int
        The parameter's index in :meth:`Mixture.parameters`.
    bounds : tuple of float
        Where the interval ends at the latest.

    Returns
    -------
    low, high : Mixture
        Where twice the log-likelihood has fallen by 3.84.
    """
    low, high = (_end(pixels, best, long_ms, index, bound) for bound in bounds)
    return low, high


def _end(pixels: PixelLikelihoods, best: Mixture, long_ms: float, index: int, bound: float) -> Mixture:
    """Fit with one parameter held between its best value and a bound, where the likelihood falls enough."""

    def held(value: float) -> Mixture:
        return fit_two_peaks(pixels, best, long_ms, fixed={index: value})

    def excess(value: float) -> float:
        return 2.0 * (best.log_likelihood - held(value).log_likelihood) - CHI2_95

    centre = float(best.parameters()[index])
    if bound == centre or excess(bound) <= 0.0 or excess(centre) >= 0.0:
        return held(bound)
    first, last = sorted((centre, bound))
    return held(float(optimize.brentq(excess, first, last, xtol=_RESOLUTION)))
