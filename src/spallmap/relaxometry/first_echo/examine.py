"""Whether the first echo of a train lies on the decay of the later ones, and what to do where it does not.

A refocusing pulse of less than 180 degrees stores magnetisation along the field, where it does not decay with
T2, and a later pulse brings it back as a stimulated echo. The first echo holds none and lies below what the
later ones let expect: a fit of all of them makes T2 too long. So the later echoes are fitted alone, and the
first one is compared with what they predict.

References
----------
Majumdar, Orphanoudakis, Gmitro, O'Donnell and Gore, Errors in the measurements of T2 using multiple-echo MRI
techniques, Magn. Reson. Med. 3 (1986) 397.
Hennig, Multiecho imaging sequences with low refocusing flip angles, J. Magn. Reson. 78 (1988) 397.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import FitStatus, T2Fit
from spallmap.relaxometry.models import SignalModel, get_model
from spallmap.relaxometry.samples import SAME_TIME, default_bounds, drop_first

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]
Series = tuple[NDArray[Any], Array]
# As it is; at the echo time at which it lies on the decay of the others; not at all; the data do not say.
FirstEchoUse = Literal["keep", "adjust", "skip", "undecided"]

# Pixels are compared whose signal at the first echo is at least this many sigma in a fit of all echoes. To
# first order in the noise, what that fit says of a pixel is independent of how far its first echo is from the
# others.
WELL_SEEN_SNR = 10.0
# Standard error of one pixel's comparison, as a fraction, beyond which its later echoes predict nothing.
MOST_PIXEL_SE = 0.5
# Fewer pixels have no median to speak of.
FEWEST_PIXELS = 20
# A deviation counts from this many standard errors on: in simulated maps without any the median is 0.2 to 0.5
# of them low, and none of 540 was further off than 3.
SIGNIFICANT = 3.5
# A deviation counts from this relative change of T2 on.
MATERIAL = 0.02
# With a larger standard error, a deviation that makes T2 7 % too long may go unseen.
UNDECIDED_SE = 0.04
# An effective echo time is used where no more than this many later echoes are left. Of dendrites of SNR 4 to
# 10, leaving the first of five echoes out loses a fifth, the first of eight a twentieth, the first of ten
# none; and it assumes nothing.
MOST_LATER_ECHOES = 8
# ... where T2 is no longer than this many spacings: storage of magnetisation acts like a shift of the echo
# time where it is long against T2, else rather like a factor.
LONGEST_T2_IN_SPACINGS = 4.0
# ... where the first echo stays before the second: the largest shift in spacings.
LARGEST_SHIFT = 0.95
# ... where the deviation is alike over the image: a spread of a tenth makes one of a twelfth in T2. With a
# larger one the first echo is off somewhere, whatever the median is.
MOST_SPREAD = 0.1
# A stimulated echo meets the later echoes where the first echo time is their spacing, to this fraction. Where
# it is not, a deviation is rather one of gain, and acted on only from this size on.
TIMING_TOLERANCE = 0.1
LARGE_DEVIATION = 0.1
# Standard errors by which a spread has to exceed that of the noise, and the relative variance of a squared
# median absolute deviation, times the number of Gaussian values.
_SPREAD_SIGNIFICANT = 3.0
_MAD_VARIANCE = 5.4
_SD_PER_MAD = 1.4826
# Side in pixels of the squares whose errors are taken together: neighbours in a filtered or zero-filled image
# are not independent, and refocusing changes from place to place.
_BLOCK_PIXELS = 6
_NORMAL_DENSITY = 1.0 / np.sqrt(2.0 * np.pi)
_NOT_SEEN = (
    FitStatus.BELOW_SNR,
    FitStatus.NOT_CONVERGED,
    FitStatus.SATURATED,
    FitStatus.INVALID,
    FitStatus.MASKED,
)


@dataclass(frozen=True)
class FirstEcho:
    """How the first echo compares with the others, and what is done with it.

    Parameters
    ----------
    train : str
        ``cpmg``, ``separate`` or ``unknown``.
    te_ms : float
        Its echo time.
    decision : str
        What the data say: ``keep``, ``adjust`` (use it at its effective echo time), ``skip`` or
        ``undecided``.
    used : str
        What is done. ``skip`` where the user leaves echoes out. That decision in a ``cpmg`` train, except
        ``adjust`` of a high first echo, and a small deviation where the first echo time is not the spacing.
        Else ``keep``.
    n_skipped : int
        How many of the shortest echo times are left out.
    deviation, deviation_se : float
        First echo over what the later ones predict, less 1, and its standard error; NaN where it cannot be
        compared.
    spread : float
        Standard deviation of the deviation from pixel to pixel, that of the noise taken off.
    n_pixels : int
        Pixels compared.
    effective_te_ms : float
        Echo time at which it lies on the decay of the others at the median T2; NaN where that is not right
        after its own and before the second.
    t2_kept_ms, t2_adjusted_ms, t2_skipped_ms : float
        Median T2 of these pixels with the first echo as it is, at its effective time, and without it.

    Examples
    --------
    >>> FirstEcho("separate", 2.0).used, FirstEcho("separate", 2.0).decision
    ('keep', 'undecided')
    """

    train: str
    te_ms: float
    decision: FirstEchoUse = "undecided"
    used: FirstEchoUse = "keep"
    n_skipped: int = 0
    deviation: float = float("nan")
    deviation_se: float = float("nan")
    spread: float = float("nan")
    n_pixels: int = 0
    effective_te_ms: float = float("nan")
    t2_kept_ms: float = float("nan")
    t2_adjusted_ms: float = float("nan")
    t2_skipped_ms: float = float("nan")

    @property
    def deviates(self) -> bool:
        """Whether the first echo is off the decay of the others."""
        return self.decision in ("adjust", "skip")

    def used_series(self, samples: NDArray[Any], te_ms: Array, model: SignalModel) -> Series:
        """Give what is fitted: echoes and their times, of all echoes by rising echo time."""
        return self._series(samples, te_ms, model, self.used)

    def other_series(self, samples: NDArray[Any], te_ms: Array, model: SignalModel) -> Series | None:
        """Give what would be fitted by the other choice, if there is one.

        That is all echoes as they are where they are not used so. Where they are, it is what the data say
        against that, or, if they cannot say anything of a train, the series without the first echo.
        """
        if self.used != "keep":
            return samples, te_ms
        if self.deviates:
            return self._series(samples, te_ms, model, self.decision)
        can_skip = self.train == "cpmg" and _n_times(te_ms) > model.n_parameters
        doubtful = self.decision == "undecided" and can_skip
        return self._series(samples, te_ms, model, "skip") if doubtful else None

    def _series(self, samples: NDArray[Any], te_ms: Array, model: SignalModel, use: FirstEchoUse) -> Series:
        if use == "skip":
            return drop_first(samples, te_ms, max(self.n_skipped, 1), model)
        if use == "adjust":
            return samples, np.where(_at_first(te_ms), self.effective_te_ms, te_ms)
        return samples, te_ms


def examine_first_echo(
    samples: NDArray[Any],
    te_ms: Array,
    model: SignalModel,
    sigma: float,
    *,
    train: str = "unknown",
    skip_echoes: int = 0,
    mask: Flags | None = None,
    saturation: float | None = None,
    threads: int | None = None,
) -> FirstEcho:
    """Compare the first echo with what a fit of the later ones predicts, over all well-seen pixels.

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, ...)
        All echoes by rising echo time.
    te_ms : ndarray, shape (n_echoes,)
        Rising.
    model : SignalModel
        Which reads them; magnitudes that are to be read by ``offset`` are compared by ``rician``.
    sigma : float
        Noise per channel in the units of the data.
    train : str
        ``cpmg``, ``separate`` or ``unknown``: only in a train the data decide about the first echo.
    skip_echoes : int
        How many of the shortest echo times the user leaves out. The data then only say what they would have.
    mask : ndarray of bool, optional
        Pixels that may be compared; absent: all.
    saturation, threads : float, int
        As for :func:`spallmap.relaxometry.fit_t2`.

    Returns
    -------
    FirstEcho
        The comparison, and what follows from it.

    Examples
    --------
    >>> from spallmap.relaxometry import get_model
    >>> te_ms = np.array([4.0, 8.0, 12.0, 16.0, 20.0])
    >>> signal = 60.0 * np.exp(-te_ms / 8.0)[:, None] * np.ones(400)
    >>> signal[0] *= 0.8
    >>> rng = np.random.default_rng(1)
    >>> echoes = np.hypot(signal + rng.normal(size=signal.shape), rng.normal(size=signal.shape))
    >>> found = examine_first_echo(echoes, te_ms, get_model("rician"), 1.0, train="cpmg")
    >>> found.used, round(found.deviation, 1), round(found.effective_te_ms, 1)
    ('adjust', -0.2, 5.8)
    >>> examine_first_echo(echoes, te_ms, get_model("rician"), 1.0, train="separate").used
    'keep'
    """
    if model.name == "offset":
        # its constant is that of no signal: at an SNR of 10 it makes later echoes too weak by an eighth
        model = get_model("rician")
    blank = FirstEcho(train, float(te_ms[0]), used="skip" if skip_echoes else "keep", n_skipped=skip_echoes)
    n_left_out = max(skip_echoes, 1)
    # as many echoes as parameters predict whatever the noise says
    if _n_times(te_ms) - n_left_out <= model.n_parameters:
        return blank

    def fit(series: Series, pixels: Flags | None, *, correct_bias: bool = True) -> T2Fit:
        return fit_t2(
            series[0],
            series[1].tolist(),
            model=model.name,
            sigma=sigma,
            mask=pixels,
            t2_bounds_ms=default_bounds(te_ms),
            min_snr=0.0,
            saturation=saturation,
            n_coils=model.n_coils,
            correct_bias=correct_bias,
            threads=threads,
        )

    held_out, later = _at_first(te_ms), drop_first(samples, te_ms, n_left_out, model)
    kept = fit((samples, te_ms), mask)
    pixels = ~np.isin(kept.status, _NOT_SEEN) & (np.nan_to_num(kept.snr) >= WELL_SEEN_SNR)
    pixels[pixels] = _Sensitivity.of(kept, pixels, te_ms, later[1]).pixel_se <= MOST_PIXEL_SE
    plain = fit(later, pixels, correct_bias=False)
    first, predicted = np.abs(samples[held_out]).mean(axis=0), _expected(plain, model, te_ms[0])
    pixels &= np.isfinite(predicted) & (predicted > 0.0) & (first > 0.0)
    blank = replace(blank, n_pixels=int(np.count_nonzero(pixels)))
    if blank.n_pixels < FEWEST_PIXELS:
        return blank

    ratio = np.log(first[pixels] / predicted[pixels])
    by_pixel = _Sensitivity.of(kept, pixels, te_ms, later[1])
    centre, centre_se = _median_of(ratio, by_pixel.pixel_se, _blocks(pixels))
    t2_ms, spacing_ms = float(np.median(plain.t2_ms[pixels])), float(te_ms[~held_out][0] - te_ms[0])
    shift_ms = -centre * t2_ms
    found = replace(
        blank,
        deviation=float(np.expm1(centre)),
        deviation_se=float(np.exp(centre) * centre_se),
        t2_kept_ms=float(np.median(kept.t2_ms[pixels])),
        t2_skipped_ms=float(np.median(fit(later, pixels).t2_ms[pixels])),
    )
    by_errors, can_shift = kept, -te_ms[0] < shift_ms <= LARGEST_SHIFT * spacing_ms
    if can_shift:
        found = replace(found, effective_te_ms=float(te_ms[0] + shift_ms))
        by_errors = fit(found._series(samples, te_ms, model, "adjust"), pixels)
        found = replace(found, t2_adjusted_ms=float(np.median(by_errors.t2_ms[pixels])))
    errors = _Sensitivity.of(by_errors, pixels, te_ms, later[1]).pixel_se
    # which half is looked at must not depend on the first echo
    bright = plain.snr[pixels] >= np.median(plain.snr[pixels])
    found = replace(found, spread=_spread(ratio[bright], errors[bright]))
    few, short = _n_times(te_ms) - 1 <= MOST_LATER_ECHOES, t2_ms <= LONGEST_T2_IN_SPACINGS * spacing_ms
    decision: FirstEchoUse = "undecided" if centre_se > UNDECIDED_SE else "keep"
    if found.spread > MOST_SPREAD:
        decision = "skip"
    elif abs(centre) >= SIGNIFICANT * centre_se and abs(centre) * by_pixel.of_t2 >= MATERIAL:
        decision = "adjust" if can_shift and few and short else "skip"
    found = replace(found, decision=decision)
    if train != "cpmg" or skip_echoes or not found.deviates:
        return found
    # refocusing does not make it high; then the effective time would be a mere excuse for a longer T2
    excused = decision == "adjust" and centre > 0.0
    timed = abs(te_ms[0] - spacing_ms) <= TIMING_TOLERANCE * spacing_ms
    large = abs(found.deviation) >= LARGE_DEVIATION or found.spread > MOST_SPREAD
    return replace(found, used=decision) if (timed or large) and not excused else found


@dataclass(frozen=True)
class _Sensitivity:
    """What the fitted decays of pixels say of the comparison's errors, by their Fisher information.

    Parameters
    ----------
    pixel_se : ndarray, shape (n_pixels,)
        Standard error of the log of the first echo over what the later ones predict.
    of_t2 : float
        Median relative change of T2 in a fit of all echoes by a relative change of the first one.
    """

    pixel_se: Array
    of_t2: float

    @classmethod
    def of(cls, fit: T2Fit, pixels: Flags, te_ms: Array, later_ms: Array) -> _Sensitivity:
        """From a fit of all echoes; `pixels` are those wanted."""
        t2 = fit.t2_ms[pixels][:, None]
        with np.errstate(over="ignore", invalid="ignore"):
            signal = fit.s0[pixels][:, None] * np.exp(-te_ms / t2) / fit.sigma
        held_out, later = _at_first(te_ms), te_ms >= later_ms[0]
        # derivatives by log s0, log T2 and, where one is fitted, a constant
        by = [signal, signal * te_ms / t2]
        if fit.model == "free_offset":
            by.append(np.ones_like(signal))
        slopes = np.stack(by, axis=-1)
        ahead = slopes[:, held_out].mean(axis=1)
        variance = np.einsum("pi,pij,pj->p", ahead, _covariance(slopes[:, later]), ahead)
        level = signal[:, held_out].mean(axis=1)
        pixel_se = np.sqrt(variance + 1.0 / np.count_nonzero(held_out)) / np.maximum(level, 1e-12)
        pull = np.einsum("pij,pj->pi", _covariance(slopes), slopes[:, held_out].sum(axis=1))[:, 1] * level
        return cls(np.nan_to_num(pixel_se, nan=np.inf), float(np.nanmedian(np.abs(pull))) if len(t2) else 0.0)


def _covariance(slopes: Array) -> Array:
    """Inverse of the Fisher information of each pixel; NaN where there is none."""
    information = np.einsum("pki,pkj->pij", slopes, slopes)
    good = np.isfinite(information).all(axis=(1, 2))
    good[good] = np.linalg.cond(information[good]) < 1e12
    covariance = np.full(information.shape, np.nan)
    covariance[good] = np.linalg.inv(information[good])
    return covariance


def _expected(fit: T2Fit, model: SignalModel, te_ms: float) -> Array:
    """Magnitude that a fit expects at an echo time, in the units of the data."""
    with np.errstate(over="ignore", invalid="ignore"):
        signal = fit.s0 * np.exp(-te_ms / fit.t2_ms)
    # least squares holds its own constant; other magnitudes lie above their signal by the noise
    floor = 0.0 if model.least_squares else (2.0 * fit.n_coils - 1.0) * fit.sigma**2
    expected: Array = np.sqrt((signal + fit.offset) ** 2 + floor)
    return expected


def _median_of(values: Array, errors: Array, blocks: NDArray[np.intp]) -> tuple[float, float]:
    """Weighted median and its standard error, for which the values of a block are not independent."""
    weights, order = 1.0 / errors, np.argsort(values)
    running = np.cumsum(weights[order])
    centre = float(values[order][np.searchsorted(running, 0.5 * running[-1])])
    scatter = max(1.0, _SD_PER_MAD * float(np.median(np.abs(values - centre) / errors)))
    signs = weights * np.sign(values - centre)
    by_block = np.bincount(blocks, signs)
    sums = max(float(np.sum(signs**2)), float(np.sum(by_block**2)))
    return centre, float(np.sqrt(sums) / np.sum(weights * 2.0 * _NORMAL_DENSITY / (errors * scatter)))


def _spread(values: Array, errors: Array) -> float:
    """Scatter of values beyond their errors; 0 where that may be chance."""
    scatter = _SD_PER_MAD * float(np.median(np.abs(values - np.median(values))))
    noise = float(np.mean(errors**2))
    chance = noise * (1.0 + _SPREAD_SIGNIFICANT * np.sqrt(_MAD_VARIANCE / values.size))
    return float(np.sqrt(scatter**2 - noise)) if scatter**2 > chance else 0.0


def _blocks(pixels: Flags) -> NDArray[np.intp]:
    """Give each chosen pixel the number of the square of its slice that it lies in."""
    positions = np.argwhere(pixels)
    positions[:, -2:] //= _BLOCK_PIXELS
    blocks: NDArray[np.intp] = np.unique(positions, axis=0, return_inverse=True)[1].reshape(-1)
    return blocks


def _at_first(te_ms: Array) -> Flags:
    """Mark the samples at the shortest echo time: all repetitions of it."""
    return np.asarray(te_ms <= te_ms[0] + SAME_TIME * np.ptp(te_ms))


def _n_times(te_ms: Array) -> int:
    """How many echo times differ."""
    return 1 + int(np.count_nonzero(np.diff(np.unique(te_ms)) > SAME_TIME * np.ptp(te_ms)))
