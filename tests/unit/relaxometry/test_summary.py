from __future__ import annotations

import json
import math

import numpy as np
import pytest

from spallmap.relaxometry import estimate_noise, fit_t2, long_t2_regions, summarise_t2
from spallmap.relaxometry.distribution.estimate import t2_distribution
from spallmap.relaxometry.distribution.expected import expected_counts
from spallmap.relaxometry.summary import electrode_pixels, histogram_edges_ms, peak_fwhm_ms
from tests.unit.relaxometry.decay_phantom import cell_map

TE_MS = (2.0, 6.0, 10.0, 14.0, 18.0)


def summary_of(data: np.ndarray, sigma: float | None = None) -> dict:
    noise = estimate_noise(data) if sigma is None else None
    level = noise.sigma if noise else sigma
    fit = fit_t2(data, TE_MS, "rician", level)
    return summarise_t2(fit, noise, long_t2_regions(data, TE_MS, level, spacing_um=(23.0, 46.0)))


def test_electrode_median_is_the_truth_within_five_percent() -> None:
    errors, within = [], []
    for seed in range(20):
        data, _, t2_ms = cell_map(np.random.default_rng([31, seed]), 6.0)
        found = summary_of(data)["electrode"]
        errors.append(found["t2_median_ms"] / np.nanmedian(t2_ms) - 1.0)
        # some of the maps are so dim that few pixels are well measured; the stated error must own up to it
        within.append(abs(errors[-1]) < max(0.05, 3.0 * found["t2_median_se_ms"] / found["t2_median_ms"]))
    assert all(within)
    assert np.mean(np.abs(errors) < 0.05) >= 0.9
    assert abs(np.median(errors)) < 0.01


def test_numbers_add_up() -> None:
    data, _, _ = cell_map(np.random.default_rng(32), 8.0)
    found = summary_of(data)
    histogram = found["histogram"]
    assert found["model"] == "rician"
    assert found["noise_sigma"] == pytest.approx(1.0, abs=0.05)
    assert sum(histogram["counts"]) + histogram["n_above"] == found["n_fitted"]
    assert len(histogram["edges_ms"]) == len(histogram["counts"]) + 1
    assert sum(found["n_by_status"].values()) == 64 * 48
    assert found["n_by_status"]["ok"] == found["n_fitted"]
    assert found["long"]["threshold_ms"] == 12.0
    assert found["long"]["n_pixels"] > 0
    assert found["long"]["t2_median_ms"] > 12.0
    json.dumps(found)


def test_electrode_pixels_keep_clear_of_regions() -> None:
    data, _, _ = cell_map(np.random.default_rng(33), 8.0)
    fit = fit_t2(data, TE_MS, "rician", 1.0)
    regions = long_t2_regions(data, TE_MS, 1.0, spacing_um=(23.0, 46.0))
    chosen = electrode_pixels(fit, regions)
    rows, columns = np.nonzero(chosen)
    for y, x in np.argwhere(regions.labels > 0):
        assert np.min(np.maximum(np.abs(rows - y), np.abs(columns - x))) > 1
    assert np.all(fit.snr[chosen] >= 10.0)


def test_an_empty_map_has_no_numbers_but_a_summary() -> None:
    found = summary_of(np.zeros((5, 10, 10)), sigma=1.0)
    assert found["noise_method"] == "given"
    assert found["n_fitted"] == 0
    assert math.isnan(found["electrode"]["t2_median_ms"])
    assert math.isnan(found["electrode"]["fwhm_ms"])
    assert math.isnan(found["long"]["t2_median_ms"])
    assert sum(found["histogram"]["counts"]) == 0


@pytest.mark.parametrize("sd", [0.3, 1.0, 2.0])
def test_width_of_a_gaussian_peak(sd: float) -> None:
    widths = [peak_fwhm_ms(np.random.default_rng([34, k]).normal(8.0, sd, 400)) for k in range(20)]
    assert np.mean(widths) == pytest.approx(2.3548 * sd, rel=0.06)


def test_a_second_peak_far_away_does_not_widen_the_first() -> None:
    rng = np.random.default_rng(35)
    both = np.concatenate([rng.normal(7.0, 0.5, 400), rng.normal(18.0, 1.0, 40)])
    assert peak_fwhm_ms(both) == pytest.approx(2.3548 * 0.5, rel=0.2)


@pytest.mark.parametrize("values", [np.array([]), np.array([7.0]), np.full(50, 7.0)])
def test_no_spread_has_no_width(values: np.ndarray) -> None:
    assert math.isnan(peak_fwhm_ms(values))


def test_peaks_are_added_without_changing_what_was_there() -> None:
    data, _, t2_ms = cell_map(np.random.default_rng(36), 8.0)
    fit = fit_t2(data, TE_MS, "rician", 1.0)
    regions = long_t2_regions(data, TE_MS, 1.0, spacing_um=(23.0, 46.0))
    rng = np.random.default_rng(1)
    distribution = t2_distribution(data, TE_MS, fit, rng=rng)
    expected = expected_counts(distribution, fit, histogram_edges_ms(12.0), rng=rng)
    plain = summarise_t2(fit, None, regions)
    full = summarise_t2(fit, None, regions, distribution, expected)
    for name in ("model", "n_fitted", "long"):
        assert full[name] == plain[name]
    for name in ("electrode", "histogram"):
        assert {k: full[name][k] for k in plain[name]} == plain[name]
    electrode, long = full["electrode"], full["long_component"]
    # errors of single pixels only widen what is seen
    assert electrode["fwhm_intrinsic_ms"] < electrode["fwhm_ms"]
    assert electrode["fwhm_intrinsic_low_ms"] <= electrode["fwhm_intrinsic_ms"]
    assert electrode["fwhm_intrinsic_ms"] <= electrode["fwhm_intrinsic_high_ms"]
    assert electrode["t2_peak_ms"] == pytest.approx(np.nanmedian(t2_ms), rel=0.04)
    assert 0.0 <= long["fraction_low"] <= long["fraction"] <= long["fraction_high"] < 0.4
    assert long["p_value"] < 0.05
    assert long["t2_ms"] > 12.0
    histogram = full["histogram"]
    assert len(histogram["expected_long"]) == len(histogram["counts"])
    specimen = sum(histogram["specimen_counts"]) + histogram["specimen_n_above"]
    seen = sum(full["n_by_status"].get(status, 0) for status in ("ok", "at_bound", "beyond_echoes"))
    assert specimen <= full["distribution"]["n_pixels"] <= seen
    assert all(a <= b for a, b in zip(histogram["specimen_counts"], histogram["counts"], strict=True))
    json.dumps(full)
