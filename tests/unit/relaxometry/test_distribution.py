from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, stats

from spallmap.errors import InputError
from spallmap.relaxometry import fit_t2
from spallmap.relaxometry.distribution import longtest
from spallmap.relaxometry.distribution.estimate import (
    MIN_SPECIMEN_PIXELS,
    T2Distribution,
    specimen_pixels,
    t2_distribution,
)
from spallmap.relaxometry.distribution.expected import expected_counts
from spallmap.relaxometry.distribution.mixture import (
    PixelLikelihoods,
    fine_grid,
    fit_one_peak,
    fit_two_peaks,
    responsibilities,
)
from spallmap.relaxometry.distribution.widths import Estimate, compare_widths, lognormal_fwhm_ms
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes

SHAPE = (30, 32)
ELECTRODE_MS, LONG_MS = 7.0, 16.0
WIDTH_MS = float(lognormal_fwhm_ms(np.log(ELECTRODE_MS), 0.1))


@pytest.fixture(autouse=True)
def few_simulations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(longtest, "MAX_SIMULATED", 39)
    monkeypatch.setattr(longtest, "ENOUGH_ABOVE", 4)


def electrode_map(
    rng: np.random.Generator, n_long: int = 0, sd: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes at sigma 1 of an electrode of 200 pixels, a strip of long T2 beside it; and what is long."""
    electrode, long = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    electrode[8:16, 3:28] = True
    long[16 + np.arange(n_long) % 3, 5 + np.arange(n_long) // 3] = True
    t2 = np.exp(rng.normal(np.log(ELECTRODE_MS), sd, SHAPE))
    t2[long] = np.exp(rng.normal(np.log(LONG_MS), 0.08, n_long))
    first = np.where(electrode, rng.uniform(15.0, 40.0, SHAPE), 0.0)
    first[long] = rng.uniform(4.5, 8.0, n_long)
    late = np.asarray(TE_MS)[:, None, None] - TE_MS[0]
    return magnitudes(first * np.exp(-late / t2), 1.0, rng), long


def distribution_of(data: np.ndarray, seed: int = 1, long_ms: float = 12.0) -> T2Distribution:
    fit = fit_t2(data, TE_MS, sigma=1.0, long_ms=long_ms, threads=1)
    return t2_distribution(data, TE_MS, fit, rng=np.random.default_rng(seed))


def test_width_of_a_lognormal_peak_is_that_of_its_density() -> None:
    rng = np.random.default_rng(40)
    for _ in range(20):
        centre, sd = rng.uniform(1.0, 3.5), rng.uniform(0.02, 0.6)
        t2 = np.linspace(0.01, np.exp(centre + 5.0 * sd), 400_001)
        density = stats.lognorm.pdf(t2, sd, scale=np.exp(centre))
        above = t2[density >= density.max() / 2.0]
        assert lognormal_fwhm_ms(centre, sd) == pytest.approx(above[-1] - above[0], rel=1e-3)


def test_one_peak_of_gaussian_pixels_is_the_closed_form() -> None:
    """With normal errors the marginal likelihood is normal, and another optimiser must agree."""
    rng = np.random.default_rng(41)
    log_t2 = fine_grid((1.0, 100.0))
    for _ in range(10):
        error = rng.uniform(0.05, 0.3, 150)
        seen = rng.normal(2.0, rng.uniform(0.05, 0.3), 150) + error * rng.normal(size=150)
        likelihood = np.exp(-0.5 * ((log_t2 - seen[:, None]) / error[:, None]) ** 2)
        found = fit_one_peak(PixelLikelihoods(likelihood, log_t2, np.zeros(150)))

        def cost(p: np.ndarray, seen: np.ndarray = seen, error: np.ndarray = error) -> float:
            return -float(np.sum(stats.norm.logpdf(seen, p[0], np.hypot(np.exp(p[1]), error))))

        best = optimize.minimize(cost, [2.0, -2.0], method="Nelder-Mead", options={"xatol": 1e-6})
        if np.exp(best.x[1]) > 0.03:
            assert found.centre == pytest.approx(best.x[0], abs=2e-3)
            assert found.sd == pytest.approx(np.exp(best.x[1]), abs=2e-3)


def test_two_peaks_reach_the_highest_likelihood() -> None:
    """No other optimiser, from many starts, finds a better mixture."""
    rng = np.random.default_rng(42)
    log_t2 = fine_grid((1.0, 100.0))
    for _ in range(4):
        brightness = rng.normal(size=120)
        is_long = rng.random(120) < 1.0 / (1.0 + np.exp(2.0 + 1.5 * brightness))
        error = 0.15 * np.exp(-0.5 * brightness)
        truth = np.where(is_long, rng.normal(2.9, 0.1, 120), rng.normal(2.0, 0.1, 120))
        seen = truth + error * rng.normal(size=120)
        likelihood = np.exp(-0.5 * ((log_t2 - seen[:, None]) / error[:, None]) ** 2)
        pixels = PixelLikelihoods(likelihood, log_t2, brightness - brightness.mean())
        one = fit_one_peak(pixels)
        two = fit_two_peaks(pixels, one, 12.0)

        def cost(
            p: np.ndarray, seen: np.ndarray = seen, error: np.ndarray = error, b: np.ndarray = brightness
        ) -> float:
            fraction = 1.0 / (1.0 + np.exp(-p[2] - p[5] * b))
            # the pixels' likelihoods are 1 at their peaks: their own normal factor is taken off
            short = stats.norm.pdf(seen, p[0], np.hypot(np.exp(p[1]), error)) * error * np.sqrt(2.0 * np.pi)
            long = stats.norm.pdf(seen, p[3], np.hypot(np.exp(p[4]), error)) * error * np.sqrt(2.0 * np.pi)
            return -float(np.sum(np.log((1.0 - fraction) * short + fraction * long)))

        bounds = [(1.0, 2.48), (-3.9, -0.5), (-9.0, 2.0), (np.log(12.0), 4.0), (-3.9, -0.92), (-4.0, 4.0)]
        others = [
            optimize.minimize(cost, [2.0, -2.0, -2.0, start, -2.0, trend], bounds=bounds, method="L-BFGS-B")
            for start in (2.6, 3.0)
            for trend in (-1.0, 0.0)
        ]
        assert two.log_likelihood >= -min(o.fun for o in others) - 0.02
        sure = np.abs(responsibilities(pixels, two) - 0.5) > 0.4
        assert np.mean((responsibilities(pixels, two) > 0.5)[sure] == is_long[sure]) > 0.95


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


def test_comparison_of_widths_holds_the_truth() -> None:
    """Standard deviations of normal samples, whose intervals are exact, stand in for widths."""
    rng = np.random.default_rng(51)
    n, truths = 40, (1.0, 1.4)
    factors = np.sqrt((n - 1) / stats.chi2.ppf([0.975, 0.025], n - 1))
    held_difference = held_ratio = 0
    for _ in range(600):
        sds = [float(rng.normal(0.0, t, n).std(ddof=1)) for t in truths]
        result = compare_widths(*(Estimate(sd, sd * factors[0], sd * factors[1]) for sd in sds))
        held_difference += result.difference.low <= 0.4 <= result.difference.high
        held_ratio += result.ratio.low <= 1.4 <= result.ratio.high
        assert result.differ == (result.ratio.low > 1.0 or result.ratio.high < 1.0) or (
            abs(result.difference.low) < 0.05 or abs(result.ratio.low - 1.0) < 0.05
        )
    assert held_difference / 600 == pytest.approx(0.95, abs=0.03)
    assert held_ratio / 600 == pytest.approx(0.95, abs=0.03)


def test_an_unresolved_width_can_be_compared() -> None:
    result = compare_widths(Estimate(0.5, 0.0, 0.9), Estimate(0.8, 0.5, 1.1))
    assert result.difference.value == pytest.approx(0.3)
    assert (result.difference.low, result.difference.high) == pytest.approx((-0.2, 0.3 + np.hypot(0.3, 0.5)))
    assert not result.differ
    assert math.isinf(result.ratio.high)
    unknown = compare_widths(Estimate(math.nan, math.nan, math.nan), Estimate(0.8, 0.5, 1.1))
    assert math.isnan(unknown.ratio.value)
    assert not unknown.differ
