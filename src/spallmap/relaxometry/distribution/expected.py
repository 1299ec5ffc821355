"""The histogram of fitted T2 that fitted peaks let expect, the pixels' errors put back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.distribution.estimate import T2Distribution
from spallmap.relaxometry.distribution.longtest import simulated_echoes
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.models import get_model
from spallmap.relaxometry.t2_fit import T2Fit

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
