from __future__ import annotations

import math

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.relaxometry import fit_t2
from spallmap.relaxometry.distribution.estimate import (
    MIN_SPECIMEN_PIXELS,
    T2Distribution,
    specimen_pixels,
    t2_distribution,
)
from spallmap.relaxometry.distribution.expected import expected_counts
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes
from tests.unit.relaxometry.distribution.electrode_phantom import (
    ELECTRODE_MS,
    LONG_MS,
    SHAPE,
    WIDTH_MS,
    electrode_map,
)


def distribution_of(data: np.ndarray, seed: int = 1, long_ms: float = 12.0) -> T2Distribution:
    fit = fit_t2(data, TE_MS, sigma=1.0, long_ms=long_ms, threads=1)
    return t2_distribution(data, TE_MS, fit, rng=np.random.default_rng(seed))


def test_intrinsic_width_is_found_through_the_noise() -> None:
    found = [distribution_of(electrode_map(np.random.default_rng([43, k]))[0]) for k in range(16)]
    widths = [d.electrode_fwhm_ms for d in found]
    assert np.median([w.value for w in widths]) == pytest.approx(WIDTH_MS, rel=0.06)
    assert sum(w.low <= WIDTH_MS <= w.high for w in widths) >= 13
    centres = [d.electrode_t2_ms for d in found]
    assert sum(c.low <= ELECTRODE_MS <= c.high for c in centres) >= 13
    # without a long peak there seldom seems to be one, and its fraction is bounded
    assert sum(d.test.p_value < 0.05 for d in found) <= 3
    assert all(d.long_fraction.low == 0.0 or d.test.likelihood_ratio > 3.8 for d in found)
    assert np.median([d.long_fraction.high for d in found]) < 0.1


def test_long_peak_is_found_with_its_fraction_and_centre() -> None:
    found = [distribution_of(electrode_map(np.random.default_rng([44, k]), n_long=22)[0]) for k in range(6)]
    fraction = 22.0 / 222.0
    assert all(d.test.p_value <= 0.05 for d in found)
    assert np.median([d.long_fraction.value for d in found]) == pytest.approx(fraction, rel=0.25)
    assert sum(d.long_fraction.low <= fraction <= d.long_fraction.high for d in found) >= 5
    assert np.median([d.long_t2_ms.value for d in found]) == pytest.approx(LONG_MS, rel=0.15)
    assert sum(d.long_t2_ms.low <= LONG_MS <= d.long_t2_ms.high for d in found) >= 5
    # weak pixels hold little signal: 22 of mean SNR 6 against 200 of 27, taken back to no echo time
    dim = 22 * 6.25 * np.exp(2.0 / 16.0)
    bright = 200 * 27.5 * np.exp(2.0 / 7.0)
    signal = np.median([d.long_fraction_signal.value for d in found])
    assert signal == pytest.approx(dim / (dim + bright), rel=0.3)
    assert np.median([d.electrode_fwhm_ms.value for d in found]) == pytest.approx(WIDTH_MS, rel=0.12)


def test_same_seed_same_numbers_and_scale_does_not_matter() -> None:
    data, _ = electrode_map(np.random.default_rng(45), n_long=15)
    first = distribution_of(data)
    again = distribution_of(data)
    fit = fit_t2(37.0 * data, TE_MS, sigma=37.0)
    scaled = t2_distribution(37.0 * data, TE_MS, fit, rng=np.random.default_rng(1))
    assert first.mixture == again.mixture
    assert first.test == again.test
    assert first.electrode_fwhm_ms == again.electrode_fwhm_ms
    assert scaled.electrode_fwhm_ms.value == pytest.approx(first.electrode_fwhm_ms.value, rel=1e-6)
    assert scaled.long_fraction.value == pytest.approx(first.long_fraction.value, rel=1e-6)


@pytest.mark.parametrize("model", ["rician", "offset", "free_offset"])
def test_lone_noise_pixels_are_no_specimen(model: str) -> None:
    data, long = electrode_map(np.random.default_rng(46), n_long=12)
    fit = fit_t2(data, TE_MS, model, 1.0)
    specimen = specimen_pixels(fit, data[0])
    electrode = np.zeros(SHAPE, dtype=bool)
    electrode[8:16, 3:28] = True
    assert specimen[electrode].mean() > 0.99
    assert specimen[long].mean() > 0.7
    far = ~(np.pad(electrode | long, 2)[2:-2, 2:-2])
    far[6:21, 1:30] = False
    assert np.count_nonzero(specimen & far) < MIN_SPECIMEN_PIXELS


def test_complex_data_and_several_coils_have_the_same_peaks() -> None:
    rng = np.random.default_rng(52)
    electrode = np.zeros(SHAPE, dtype=bool)
    electrode[8:16, 3:28] = True
    t2 = np.exp(rng.normal(np.log(ELECTRODE_MS), 0.1, SHAPE))
    late = np.asarray(TE_MS)[:, None, None] - TE_MS[0]
    signal = np.where(electrode, rng.uniform(15.0, 40.0, SHAPE), 0.0) * np.exp(-late / t2)
    noise = rng.normal(size=(8, *signal.shape))
    seen = {
        "complex": (signal + noise[0] + 1j * noise[1]) * np.exp(2.1j),
        "chi": np.sqrt((signal + noise[0]) ** 2 + np.sum(noise[1:] ** 2, axis=0)),
    }
    for model, n_coils in (("complex", 1), ("chi", 4)):
        fit = fit_t2(seen[model], TE_MS, model, 1.0, n_coils=n_coils)
        found = t2_distribution(seen[model], TE_MS, fit, rng=np.random.default_rng(1))
        assert found.electrode_t2_ms.value == pytest.approx(ELECTRODE_MS, rel=0.03)
        assert found.electrode_fwhm_ms.value == pytest.approx(WIDTH_MS, rel=0.25)
        assert found.test.p_value > 0.01


def test_too_few_pixels_have_no_distribution() -> None:
    data = magnitudes(np.zeros((5, 12, 12)), 1.0, np.random.default_rng(48))
    fit = fit_t2(data, TE_MS, sigma=1.0)
    found = t2_distribution(data, TE_MS, fit, rng=np.random.default_rng(1))
    assert found.mixture is None
    assert math.isnan(found.electrode_fwhm_ms.value)
    assert math.isnan(found.test.p_value)
    assert expected_counts(found, fit, np.array([0.0, 1.0]), rng=np.random.default_rng(1)) is None


def test_an_electrode_above_the_threshold_has_no_long_peak() -> None:
    found = distribution_of(electrode_map(np.random.default_rng(49))[0], long_ms=5.0)
    assert math.isnan(found.test.p_value)
    assert math.isnan(found.long_fraction.value)
    assert found.electrode_t2_ms.value == pytest.approx(7.0, rel=0.05)


def test_a_series_must_be_the_fitted_one() -> None:
    data, _ = electrode_map(np.random.default_rng(50))
    fit = fit_t2(data, TE_MS, sigma=1.0)
    with pytest.raises(InputError, match="fit"):
        t2_distribution(data[:4], TE_MS[:4], fit, rng=np.random.default_rng(1))
