from __future__ import annotations

import numpy as np
import pytest

from spallmap.relaxometry.models import get_model
from spallmap.relaxometry.regions.evidence import evidence_grid, long_evidence
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes


def field_evidence(t2_ms: np.ndarray, snr: float, seed: int) -> np.ndarray:
    """Evidence over a field of pixels of one amplitude."""
    te, chosen = np.array(TE_MS), get_model("rician")
    signal = snr * np.exp(-te[:, None, None] / t2_ms)
    data = magnitudes(signal, 1.0, np.random.default_rng(seed))
    grid, threshold = evidence_grid(12.0)
    assert grid[threshold] == 12.0
    voters = np.ones(t2_ms.shape, dtype=bool)
    samples = chosen.prepare(np.ascontiguousarray(data.reshape(te.size, -1).T), te)
    found = long_evidence(chosen.profile(samples, te, grid), voters, threshold, (23.0, 23.0))
    return found.reshape(t2_ms.shape)


def test_evidence_is_the_log_of_the_odds() -> None:
    # among pixels with evidence e, long ones should be exp(e) times as frequent where both are drawn evenly
    rng = np.random.default_rng(33)
    evidence, is_long = [], []
    for seed in range(40):
        truth = rng.random((24, 24)) < 0.1
        log_long = rng.uniform(np.log(12.0), np.log(12.0 * 1.6), truth.shape)
        log_short = np.log(7.0) + rng.normal(0.0, 0.1, truth.shape)
        t2 = np.exp(np.where(truth, log_long, log_short))
        evidence.append(field_evidence(t2, 8.0, seed).ravel())
        is_long.append(truth.ravel())
    e, long = np.concatenate(evidence), np.concatenate(is_long)
    said = 0.1 * np.exp(e) / (0.9 + 0.1 * np.exp(e))
    for low, high in ((0.0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 0.9)):
        inside = (said >= low) & (said < high)
        expected, n = said[inside].mean(), np.count_nonzero(inside)
        assert n > 100
        assert long[inside].mean() == pytest.approx(expected, abs=4.0 * np.sqrt(expected / n) + 0.02)


def test_what_is_short_depends_on_the_neighbourhood() -> None:
    # an apparent 11 ms is what a dendrite that shares its pixel looks like beside an electrode of 7 ms
    odd = (slice(11, 13), slice(11, 13))
    beside_7, beside_11 = np.full((24, 24), 7.0), np.full((24, 24), 11.0)
    beside_7[odd] = 11.4
    beside_11[odd] = 11.4
    assert np.mean([field_evidence(beside_7, 25.0, s)[odd].mean() for s in range(10)]) > 1.0
    assert np.mean([field_evidence(beside_11, 25.0, s)[odd].mean() for s in range(10)]) < 0.5
