from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spallmap.acquisitions import Acquisition
from spallmap.axes import AxesPrior
from spallmap.errors import InputError
from spallmap.relaxometry import (
    FitStatus,
    SeriesAnalysis,
    acquisition_generator,
    analyse_series,
    estimate_noise,
    expected_counts,
    fit_t2,
    histogram_edges_ms,
    long_t2_regions,
    summarise_t2,
    t2_distribution,
)
from spallmap.relaxometry.noise import found_sampling
from spallmap.relaxometry.series.echo_shift import displaced
from spallmap.relaxometry.series.preparation import prepare_series
from tests.unit.relaxometry.decay_phantom import cell_map

CELL_TE_MS = (2.0, 6.0, 10.0, 14.0, 18.0)
SPACING_UM = (23.0, 46.0)


def test_the_generator_depends_on_the_seed_and_on_the_acquisition() -> None:
    name = "cell-a/shorted/mri-t2"
    first = acquisition_generator(1, name).random(3)
    np.testing.assert_array_equal(first, acquisition_generator(1, name).random(3))
    np.testing.assert_array_equal(first, np.random.default_rng([1, zlib.crc32(name.encode())]).random(3))
    assert not np.any(first == acquisition_generator(2, name).random(3))
    assert not np.any(first == acquisition_generator(1, "cell-a/pristine/mri-t2").random(3))


def test_an_analysis_is_its_steps_one_after_the_other() -> None:
    data, _, _ = cell_map(np.random.default_rng(36), 8.0)
    found = analyse_series(
        data, CELL_TE_MS, spacing_um=SPACING_UM, rng=np.random.default_rng(3), long_ms=11.0, skip_echoes=1
    )
    rest, te_ms = data[1:], CELL_TE_MS[1:]
    noise = estimate_noise(rest)
    fit = fit_t2(rest, te_ms, sigma=noise.sigma, long_ms=11.0, intervals=True)
    regions = long_t2_regions(rest, te_ms, noise.sigma, 11.0, spacing_um=SPACING_UM)
    rng = np.random.default_rng(3)
    distribution = t2_distribution(rest, te_ms, fit, rng=rng)
    expected = expected_counts(distribution, fit, histogram_edges_ms(11.0), rng=rng)
    assert found.noise == noise
    np.testing.assert_array_equal(found.fit.t2_ms, fit.t2_ms)
    np.testing.assert_array_equal(found.fit.t2_high_ms, fit.t2_high_ms)
    np.testing.assert_array_equal(found.regions.labels, regions.labels)
    summary = summarise_t2(fit, noise, regions, distribution, expected, found_sampling(rest))
    assert found.summary["first_echo"]["used"] == "skip"
    assert found.summary["spoiled"] == {"echoes_ms": [], "n_rows": 0, "n_columns": 0, "middle": False}
    others = ("first_echo", "spoiled", "echo_shift")
    rest_of = {key: value for key, value in found.summary.items() if key not in others}
    assert json.dumps(rest_of) == json.dumps(summary)
    assert found.warnings == ()


def test_an_echo_under_stripes_is_named_by_its_time() -> None:
    rng = np.random.default_rng(38)
    signal = np.zeros((5, 64, 48), dtype=complex)
    for top in (16, 32):
        signal[:, top : top + 3, 2:-2] = 40.0 * np.exp(-np.array(CELL_TE_MS) / 7.0)[:, None, None]
    signal[0] += 2.0 * np.exp(2j * np.pi * (np.arange(64)[:, None] * 0.21 + np.arange(48) * 0.34))
    noise = rng.normal(size=(2, *signal.shape))
    data = np.abs(signal + noise[0] + 1j * noise[1])
    found = analyse_series(data, CELL_TE_MS, spacing_um=SPACING_UM, rng=rng)
    assert found.summary["spoiled"]["echoes_ms"] == [2.0]
    assert found.summary["te_ms"] == [6.0, 10.0, 14.0, 18.0]


def test_a_given_noise_level_is_not_estimated() -> None:
    data, _, _ = cell_map(np.random.default_rng(37), 8.0)
    rng = np.random.default_rng(3)
    found = analyse_series(data, CELL_TE_MS, spacing_um=SPACING_UM, rng=rng, sigma=1.25)
    assert found.noise is None
    assert found.fit.sigma == 1.25
    assert found.summary["noise_method"] == "given"


def test_a_noise_level_that_cannot_be_trusted_is_refused() -> None:
    data = np.hypot(*np.random.default_rng(38).normal(size=(2, 5, 40, 40)))
    several = np.sqrt(np.sum(np.random.default_rng(38).normal(size=(16, 5, 40, 40)) ** 2, axis=0))
    rng = np.random.default_rng(3)
    assert analyse_series(data, CELL_TE_MS, spacing_um=SPACING_UM, rng=rng).fit.sigma > 0.0
    with pytest.raises(InputError, match="background"):
        analyse_series(several, CELL_TE_MS, spacing_um=SPACING_UM, rng=rng)


def bars(rng: np.random.Generator, factors: tuple[float, ...] = (1.0,) * 5, t2_ms: float = 7.0) -> np.ndarray:
    """Two bars of metal in noise of sigma 1, each echo times a factor."""
    te = np.array(CELL_TE_MS)[:, None, None]
    signal = np.zeros((5, 48, 40))
    brightness = rng.uniform(15.0, 60.0, (48, 40))
    for rows in (slice(8, 16), slice(28, 36)):
        signal[:, rows, 4:36] = (brightness * np.exp(-(te - 2.0) / t2_ms))[:, rows, 4:36]
    signal *= np.array(factors)[:, None, None]
    return np.hypot(signal + rng.normal(size=signal.shape), rng.normal(size=signal.shape))


def analysed(data: np.ndarray, **settings: Any) -> SeriesAnalysis:
    return analyse_series(
        data, CELL_TE_MS, spacing_um=SPACING_UM, rng=np.random.default_rng(3), threads=1, **settings
    )


def test_echoes_that_drift_are_moved_back_and_said() -> None:
    still = bars(np.random.default_rng([72, 1]))
    drifting = np.stack([displaced(echo, np.array([0.0, 0.1 * k])) for k, echo in enumerate(still)])
    found = analysed(drifting)
    assert found.summary["echo_shift"]["columns_px"][4] == pytest.approx(0.4, abs=0.15)
    assert [warning.source_label for warning in found.warnings] == ["position of the echoes"]
    median_ms = analysed(still).summary["electrode"]["t2_median_ms"]
    assert found.summary["electrode"]["t2_median_ms"] == pytest.approx(median_ms, rel=0.02)
    clipped = np.zeros(still.shape, dtype=bool)
    clipped[2, 10, 10] = True
    ready = prepare_series(drifting, CELL_TE_MS, clipped=clipped, threads=1)
    assert ready.cut_off.sum() == 9


def test_clean_cells_have_no_warning() -> None:
    odd = [analysed(bars(np.random.default_rng([71, seed]))).warnings for seed in range(8)]
    assert sum(len(warnings) for warnings in odd) == 0


def test_clipped_pixels_are_in_nothing_and_are_counted() -> None:
    data = bars(np.random.default_rng(72), t2_ms=16.0)
    clipped = data >= 45.0
    stored = np.minimum(data, 45.0)
    cut = clipped.any(axis=0)
    believed, found = analysed(stored), analysed(stored, clipped=clipped)
    assert 50 < cut.sum() == found.summary["n_clipped"] == found.summary["n_by_status"]["saturated"]
    assert not np.any(found.regions.labels[cut])
    np.testing.assert_array_equal(found.fit.status == FitStatus.SATURATED, cut)
    assert found.fit.sigma == pytest.approx(1.0, abs=0.05)
    assert np.median(found.fit.t2_ms[found.fit.ok]) == pytest.approx(16.0, rel=0.02)
    assert np.median(believed.fit.t2_ms[cut]) > 17.0
    # what is clipped in an echo that is skipped does not count
    assert analysed(stored, clipped=clipped, skip_echoes=4 - 1).summary["n_clipped"] == 0


def test_a_misfit_is_counted_and_warned_of() -> None:
    found = analysed(bars(np.random.default_rng(73), (0.85, 1.05, 1.0, 1.0, 1.0)))
    said = " ".join(str(warning) for warning in found.warnings)
    assert "median reduced chi-square" in said
    assert "errors of T2 were widened" in said
    assert found.summary["chi2_reduced_median"] > 2.0 * found.summary["chi2_reduced_expected"]
    assert found.summary["misfit_fraction"] > 0.2
    assert found.summary["se_factor_median"] > 1.3
    clean = analysed(bars(np.random.default_rng(73))).summary
    assert clean["chi2_reduced_median"] == pytest.approx(clean["chi2_reduced_expected"], rel=0.2)
    assert clean["se_factor_median"] == 1.0


@pytest.mark.parametrize(("sigma", "word"), [(5.0, "too large"), (0.3, "too small")])
def test_a_given_noise_level_that_the_residuals_contradict_is_used_and_said(sigma: float, word: str) -> None:
    found = analysed(bars(np.random.default_rng(74)), sigma=sigma)
    assert found.summary["noise_method"] == "given"
    assert found.fit.sigma == sigma
    assert any(f"looks {word}" in warning.found for warning in found.warnings)


def test_a_t2_beyond_the_echoes_is_said_and_has_no_median() -> None:
    found = analysed(bars(np.random.default_rng(75), t2_ms=5000.0))
    assert any("echo times of 2 to 18 ms" in warning.source_label for warning in found.warnings)
    assert np.isnan(found.summary["electrode"]["t2_median_ms"])
    assert np.isnan(found.summary["long"]["t2_median_ms"])
    assert found.summary["n_fitted"] < 20


def test_settings_of_one_acquisition_reach_its_summary() -> None:
    axes = AxesPrior.parse("z,y")
    row = Acquisition(
        "a", "shorted", "mri", "t2", Path("x"), None, axes, None, None, "row 1", sigma=1.25, skip_echoes=1
    )
    settings = row.t2_settings({"model": "offset", "long_ms": 11.0, "sigma": None, "skip_echoes": 0})
    found = analysed(bars(np.random.default_rng(76)), **settings)
    assert found.summary["noise_sigma"] == 1.25
    assert found.summary["noise_method"] == "given"
    assert found.summary["te_ms"] == list(CELL_TE_MS[1:])
    assert found.summary["model"] == "offset"


@pytest.mark.parametrize(
    ("spoil", "where", "words"),
    [
        (lambda d: np.zeros_like(d), "echo series", "all samples are zero"),
        (lambda d: np.full_like(d, np.nan), "echo series", "no sample that is a number"),
        (lambda d: np.full_like(d, 3.0), "echo series", "all samples are 3"),
        (lambda d: d * np.array([1, 1, 0, 1, 1])[:, None, None], "echo at 10 ms", "all samples are zero"),
        (lambda d: d[[0, 1, 1, 3, 4]], "echo at 10 ms", "the same samples as at 6 ms"),
    ],
)
@pytest.mark.parametrize("sigma", [None, 1.0])
def test_echoes_that_hold_no_measurement_are_refused(
    spoil: Callable[[np.ndarray], np.ndarray], where: str, words: str, sigma: float | None
) -> None:
    with pytest.raises(InputError) as caught:
        analysed(spoil(bars(np.random.default_rng(77))), sigma=sigma)
    assert where in caught.value.source_label
    assert words in caught.value.found
