"""A receiver whose gain differs from echo to echo, found by what all bright pixels have in common."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from spallmap.errors import DataWarning
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.models import SignalModel, get_model
from spallmap.relaxometry.regions import Regions
from spallmap.relaxometry.rice import magnitude_mean
from spallmap.relaxometry.status import SEEN

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Pixels of at least this signal at the first echo are asked, and it takes so many.
_LEAST_SNR = 10.0
_MIN_PIXELS = 30
# Echoes that it takes: two of the gains' directions look like a decay, and one alone has no scatter.
_MIN_ECHOES = 4
# Root mean square of the gains from which they are taken off: below, T2 of 7 ms is off by less than 1 %.
_LEAST = 0.008
# Beyond this it is no drift of a receiver but another decay, or echoes of different scale.
_MOST = 0.05
# Chance that noise alone explains as much: of 36 clean maps the largest statistic was 9.1 where this is 11.3,
# of as many with gains off by 3 % a fifth was below.
_CHANCE = 0.01
# Fraction of the misfit of all pixels that gains alike for all must explain.
_LEAST_EXPLAINED = 0.5
_ROUNDS = 3
# Variance of gains below which nothing is left of them.
_SMALLEST_VARIANCE = 1e-8
# A walk has more of a line, and less of all else, than independent gains: of gains that are half of either
# the error of T2 is 1.4 times theirs.
_WALK = 2.0
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
        Standard error of 1 / T2, common to all pixels, that the gains leave in it: their part that looks like
        a decay cannot be known, and is taken to be as large as the others.
    n_pixels : int
        Pixels that they rest on.

    Examples
    --------
    >>> GainDrift((1.0, 1.0)).is_taken_off, GainDrift((1.02, 0.98), 0.001).t2_se_ms(7.0)
    (False, 0.049)
    """

    gains: tuple[float, ...]
    rate_se_per_ms: float = 0.0
    n_pixels: int = 0

    @property
    def is_taken_off(self) -> bool:
        """Whether the echoes are divided by them."""
        return self.rate_se_per_ms > 0.0

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
                "taken off; what of it looks like a decay cannot be known and is in the errors: "
                f"{self.t2_se_ms(t2_ms):.2g} ms of a T2 of {t2_ms:.3g} ms, alike in all pixels",
            ),
        )


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
    r"""Find the gains of the echoes by what all bright pixels have in common.

    Each pixel's logarithm is taken as a straight line over the echo times plus the logarithm of the gain of
    each echo, which all pixels share; the lines are projected out. Gains that are themselves a line over the
    echo times are another decay to every pixel: of all solutions the likeliest one of independent gains is
    taken, whose scatter :math:`\tau` the data say, and what is left in the rate of all decays has the
    variance of a straight line's slope through points of variance :math:`2 \tau^2`, twice that of
    independent gains since a drift also walks.

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
        All 1 unless gains that are alike for all explain a misfit that no noise makes.

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
    none = GainDrift((1.0,) * te_ms.size)
    if te_ms.size < _MIN_ECHOES:
        return none
    magnitudes = np.abs(samples)
    reader = get_model("rician" if model.n_coils == 1 else "chi", model.n_coils)
    log_gains, variance = np.zeros(te_ms.size), 0.0
    pixels = np.ones(samples.shape[1:], dtype=bool) if mask is None else mask
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
                return none
        chosen = pixels & np.isin(fit.status, SEEN)
        signal = fit.s0[chosen][:, None] * np.exp(-te_ms / fit.t2_ms[chosen][:, None]) / sigma
        common = _common(scaled[:, chosen].T / sigma, signal, te_ms, reader.n_coils, n_alike)
        if round_ == 0:
            if not common.is_significant():
                return none
            variance = common.scatter(common.log_gains)
        log_gains = common.likeliest(log_gains, variance)
        variance = max(common.scatter(log_gains), _SMALLEST_VARIANCE)
    if not _LEAST <= float(np.sqrt(np.mean(log_gains**2))) <= _MOST:
        return none
    rate_se = common.rate_se(te_ms, _WALK * variance)
    return GainDrift(tuple(np.exp(log_gains).tolist()), rate_se, int(np.count_nonzero(pixels)))


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
        With larger errors; itself where nothing was taken off.
    """
    if not drift.is_taken_off:
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
        With larger errors; itself where nothing was taken off.
    """
    if not drift.is_taken_off:
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
        Inverse variances of the mean logarithm of each echo.
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

    def is_significant(self) -> bool:
        """Whether they explain more than the noise makes, and most of the misfit."""
        explained = float(self.log_gains @ self.pull)
        by_noise = self.n_alike * float(stats.chi2.isf(_CHANCE, self.pull.size - 2))
        return explained > by_noise and explained > _LEAST_EXPLAINED * self.excess

    def likeliest(self, before: Array, variance: float) -> Array:
        """Return the likeliest ones of a prior variance, where those `before` were taken off already."""
        information = self.information / self.n_alike
        pull = information @ before + self.pull / self.n_alike
        found: Array = np.asarray(np.linalg.solve(information + np.eye(before.size) / variance, pull))
        return found

    def scatter(self, log_gains: Array) -> float:
        """Variance of gains, two of whose directions cannot be seen."""
        return float(np.sum(log_gains**2)) / (log_gains.size - 2)

    def rate_se(self, te_ms: Array, variance: float) -> float:
        """Return the standard error of the rate of all decays where the gains have a variance."""
        weights = 1.0 / (variance + 1.0 / np.maximum(self.weights, 1e-12))
        middle = np.sum(weights * te_ms) / np.sum(weights)
        return float(1.0 / np.sqrt(np.sum(weights * (te_ms - middle) ** 2)))


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
        weights[trusted].sum(axis=0) / n_alike,
        max(excess, 0.0),
        n_alike,
    )
