"""The histogram of fitted T2 that fitted peaks let expect, the pixels' errors put back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.distribution.estimate import T2Distribution
from spallmap.relaxometry.distribution.longtest import simulated_echoes
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.models import get_model

Array = NDArray[np.float64]

# Simulated maps that are averaged: a bin's expectation is then known to a tenth of its own scatter.
N_MAPS = 100


@dataclass(frozen=True)
class ExpectedCounts:
    """Pixels that a histogram should hold.

    Parameters
    ----------
    electrode, long : ndarray, shape (n_bins,)
        Those of either peak.

    Examples
    --------
    >>> import numpy as np
    >>> counts = ExpectedCounts(electrode=np.array([3.5, 40.2]), long=np.array([0.0, 1.3]))
    >>> (counts.electrode + counts.long).round(1).tolist()
    [3.5, 41.5]
    """

    electrode: Array
    long: Array


def expected_counts(
    distribution: T2Distribution, fit: T2Fit, edges_ms: Array, *, rng: np.random.Generator
) -> ExpectedCounts | None:
    """Simulate what the fitted peaks would look like in a histogram of the pixels' own T2.

    Each pixel is given to a peak by its probability and a T2 of that peak, decays with its own signal, gets
    noise, and is fitted like the map. So a curve drawn from these numbers may be held against the bars.

    Parameters
    ----------
    distribution : T2Distribution
        The peaks.
    fit : T2Fit
        The maps.
    edges_ms : ndarray, shape (n_bins + 1,)
        Edges of the bins.
    rng : numpy.random.Generator
        Draws the maps.

    Returns
    -------
    ExpectedCounts or None
        Mean counts, scaled to all pixels of the specimen; None where there are no peaks.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2, t2_distribution
    >>> rng = np.random.default_rng(3)
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 24, 24))
    >>> signal[:, 6:12, 4:20] = 40.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> echoes = np.hypot(signal + rng.normal(size=signal.shape), rng.normal(size=signal.shape))
    >>> fit = fit_t2(echoes, te_ms, sigma=1.0)
    >>> peaks = t2_distribution(echoes, te_ms, fit, rng=rng)
    >>> expected = expected_counts(peaks, fit, np.array([0.0, 5.0, 9.0, 36.0]), rng=rng)
    >>> int(np.argmax(expected.electrode)), bool(abs(expected.electrode.sum() + expected.long.sum() - 96) < 3)
    (1, True)
    """
    peaks = distribution.mixture
    if peaks is None:
        return None
    first = np.tile(distribution.first, N_MAPS)
    is_long = rng.random(first.size) < np.tile(distribution.fraction_of_pixel, N_MAPS)
    spread = rng.normal(size=first.size)
    theta = np.where(is_long, peaks.long_centre + peaks.long_sd * spread, peaks.centre + peaks.sd * spread)
    echoes = simulated_echoes(theta, first, np.array(fit.te_ms), get_model(fit.model, fit.n_coils), rng)
    again = fit_t2(
        echoes.T,
        fit.te_ms,
        fit.model,
        1.0,
        fit.long_ms,
        t2_bounds_ms=fit.t2_bounds_ms,
        n_coils=fit.n_coils,
        threads=1,
    )
    scale = distribution.n_pixels / distribution.n_used / N_MAPS
    counts = [np.histogram(again.t2_ms[again.ok & peak], edges_ms)[0] for peak in (~is_long, is_long)]
    return ExpectedCounts(counts[0] * scale, counts[1] * scale)
