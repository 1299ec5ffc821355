"""Gains of the echoes are what all bright pixels have in common, and leave an error that holds."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.relaxometry import fit_t2, get_model, long_t2_regions
from spallmap.relaxometry.series.gain_drift import (
    GainDrift,
    examine_gains,
    noise_levels,
    regions_with_drift,
    with_drift,
)

TE_MS = np.array([2.0, 6.0, 10.0, 14.0, 18.0])
RICIAN = get_model("rician")


def echoes(gains: np.ndarray | float, seed: int, n: int = 300, t2_ms: float = 7.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    t2 = t2_ms * rng.uniform(0.9, 1.1, n)
    signal = rng.uniform(15.0, 40.0, n) * np.exp(-TE_MS[:, None] / t2)
    return np.reshape(gains, (-1, 1)) * np.hypot(
        signal + rng.normal(size=signal.shape), rng.normal(size=signal.shape)
    )


def test_without_a_drift_nothing_is_taken_off() -> None:
    for seed in range(8):
        found = examine_gains(echoes(1.0, seed), TE_MS, RICIAN, 1.0, threads=1)
        assert not found.is_taken_off
        data = echoes(1.0, seed)
        assert found.without(data) is data


def image(gains: np.ndarray, seed: int, *, noise_too: bool) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = np.zeros((5, 64, 48))
    t2 = 7.0 * rng.uniform(0.9, 1.1, (10, 25))
    signal[:, 20:30, 12:37] = rng.uniform(15.0, 40.0, (10, 25)) * np.exp(-TE_MS[:, None, None] / t2)
    factor = gains[:, None, None]
    noise = rng.normal(size=(2, *signal.shape)) * (factor if noise_too else 1.0)
    return np.hypot(factor * signal + noise[0], noise[1])


GAINS = np.array([1.02, 0.97, 1.04, 0.98, 1.01])
LINE = 1.0 + 0.03 * np.linspace(1.0, -1.0, 5)


def rate_of(gains: np.ndarray) -> float:
    return float(np.polyfit(TE_MS, np.log(gains), 1)[0])


def test_gains_are_found_but_for_what_looks_like_a_decay() -> None:
    found = examine_gains(echoes(GAINS, 3, n=6000), TE_MS, RICIAN, 1.0, threads=1)
    line = np.stack([np.ones(5), TE_MS - TE_MS.mean()], axis=1)

    def without_line(gains: np.ndarray) -> np.ndarray:
        return np.log(gains) - line @ np.linalg.lstsq(line, np.log(gains), rcond=None)[0]

    np.testing.assert_allclose(without_line(np.array(found.gains)), without_line(GAINS), atol=0.006)
    assert not found.by_noise
    assert found.rate_se_per_ms > 0.0007


def test_the_noise_says_what_looks_like_a_decay() -> None:
    found = examine_gains(image(LINE * GAINS, 3, noise_too=True), TE_MS, RICIAN, 1.0, threads=1)
    assert found.by_noise
    assert rate_of(np.array(found.gains)) == pytest.approx(rate_of(LINE * GAINS), abs=0.0015)
    assert "known from the noise's level" in found.warnings(7.0)[0].advice


def test_noise_that_does_not_have_the_gains_has_no_say() -> None:
    with_noise, without = (
        examine_gains(image(LINE * GAINS, 3, noise_too=has), TE_MS, RICIAN, 1.0, threads=1)
        for has in (True, False)
    )
    assert without.is_taken_off
    assert not without.by_noise
    assert without.rate_se_per_ms > 1.5 * with_noise.rate_se_per_ms


def test_a_drift_that_is_not_seen_is_in_the_error() -> None:
    found = examine_gains(image(np.ones(5), 4, noise_too=True), TE_MS, RICIAN, 1.0, threads=1)
    assert not found.is_taken_off
    assert 0.0 < found.t2_se_ms(7.0) < 0.15
    one_by_one = examine_gains(echoes(1.0, 4)[:3], TE_MS[:3], RICIAN, 1.0, threads=1)
    assert one_by_one.t2_se_ms(7.0) > found.t2_se_ms(7.0)


def test_the_error_that_is_left_holds() -> None:
    for noise_too in (True, False):
        pulls = []
        for seed in range(16):
            gains = np.exp(0.03 * np.random.default_rng([seed, 1]).normal(size=5))
            data = image(gains, seed, noise_too=noise_too)
            found = examine_gains(data, TE_MS, RICIAN, 1.0, threads=1)
            fit = fit_t2(found.without(data)[:, 20:30, 12:37], TE_MS.tolist(), sigma=1.0, threads=1)
            t2 = float(np.median(fit.t2_ms))
            pulls.append((t2 - 7.0) / np.hypot(found.t2_se_ms(t2), 0.05))
        assert 0.4 < np.sqrt(np.mean(np.square(pulls))) < 1.6


def test_noise_levels_keep_away_from_what_leaks() -> None:
    data = image(LINE, 5, noise_too=True)
    quiet, beside = noise_levels(data, 1.0)
    assert quiet.is_quiet
    assert not beside.is_quiet
    assert np.ptp(quiet.logs - np.log(LINE)) < 6.0 * quiet.error
    assert noise_levels(data.reshape(5, -1), 1.0) == ()


def test_another_decay_or_few_pixels_are_no_drift() -> None:
    assert not examine_gains(echoes(np.array([0.6, 1, 1, 1, 1]), 1), TE_MS, RICIAN, 1.0).is_taken_off
    few = echoes(np.array([1.0, 1.05, 1.0, 0.95, 1.0]), 1, n=10)
    assert not examine_gains(few, TE_MS, RICIAN, 1.0).is_taken_off


def test_what_gains_leave_is_in_the_errors() -> None:
    signal = np.zeros((5, 24, 24))
    signal[:, 6:10, 4:20] = 40.0 * np.exp(-TE_MS / 7.0)[:, None, None]
    signal[:, 10:13, 8:12] = 20.0 * np.exp(-TE_MS / 20.0)[:, None, None]
    fit = fit_t2(signal + 0.1, TE_MS.tolist(), sigma=1.0, threads=1)
    regions = long_t2_regions(signal + 0.1, TE_MS.tolist(), 1.0, spacing_um=(23.0, 46.0), threads=1)
    none, some = GainDrift((1.0,) * 5), GainDrift((1.02, 0.98, 1.0, 1.0, 1.0), 0.002, 64)
    assert with_drift(fit, none) is fit
    assert regions_with_drift(regions, none) is regions
    wider = with_drift(fit, some)
    assert wider.t2_se_ms[7, 10] == pytest.approx(
        np.hypot(fit.t2_se_ms[7, 10], 0.002 * fit.t2_ms[7, 10] ** 2)
    )
    before, after = (float(r.table["t2_se_ms"].iloc[0]) for r in (regions, regions_with_drift(regions, some)))
    assert after == pytest.approx(np.hypot(before, 0.002 * float(regions.table["t2_ms"].iloc[0]) ** 2))
    assert "the gain drifts" in some.warnings(7.0)[0].found
