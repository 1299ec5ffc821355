"""How T2 is distributed over a map: the electrode's peak, and a peak of long T2 beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special
from skimage.morphology import remove_small_objects

from spallmap.errors import InputError
from spallmap.relaxometry.distribution.intervals import (
    CHI2_95,
    FRACTION,
    LONG_CENTRE,
    LONG_SD,
    PeakLikelihood,
    peak_likelihood,
    profile_ends,
)
from spallmap.relaxometry.distribution.longtest import NOT_SOUGHT, LongTest, long_peak_test
from spallmap.relaxometry.distribution.mixture import (
    HIGHEST_FRACTION,
    HIGHEST_LONG_SD,
    LOWEST_FRACTION,
    LOWEST_SD,
    Mixture,
    PixelLikelihoods,
    fine_grid,
    fit_one_peak,
    pixel_likelihoods,
    responsibilities,
)
from spallmap.relaxometry.distribution.widths import UNKNOWN, Estimate, lognormal_fwhm_ms
from spallmap.relaxometry.fit import least_snr
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.models import get_model
from spallmap.relaxometry.samples import sorted_echoes
from spallmap.relaxometry.status import SEEN

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Pixels that touch, corners included, to count as specimen: up to 1 % of a background of noise passes the
# limit of signal, so six of them together are 1e-6 of that.
MIN_SPECIMEN_PIXELS = 6
# Parameters of a decay without a constant of its own.
AMPLITUDE_AND_T2 = 2
# Fewer pixels than this have no distribution to speak of.
MIN_PIXELS = 30
# More pixels than this add time and nothing to see; a random choice of them is taken.
MAX_PIXELS = 3000
# T2 that a peak may reach, in closest echo spacings and in last echo times: beyond these ends all T2 look the
# same to an echo train.
_LOWEST_IN_SPACINGS = 0.3
_HIGHEST_IN_LAST_TE = 6.0


@dataclass(frozen=True)
class T2Distribution:
    """The peaks of a T2 map.

    Parameters
    ----------
    n_pixels : int
        Specimen pixels; see :func:`specimen_pixels`.
    n_used : int
        Those that were fitted, a random choice where there are very many.
    electrode_t2_ms : Estimate
        Centre of the electrode's peak.
    electrode_fwhm_ms : Estimate
        Its full width at half maximum without the pixels' errors.
    long_t2_ms, long_fwhm_ms : Estimate
        Centre and width of the long peak, without the pixels' errors.
    long_fraction, long_fraction_signal : Estimate
        Fraction of the specimen's pixels in the long peak, and of its signal at echo time 0.
    test : LongTest
        Whether there is a long peak.
    mixture : Mixture or None
        The fitted peaks, log T2 in ms; None where there were too few pixels.
    specimen : ndarray of bool, shape of one echo
        The specimen's pixels.
    fraction_of_pixel : ndarray, shape (n_used,)
        Probability of each fitted pixel to lie in the long peak, by its brightness alone.
    first : ndarray, shape (n_used,)
        Fitted signal of these pixels at the first echo, in units of sigma.
    width_threshold : float
        Fall of twice the log-likelihood at the ends of the interval of the electrode's width and centre; 3.84
        for independent pixels.
    long_ms : float
        Lowest centre of the long peak.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2, t2_distribution
    >>> echoes, te_ms = np.zeros((5, 8, 8)), (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> nothing = t2_distribution(
    ...     echoes, te_ms, fit_t2(echoes, te_ms, sigma=1.0), rng=np.random.default_rng(1)
    ... )
    >>> nothing.n_pixels, nothing.mixture, nothing.electrode_t2_ms.value
    (0, None, nan)
    """

    n_pixels: int
    n_used: int
    electrode_t2_ms: Estimate
    electrode_fwhm_ms: Estimate
    long_t2_ms: Estimate
    long_fwhm_ms: Estimate
    long_fraction: Estimate
    long_fraction_signal: Estimate
    test: LongTest
    mixture: Mixture | None
    specimen: Flags
    fraction_of_pixel: Array
    first: Array
    width_threshold: float
    long_ms: float


def specimen_pixels(fit: T2Fit, first: Array, n_alike: int = 1) -> Flags:
    """Pixels that hold signal: strong enough, and not alone.

    Pixels whose T2 lies at a bound or beyond the echoes belong to them: what the likelihood says of them is
    taken as it is.

    Parameters
    ----------
    fit : T2Fit
        The maps.
    first : ndarray, shape of one echo
        Magnitude of the first echo in units of sigma. It has to reach that limit as well where the model
        has a constant of its own: a decay above a constant is soon found in noise.
    n_alike : int
        Pixels that share one sample of the noise.

    Returns
    -------
    ndarray of bool
        True for pixels of at least :func:`least_snr` that touch others of the same slice, in a group of
        :data:`MIN_SPECIMEN_PIXELS` or more.
    """
    limit = least_snr(fit.n_coils)
    strong = np.isin(fit.status, SEEN) & (fit.snr >= limit)
    if get_model(fit.model, fit.n_coils).n_parameters > AMPLITUDE_AND_T2:
        strong &= first >= limit
    specimen: Flags = np.empty(strong.shape, dtype=bool)
    for index in np.ndindex(strong.shape[:-2]):
        specimen[index] = remove_small_objects(
            strong[index], max_size=MIN_SPECIMEN_PIXELS * n_alike - 1, connectivity=2
        )
    return specimen


def t2_distribution(
    echoes: ArrayLike,
    te_ms: Sequence[float],
    fit: T2Fit,
    *,
    rng: np.random.Generator,
    steps: Sequence[int] | None = None,
) -> T2Distribution:
    """Find the peaks of a map's T2 distribution with their errors.

    Each peak is a normal distribution of log T2. The pixels' likelihoods, not their T2, are fitted, so that
    the widths are those of the specimen and not of its noise. The interval of the electrode's width takes
    into account that neighbouring pixels have similar T2: the fall of the likelihood that bounds it is
    found by drawing blocks of pixels with replacement. Whether there is a long peak is decided by its
    likelihood ratio, whose distribution without a long peak is simulated.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ny, nx) or (n_echoes, nz, ny, nx)
        The series that was fitted, without echoes that were skipped.
    te_ms : sequence of float
        Echo time of each, in ms.
    fit : T2Fit
        The maps.
    rng : numpy.random.Generator
        Draws the blocks and the simulated maps.
    steps : sequence of int, optional
        Every how many pixels along each axis one is taken, so that no two share their noise; absent: each.

    Returns
    -------
    T2Distribution
        Numbers that do not exist are NaN, such as all of them where there are too few pixels.

    Raises
    ------
    InputError
        If the series is not the fitted one.

    References
    ----------
    Efron, Empirical Bayes deconvolution estimates, Biometrika 103 (2016) 1 (deconvolution by each
    observation's own likelihood).
    McLachlan, On bootstrapping the likelihood ratio test statistic for the number of components in a normal
    mixture, J. R. Stat. Soc. C 36 (1987) 318.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2
    >>> rng = np.random.default_rng(3)
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 24, 24))
    >>> signal[:, 6:12, 4:20] = 40.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> echoes = np.hypot(signal + rng.normal(size=signal.shape), rng.normal(size=signal.shape))
    >>> fit = fit_t2(echoes, te_ms, sigma=1.0)
    >>> found = t2_distribution(echoes, te_ms, fit, rng=rng)
    >>> bool(found.electrode_t2_ms.low < 7.0 < found.electrode_t2_ms.high)
    True
    >>> bool(found.test.p_value > 0.05)
    True
    """
    model = get_model(fit.model, fit.n_coils)
    data, te = sorted_echoes(echoes, te_ms, model)
    if data.shape[1:] != fit.snr.shape or tuple(te.tolist()) != fit.te_ms:
        raise InputError(
            "echoes",
            f"{data.shape[1:]} pixels at {te.tolist()} ms",
            f"those of the fit, {fit.snr.shape} at {list(fit.te_ms)} ms",
        )
    each = np.ones(data.ndim - 1, dtype=np.int64) if steps is None else np.asarray(steps, dtype=np.int64)
    specimen = specimen_pixels(fit, np.abs(data[0]) / fit.sigma, int(np.prod(each[-2:])))
    chosen = np.argwhere(specimen)
    chosen = chosen[np.all(chosen % each == 0, axis=1)]
    if len(chosen) < MIN_PIXELS:
        return _unknown(specimen, fit.long_ms)
    if len(chosen) > MAX_PIXELS:
        chosen = chosen[np.sort(rng.choice(len(chosen), MAX_PIXELS, replace=False))]
    at: tuple[NDArray[np.int64], ...] = tuple(chosen.T)
    log_t2 = fine_grid(_peak_bounds(te, fit.t2_bounds_ms))
    used = np.ravel_multi_index(at, specimen.shape)
    samples = model.prepare(data.reshape(te.size, -1)[:, used].T / fit.sigma, te)
    pixels = pixel_likelihoods(samples, te, model, log_t2)
    one = fit_one_peak(pixels)
    test, best = long_peak_test(pixels, one, fit.snr[at], te, model, fit.long_ms, rng)
    scan = peak_likelihood(pixels, best, chosen // each, rng)
    found = _Found(pixels, one, best, fit.snr[at], float(te[0]), fit.long_ms)
    fraction, fraction_signal = _fractions(found, test)
    return T2Distribution(
        n_pixels=int(specimen.sum()),
        n_used=len(chosen),
        electrode_t2_ms=Estimate(float(np.exp(best.centre)), *scan.interval(_centre_ms)),
        electrode_fwhm_ms=_width(best, scan),
        long_t2_ms=_long_t2(found),
        long_fwhm_ms=_long_fwhm(found),
        long_fraction=fraction,
        long_fraction_signal=fraction_signal,
        test=test,
        mixture=best,
        specimen=specimen,
        fraction_of_pixel=best.fractions(pixels.brightness),
        first=fit.snr[at],
        width_threshold=scan.threshold,
        long_ms=fit.long_ms,
    )


def _peak_bounds(te_ms: Array, t2_bounds_ms: tuple[float, float]) -> tuple[float, float]:
    """Lowest and highest T2 in ms of any peak; see the constants of this module."""
    spacing = float(np.min(np.diff(np.unique(te_ms))))
    low = max(_LOWEST_IN_SPACINGS * spacing, t2_bounds_ms[0])
    high = min(_HIGHEST_IN_LAST_TE * float(te_ms[-1]), t2_bounds_ms[1])
    return low, high


@dataclass(frozen=True)
class _Found:
    """What the numbers of the long peak are made from."""

    pixels: PixelLikelihoods
    one: Mixture
    best: Mixture
    first: Array
    first_te_ms: float
    long_ms: float


def _centre_ms(centre: Array, sd: Array) -> Array:
    return np.exp(centre)


def _width(best: Mixture, scan: PeakLikelihood) -> Estimate:
    low, high = scan.interval(lognormal_fwhm_ms)
    # a peak as narrow as can be distinguished may be without any width
    low = 0.0 if np.any(scan.fall[:, 0] <= scan.threshold) and scan.sds[0] <= LOWEST_SD else low
    return Estimate(float(lognormal_fwhm_ms(best.centre, best.sd)), low, high)


def _fractions(found: _Found, test: LongTest) -> tuple[Estimate, Estimate]:
    if not np.isfinite(test.likelihood_ratio):
        return UNKNOWN, UNKNOWN
    start = found.best
    bounds = tuple(float(special.logit(s)) for s in (LOWEST_FRACTION, HIGHEST_FRACTION))
    low, high = profile_ends(found.pixels, start, found.long_ms, FRACTION, (bounds[0], bounds[1]))
    ends = [low.fraction, high.fraction]
    signals = [_signal_fraction(found, m) for m in (low, high)]
    if test.likelihood_ratio < CHI2_95 or low.fraction <= LOWEST_FRACTION * (1.0 + 1e-6):
        ends[0] = signals[0] = 0.0
    return Estimate(start.fraction, *ends), Estimate(_signal_fraction(found, start), *signals)


def _signal_fraction(found: _Found, mixture: Mixture) -> float:
    """Fraction of the signal at echo time 0, each pixel's first echo taken back by the T2 of its peak."""
    of_long = responsibilities(found.pixels, mixture)
    long = float(np.sum(of_long * found.first)) * np.exp(found.first_te_ms / np.exp(mixture.long_centre))
    rest = float(np.sum((1.0 - of_long) * found.first)) * np.exp(found.first_te_ms / np.exp(mixture.centre))
    return float(long / (long + rest))


def _long_t2(found: _Found) -> Estimate:
    if found.best.fraction == 0.0:
        return UNKNOWN
    bounds = (float(np.log(found.long_ms)), float(found.pixels.log_t2[-1]))
    low, high = profile_ends(found.pixels, found.best, found.long_ms, LONG_CENTRE, bounds)
    return Estimate(*(float(np.exp(m.long_centre)) for m in (found.best, low, high)))


def _long_fwhm(found: _Found) -> Estimate:
    if found.best.fraction == 0.0:
        return UNKNOWN
    bounds = (float(np.log(LOWEST_SD)), float(np.log(HIGHEST_LONG_SD)))
    low, high = profile_ends(found.pixels, found.best, found.long_ms, LONG_SD, bounds)
    widths = [float(lognormal_fwhm_ms(m.long_centre, m.long_sd)) for m in (found.best, low, high)]
    lowest = 0.0 if low.long_sd <= LOWEST_SD * (1.0 + 1e-9) else min(widths)
    return Estimate(widths[0], lowest, max(widths))


def _unknown(specimen: Flags, long_ms: float) -> T2Distribution:
    return T2Distribution(
        n_pixels=int(specimen.sum()),
        n_used=0,
        electrode_t2_ms=UNKNOWN,
        electrode_fwhm_ms=UNKNOWN,
        long_t2_ms=UNKNOWN,
        long_fwhm_ms=UNKNOWN,
        long_fraction=UNKNOWN,
        long_fraction_signal=UNKNOWN,
        test=NOT_SOUGHT,
        mixture=None,
        specimen=specimen,
        fraction_of_pixel=np.zeros(0),
        first=np.zeros(0),
        width_threshold=float("nan"),
        long_ms=long_ms,
    )
