from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spallmap.relaxometry import fit_t2
from spallmap.relaxometry.distribution.estimate import (
    t2_distribution,
)
from spallmap.relaxometry.distribution.expected import expected_counts
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes
from tests.unit.relaxometry.distribution.electrode_phantom import SHAPE, electrode_map


def test_expected_counts_look_like_the_map() -> None:
    data, _ = electrode_map(np.random.default_rng(47), n_long=22)
    fit = fit_t2(data, TE_MS, sigma=1.0)
    rng = np.random.default_rng(1)
    found = t2_distribution(data, TE_MS, fit, rng=rng)
    edges = np.array([0.0, 5.0, 6.0, 7.0, 8.0, 9.0, 12.0, 20.0, 60.0])
    expected = expected_counts(found, fit, edges, rng=rng)
    assert expected is not None
    counts = np.histogram(fit.t2_ms[found.specimen & fit.ok], edges)[0]
    mean = expected.electrode + expected.long
    assert mean.sum() == pytest.approx(counts.sum(), rel=0.05)
    assert np.sum((counts - mean) ** 2 / np.maximum(mean, 1.0)) < stats.chi2.ppf(0.999, edges.size - 1)
    assert expected.long[-3:].sum() > 0.6 * expected.long.sum()


@pytest.mark.parametrize("snr", [(15.0, 40.0), (6.0, 12.0)])
def test_expected_counts_of_the_offset_model_lie_where_its_bars_do(snr: tuple[float, float]) -> None:
    rng = np.random.default_rng(53)
    electrode = np.zeros(SHAPE, dtype=bool)
    electrode[6:18, 3:28] = True
    late = np.asarray(TE_MS)[:, None, None] - TE_MS[0]
    signal = np.where(electrode, rng.uniform(*snr, SHAPE), 0.0) * np.exp(-late / 10.0)
    data = magnitudes(signal, 1.0, rng)
    fit = fit_t2(data, TE_MS, "offset", 1.0)
    found = t2_distribution(data, TE_MS, fit, rng=rng)
    edges = np.arange(0.0, 40.0, 0.25)
    expected = expected_counts(found, fit, edges, rng=rng)
    assert expected is not None
    middles = 0.5 * (edges[1:] + edges[:-1])
    mean = np.average(middles, weights=expected.electrode + expected.long)
    assert mean == pytest.approx(fit.t2_ms[found.specimen & fit.ok].mean(), abs=0.35)
