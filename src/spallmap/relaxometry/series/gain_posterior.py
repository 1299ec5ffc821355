"""What is known of the gains of echoes, by what bright pixels have in common and by the noise's level."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Array = NDArray[np.float64]

# Root mean square of the gains of a receiver that drifts, each octave as likely; and how likely one does.
_STRENGTHS = np.geomspace(0.003, 0.06, 14)
_DRIFTS = 0.5
# Fraction of its variance that is independent from echo to echo; the rest is a walk.
_INDEPENDENT = (0.1, 0.5, 0.9)
# How likely the noise has the signal's gain (a receiver), one level (pulses, a coil's tuning), or levels of
# its own (stripes), which scatter by so much.
_RECEIVER, _FLAT, _OWN = 0.4, 0.4, 0.2
_OWN_SCATTER = 0.05
_RECEIVER_KIND, _FLAT_KIND, _OWN_KIND = range(3)
# Deviations from a decay that all pixels of a cell have in common without any drift: several T2 in a pixel.
_COMMON = 0.002
# Error of an echo's noise level beside chance, and what signal that leaks into the background adds to the
# first echo's: beside metal 0.03 to 0.15, in rows and columns without metal below 0.001.
_LEVEL = 0.003
_LEAKS = 0.1, 0.003


@dataclass(frozen=True)
class NoiseLevels:
    """Level of the noise in each echo, of some pixels of the background.

    Parameters
    ----------
    logs : ndarray, shape (n_echoes,)
        Logarithms.
    error : float
        Standard error of one of them.
    is_quiet : bool
        Whether the pixels lie in rows and columns without metal, where no signal leaks to.
    """

    logs: Array
    error: float
    is_quiet: bool


@dataclass(frozen=True)
class GainEvidence:
    """What pixels and noise say of the logarithms of the gains.

    Parameters
    ----------
    information : ndarray, shape (n_echoes, n_echoes)
        Of the pixels; none of what is a line over the echo times.
    log_gains : ndarray, shape (n_echoes,)
        The smallest ones that explain what the pixels have in common.
    levels : tuple of NoiseLevels
        Of the noise; none where there is no background.
    leak : ndarray, shape (n_echoes,)
        How the power of signal that leaks into the background falls, 1 in the first echo.
    """

    information: Array
    log_gains: Array
    levels: tuple[NoiseLevels, ...]
    leak: Array

    @property
    def n_echoes(self) -> int:
        """How many echoes there are."""
        return self.log_gains.size


@dataclass(frozen=True)
class GainPosterior:
    """The gains as far as they are known.

    Parameters
    ----------
    log_gains : ndarray, shape (n_echoes,)
        Their mean; the sum is about 0.
    covariance : ndarray, shape (n_echoes, n_echoes)
        About it.
    probability : float
        That there is a drift.
    by_noise : bool
        Whether the noise more likely has it than not.
    """

    log_gains: Array
    covariance: Array
    probability: float
    by_noise: bool

    def rate_se_per_ms(self, direction: Array, is_taken_off: bool) -> float:
        """Return what gains leave in the rate of all decays.

        Parameters
        ----------
        direction : ndarray, shape (n_echoes,)
            Change of a fitted rate with each logarithm.
        is_taken_off : bool
            Whether the echoes are divided by their mean; else it is an error too.

        Returns
        -------
        float
            Root mean square, 1 / ms.
        """
        left = 0.0 if is_taken_off else float(direction @ self.log_gains)
        known = float(direction @ self.covariance @ direction)
        return float(np.sqrt(max(known, 0.0) + left**2))


def gain_posterior(evidence: GainEvidence) -> GainPosterior:
    r"""Weigh gains of every strength and kind by what pixels and noise say.

    Logarithms of gains are Gaussian, with a part that is independent from echo to echo and one that walks.
    Pixels say all of them but what is a line over the echo times. The noise has the same gains where the
    receiver drifts; its level says the line as well, as far as no signal leaks into the background. Where
    signal and noise do not agree in what both say, the noise has no say. The result is the mean over all
    strengths, each weighted with its likelihood; no drift at all is one of them.

    Parameters
    ----------
    evidence : GainEvidence
        What pixels and noise say.

    Returns
    -------
    GainPosterior
        Mean, covariance, and the probability of a drift.

    Examples
    --------
    >>> te_ms = np.array([2.0, 6.0, 10.0, 14.0, 18.0])
    >>> line = np.stack([np.ones(5), te_ms], axis=1)
    >>> seen = np.eye(5) - line @ np.linalg.pinv(line)
    >>> gains = np.array([0.02, -0.03, 0.03, -0.01, -0.01])
    >>> leak = np.exp(-te_ms / 3.5)
    >>> levels = (NoiseLevels(gains, 0.01, True),)
    >>> known = GainEvidence(seen / 0.003**2, seen @ gains, levels, leak)
    >>> found = gain_posterior(known)
    >>> found.probability > 0.99, bool(np.abs(found.log_gains - gains).max() < 0.01)
    (True, True)
    """
    n = evidence.n_echoes
    values, vectors = np.linalg.eigh(evidence.information)
    seen = values > 1e-6 * max(float(values[-1]), 1e-300)
    of_pixels = vectors[:, seen].T
    said = [of_pixels @ evidence.log_gains]
    blocks = [np.diag(1.0 / values[seen] + _COMMON**2)]
    contrasts = _contrasts(n)
    n_levels = len(evidence.levels)
    for level in evidence.levels:
        said.append(contrasts @ level.logs)
        leak = _LEAKS[level.is_quiet] * evidence.leak / max(float(evidence.leak[0]), 1e-300)
        errors = (level.error**2 + _LEVEL**2) * np.eye(n) + np.outer(leak, leak)
        blocks.append(contrasts @ errors @ contrasts.T)
    data = np.concatenate(said)
    noise = linalg.block_diag(*blocks)
    # levels of its own are alike in all of the background
    own = np.concatenate([np.zeros((int(seen.sum()), n)), *([contrasts] * n_levels)])
    own_levels = noise + _OWN_SCATTER**2 * own @ own.T
    logs, means, covariances, kinds = [], [], [], []
    for weight, prior, kind in _hypotheses(n):
        of_noise = contrasts if kind == _RECEIVER_KIND else np.zeros_like(contrasts)
        design = np.concatenate([of_pixels, *([of_noise] * n_levels)])
        of_data = design @ prior @ design.T + (own_levels if kind == _OWN_KIND else noise)
        solved = np.linalg.solve(of_data, np.column_stack([data, design @ prior]))
        means.append(prior @ design.T @ solved[:, 0])
        covariances.append(prior - prior @ design.T @ solved[:, 1:])
        logs.append(np.log(weight) - 0.5 * float(data @ solved[:, 0] + np.linalg.slogdet(of_data)[1]))
        kinds.append((bool(prior.any()), kind == _RECEIVER_KIND))
    weights = np.exp(np.array(logs) - max(logs))
    weights /= weights.sum()
    mean = weights @ np.stack(means)
    about = np.stack(means) - mean
    covariance = np.einsum("h,hij->ij", weights, np.stack(covariances))
    covariance = covariance + np.einsum("h,hi,hj->ij", weights, about, about)
    drifts, of_receiver = (float(p) for p in weights @ np.array(kinds, dtype=np.float64))
    by_noise = n_levels > 0 and of_receiver > 0.5 * drifts
    return GainPosterior(mean, covariance, drifts, by_noise)


def _hypotheses(n: int) -> Iterator[tuple[float, Array, int]]:
    """Weight, covariance of the gains' logarithms, and what the noise has of them."""
    kinds = ((_RECEIVER_KIND, _RECEIVER), (_FLAT_KIND, _FLAT), (_OWN_KIND, _OWN))
    none = np.zeros((n, n))
    yield (1.0 - _DRIFTS) * (1.0 - _OWN), none, _FLAT_KIND
    yield (1.0 - _DRIFTS) * _OWN, none, _OWN_KIND
    weight = _DRIFTS / (_STRENGTHS.size * len(_INDEPENDENT))
    for strength, independent in product(_STRENGTHS, _INDEPENDENT):
        prior = strength**2 * _shape(n, independent)
        for kind, likely in kinds:
            yield weight * likely, prior, kind


def _shape(n: int, independent: float) -> Array:
    """Covariance of gains about their mean, of mean variance 1."""
    steps = np.arange(n)
    centre = np.eye(n) - 1.0 / n
    walk = centre @ np.minimum.outer(steps, steps).astype(np.float64) @ centre
    both: Array = independent * n * centre / np.trace(centre) + (1.0 - independent) * n * walk / np.trace(
        walk
    )
    return both


def _contrasts(n: int) -> Array:
    """Orthonormal combinations of the echoes that a common factor leaves alone."""
    vectors: Array = np.linalg.svd(np.eye(n) - 1.0 / n)[0][:, : n - 1].T
    return vectors
