"""A receiver whose gain differs from echo to echo, found by what all bright pixels have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.errors import DataWarning
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.models import SignalModel, get_model
from spallmap.relaxometry.noise.level import background_pixels
from spallmap.relaxometry.noise.trust import LEVEL_SD
from spallmap.relaxometry.regions import Regions
from spallmap.relaxometry.rice import magnitude_mean
from spallmap.relaxometry.series.gain_posterior import GainEvidence, NoiseLevels, gain_posterior
from spallmap.relaxometry.status import SEEN

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Pixels of at least this signal at the first echo are asked, and it takes so many.
_LEAST_SNR = 10.0
_MIN_PIXELS = 30
# First echo over the noise from which a row or a column holds metal, and samples that a level takes.
_METAL_SNR = 5.0
_MIN_LEVEL = 50.0
_MOST_SLICES = 4
# Root mean square of the gains from which they are taken off: below, T2 of 7 ms is off by less than 1 %, and
# they stay in its error.
_LEAST = 0.006
# Beyond this it is no drift of a receiver but another decay, or echoes of different scale.
_MOST = 0.05
# Probability of a drift from which gains are taken off: of 98 clean maps one had 0.79.
_SURE = 0.85
# Fraction of the misfit of all pixels that gains alike for all must explain, where they have one.
_LEAST_EXPLAINED = 0.5
_ROUNDS = 3
# Determinant of a line's information over the product of its diagonal.
_LEAST_INFORMATION = 1e-6


@dataclass(frozen=True)
class GainDrift:
    """Gains of the echoes, as far as they do not look like a decay.

    Parameters
    ----------
    gains : tuple of float
        Of each echo about 1, by rising echo time; all 1 where none are taken off.
    rate_se_per_ms : float
        Standard error of 1 / T2, common to all pixels, by gains: what is not known of those that are taken
        off, or all that may be there where none are.
    n_pixels : int
        Pixels that they rest on.
    by_noise : bool
        Whether the noise's level says of them what looks like a decay.

    Examples
    --------
    >>> GainDrift((1.0, 1.0)).is_taken_off, GainDrift((1.02, 0.98), 0.001).t2_se_ms(7.0)
    (False, 0.049)
    """

    gains: tuple[float, ...]
    rate_se_per_ms: float = 0.0
    n_pixels: int = 0
    by_noise: bool = False

    @property
    def is_taken_off(self) -> bool:
        """Whether the echoes are divided by them."""
        return any(gain != 1.0 for gain in self.gains)

    def t2_se_ms(self, t2_ms: Any) -> Any:
        """Return the standard error that they leave in a T2 (ms)."""
        return t2_ms**2 * self.rate_se_per_ms

    def without(self, samples: NDArray[Any]) -> NDArray[Any]:
        """Return a series divided by the gains; itself where there are none."""
        if not self.is_taken_off:
            return samples
        gains = np.array(self.gains).reshape(-1, *(1,) * (samples.ndim - 1))
        divided: NDArray[Any] = (samples / gains).astype(np.result_type(samples, np.float32))
        return divided

    def warnings(self, t2_ms: float) -> tuple[DataWarning, ...]:
        """Say what was found and done, and what it leaves of a T2 (ms)."""
        if not self.is_taken_off:
            return ()
        listed = ", ".join(f"{100.0 * (g - 1.0):+.1f}" for g in self.gains)
        return (
            DataWarning(
                "gain of the echoes",
                f"all bright pixels are off their decays alike, by {listed} %: the gain drifts",
                f"taken off; {self._unknown} is in the errors: "
                f"{self.t2_se_ms(t2_ms):.2g} ms of a T2 of {t2_ms:.3g} ms, alike in all pixels",
            ),
        )

    @property
    def _unknown(self) -> str:
        if self.by_noise:
            return "what of it looks like a decay is known from the noise's level, and what is not known"
        return "what of it looks like a decay cannot be known and"


def examine_gains(
    samples: NDArray[Any],
    te_ms: Array,
    model: SignalModel,
    sigma: float,
    *,
    n_alike: float = 1.0,
    mask: Flags | None = None,
    threads: int | None = None,
) -> GainDrift:
    """Find the gains of the echoes by what all bright pixels have in common, and by the noise's level.

    Each pixel's logarithm is taken as a straight line over the echo times plus the logarithm of the gain of
    each echo, which all pixels share; the lines are projected out. Gains that are themselves a line over the
    echo times are another decay to every pixel: of that the noise's level tells, which has the receiver's
    gain too, and else what drifts of a receiver are usual
    (:func:`spallmap.relaxometry.series.gain_posterior.gain_posterior`).

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, ...)
        By rising echo time.
    te_ms : ndarray, shape (n_echoes,)
        Rising.
    model : SignalModel
        Which will read them.
    sigma : float
        Noise per channel in the units of the data.
    n_alike : float
        Pixels that share one sample of the noise.
    mask : ndarray of bool, optional
        Pixels that may be asked; absent: all.
    threads : int, optional
        As for :func:`spallmap.relaxometry.fit_t2`.

    Returns
    -------
    GainDrift
        All 1 unless there is a drift; in either case with the error that gains leave in every T2.

    Examples
    --------
    >>> from spallmap.relaxometry import get_model
    >>> te_ms = np.array([2.0, 6.0, 10.0, 14.0, 18.0])
    >>> signal = 40.0 * np.exp(-te_ms / 7.0)[:, None] * np.ones(400)
    >>> signal[2] *= 1.06
    >>> rng = np.random.default_rng(1)
    >>> echoes = np.hypot(signal + rng.normal(size=signal.shape), rng.normal(size=signal.shape))
    >>> found = examine_gains(echoes, te_ms, get_model("rician"), 1.0)
    >>> [round(gain, 2) for gain in found.gains]
    [0.99, 0.99, 1.04, 0.99, 0.99]
    """
    magnitudes = np.abs(samples)
    reader = get_model("rician" if model.n_coils == 1 else "chi", model.n_coils)
    levels = noise_levels(magnitudes, sigma, reader.n_coils, n_alike)
    log_gains = np.zeros(te_ms.size)
    pixels = np.ones(samples.shape[1:], dtype=bool) if mask is None else mask
    is_common = True
    for round_ in range(_ROUNDS):
        scaled = magnitudes / np.exp(log_gains).reshape(-1, *(1,) * (samples.ndim - 1))
        fit = fit_t2(
            scaled,
            te_ms.tolist(),
            reader.name,
            sigma,
            mask=pixels,
            min_snr=0.0,
            n_coils=reader.n_coils,
            correct_bias=False,
            threads=threads,
        )
        if round_ == 0:
            pixels = np.isin(fit.status, SEEN) & (np.nan_to_num(fit.snr) >= _LEAST_SNR)
            if np.count_nonzero(pixels) < _MIN_PIXELS * n_alike:
                return GainDrift((1.0,) * te_ms.size)
        chosen = pixels & np.isin(fit.status, SEEN)
        signal = fit.s0[chosen][:, None] * np.exp(-te_ms / fit.t2_ms[chosen][:, None]) / sigma
        common = _common(scaled[:, chosen].T / sigma, signal, te_ms, reader.n_coils, n_alike)
        if round_ == 0:
            is_common = common.is_common()
        leak = np.exp(-2.0 * te_ms / float(np.median(fit.t2_ms[chosen])))
        known = gain_posterior(
            GainEvidence(common.information / n_alike, common.log_gains + log_gains, levels, leak)
        )
        drifts = known.probability > _SURE and is_common
        if not drifts:
            break
        log_gains = known.log_gains
    size = float(np.sqrt(np.mean(log_gains**2)))
    if size > _MOST:
        return GainDrift((1.0,) * te_ms.size)
    drifts = drifts and size >= _LEAST
    gains = tuple(np.exp(log_gains).tolist()) if drifts else (1.0,) * te_ms.size
    rate_se = known.rate_se_per_ms(common.of_rate(te_ms), drifts)
    return GainDrift(gains, rate_se, int(np.count_nonzero(pixels)), known.by_noise)


def noise_levels(
    magnitudes: NDArray[Any], sigma: float, n_coils: int = 1, n_alike: float = 1.0
) -> tuple[NoiseLevels, ...]:
    """Level of the noise in each echo, beside metal and where none of its signal leaks to.

    Parameters
    ----------
    magnitudes : ndarray, shape (n_echoes, ...)
        By rising echo time.
    sigma : float
        Noise per channel.
    n_coils : int
        Coils whose squares were summed.
    n_alike : float
        Pixels that share one sample of the noise.

    Returns
    -------
    tuple of NoiseLevels
        None where there is no background.

    Examples
    --------
    >>> levels = noise_levels(np.random.default_rng(1).rayleigh(size=(5, 40, 40)), 1.0)
    >>> [level.is_quiet for level in levels], round(levels[0].error, 3)
    ([True], 0.013)
    """
    if magnitudes.ndim < 3:
        return ()
    stack = magnitudes.reshape(len(magnitudes), -1, *magnitudes.shape[-2:])
    # some slices say it as well as all
    stack = stack[:, np.linspace(0, stack.shape[1] - 1, min(stack.shape[1], _MOST_SLICES)).astype(int)]
    background = background_pixels(stack, n_coils)
    metal = ndimage.binary_dilation(
        stack[0] > _METAL_SNR * np.sqrt(n_coils) * sigma, np.ones((1, 3, 3), dtype=bool)
    )
    quiet = background & ~metal.any(axis=2, keepdims=True) & ~metal.any(axis=1, keepdims=True)
    found = []
    for pixels, is_quiet in ((quiet, True), (background & ~quiet, False)):
        n = np.count_nonzero(pixels) / n_alike
        if n < _MIN_LEVEL:
            continue
        logs = 0.5 * np.log(np.mean(np.square(stack[:, pixels], dtype=np.float64), axis=1))
        found.append(NoiseLevels(logs, LEVEL_SD / float(np.sqrt(n * n_coils)), is_quiet))
    return tuple(found)


def with_drift(fit: T2Fit, drift: GainDrift) -> T2Fit:
    """Put what gains leave in every T2 into the standard errors of a fit's T2.

    Parameters
    ----------
    fit : T2Fit
        The maps.
    drift : GainDrift
        What was taken off their echoes.

    Returns
    -------
    T2Fit
        With larger errors; itself where gains leave none.
    """
    if drift.rate_se_per_ms == 0.0:
        return fit
    return replace(fit, t2_se_ms=np.hypot(fit.t2_se_ms, drift.t2_se_ms(fit.t2_ms)))


def regions_with_drift(regions: Regions, drift: GainDrift) -> Regions:
    """Put what gains leave in every T2 into the standard errors of the regions' T2.

    Parameters
    ----------
    regions : Regions
        The regions.
    drift : GainDrift
        What was taken off the echoes.

    Returns
    -------
    Regions
        With larger errors; itself where gains leave none.
    """
    if drift.rate_se_per_ms == 0.0:
        return regions
    error_ms = np.hypot(regions.table["t2_se_ms"], drift.t2_se_ms(regions.table["t2_ms"]))
    return replace(regions, table=regions.table.assign(t2_se_ms=error_ms))


@dataclass(frozen=True)
class _Common:
    """What all pixels say of the logarithms of the gains, their decays projected out.

    Parameters
    ----------
    information : ndarray, shape (n_echoes, n_echoes)
        Of the logarithms; none of what is a line over the echo times.
    pull : ndarray, shape (n_echoes,)
        Its product with the likeliest ones.
    weights : ndarray, shape (n_echoes,)
        Inverse variances of the logarithm of each echo.
    excess : float
        Chi-square of all pixels beyond that of the noise.
    n_alike : float
        Pixels that share one sample of the noise.
    """

    information: Array
    pull: Array
    weights: Array
    excess: float
    n_alike: float

    @property
    def log_gains(self) -> Array:
        """Return the smallest ones that explain all that they can."""
        found: Array = np.linalg.pinv(self.information, rcond=1e-6, hermitian=True) @ self.pull
        return found

    def is_common(self) -> bool:
        """Whether they explain most of the misfit that the noise does not."""
        explained = float(self.log_gains @ self.pull) - self.n_alike * (self.pull.size - 2)
        return explained > _LEAST_EXPLAINED * self.excess

    def of_rate(self, te_ms: Array) -> Array:
        """Return the change of a fitted rate with the logarithm of each gain."""
        middle = np.sum(self.weights * te_ms) / np.sum(self.weights)
        moment = self.weights * (te_ms - middle)
        change: Array = -moment / np.sum(moment * (te_ms - middle))
        return change


def _common(samples: Array, signal: Array, te_ms: Array, n_coils: int, n_alike: float) -> _Common:
    """Relative deviations that all pixels share, their decays projected out.

    Parameters
    ----------
    samples, signal : ndarray, shape (n_pixels, n_echoes)
        Magnitudes and fitted signals in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Echo times.
    n_coils : int
        Coils whose squares were summed.
    n_alike : float
        Pixels that share one sample of the noise.

    Returns
    -------
    _Common
        The deviations.
    """
    step = 1e-3
    expected = magnitude_mean(signal, n_coils)
    slope = (magnitude_mean(signal * (1.0 + step), n_coils) - expected) / step
    variance = 2.0 * n_coils + signal**2 - expected**2
    weights = slope**2 / variance
    deviation = (samples - expected) / np.maximum(slope, 1e-9)
    line = np.stack([np.ones(te_ms.size), te_ms - te_ms.mean()], axis=1)
    information = np.einsum("ki,pk,kj->pij", line, weights, line)
    # of a decay that is over before the second echo there is no line
    known = np.linalg.det(information) > _LEAST_INFORMATION * information[:, 0, 0] * information[:, 1, 1]
    weights, deviation, information = weights[known], deviation[known], information[known]
    outer = np.einsum("pk,kj->pkj", weights, line)
    projected = -np.einsum("pki,pij,plj->pkl", outer, np.linalg.inv(information), outer)
    diagonal = np.arange(te_ms.size)
    projected[:, diagonal, diagonal] += weights
    pulls = np.einsum("pkl,pl->pk", projected, deviation)
    misfit = np.einsum("pk,pk->p", pulls, deviation)
    freedom = te_ms.size - 2
    # a pixel that fits no decay at all is not asked
    trusted = misfit < 10.0 * max(float(np.median(misfit)), freedom)
    excess = float(np.sum(misfit[trusted]) - freedom * np.count_nonzero(trusted))
    return _Common(
        projected[trusted].sum(axis=0),
        pulls[trusted].sum(axis=0),
        weights[trusted].sum(axis=0),
        max(excess, 0.0),
        n_alike,
    )
