from __future__ import annotations

import numpy as np
import pytest

from spallmap.relaxometry import FitStatus, fit_t2
from spallmap.relaxometry.noise.chi_square import residuals_of
from spallmap.relaxometry.noise.misfit import common_misfit, median_chi2, misfit_variances, mostly_open
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes

TE = np.array(TE_MS)[:, None, None]
ODD = np.array([0.9, 1.05, 1.0, 1.02, 1.0])[:, None, None]


def field(odd: bool, seed: int, snr: float = 60.0, t2_ms: float = 9.0) -> np.ndarray:
    """A field of one T2 whose echoes depart from a decay, or do not."""
    signal = snr * np.exp(-TE / t2_ms) * np.ones((5, 24, 24))
    return magnitudes(signal * ODD if odd else signal, 1.0, np.random.default_rng([62, seed]))


def test_errors_of_a_clean_map_are_hardly_ever_widened() -> None:
    widened = [(fit_t2(field(False, seed), TE_MS, sigma=1.0).misfit > 1.0).mean() for seed in range(20)]
    assert np.mean(widened) < 0.01


@pytest.mark.parametrize("model", ["rician", "offset"])
def test_errors_intervals_and_probability_hold_the_misfit_and_t2_does_not_move(model: str) -> None:
    data = field(True, 1)
    fit = fit_t2(data, TE_MS, model, 1.0, long_ms=11.0, intervals=True)
    factor = float(np.median(fit.misfit)) ** 0.5
    assert factor > 1.7
    # as if the noise were that much larger, with everything else as it is
    alike = field(False, 1, t2_ms=float(np.median(fit.t2_ms)))
    plain = np.median(fit_t2(alike, TE_MS, model, 1.0).t2_se_ms)
    assert np.median(fit.t2_se_ms) == pytest.approx(factor * plain, rel=0.25)
    assert fit.t2_low_ms is not None
    assert fit.t2_high_ms is not None
    half = 0.5 * np.median(fit.t2_high_ms - fit.t2_low_ms)
    assert half == pytest.approx(1.96 * np.median(fit.t2_se_ms), rel=0.1)
    one = fit_t2(data[:, :1, :1], TE_MS, model, 1.0)
    assert fit.t2_ms[0, 0] == pytest.approx(one.t2_ms[0, 0], rel=1e-9)
    distant = np.abs(fit.p_long - 0.5).mean()
    assert distant < np.abs(fit_t2(field(False, 1, t2_ms=9.6), TE_MS, model, 1.0, 11.0).p_long - 0.5).mean()


def test_a_lone_pixel_that_misfits_widens_its_own_errors_alone() -> None:
    data = field(False, 3)
    data[2, 12, 12] *= 3.0
    fit = fit_t2(data, TE_MS, sigma=1.0)
    assert fit.misfit[12, 12] > 50.0
    assert (fit.misfit > 1.0).sum() < 5


def test_a_systematic_misfit_does_not_pass_for_a_small_error() -> None:
    # a train whose first echo is low reads 9 ms too long by far more than the noise explains
    data = field(True, 4, snr=300.0)
    fit = fit_t2(data, TE_MS, sigma=1.0)
    off = np.median(fit.t2_ms) - 9.0
    assert off > 0.5
    assert np.median(fit.t2_se_ms) > 0.5 * off


def test_residuals_are_counted() -> None:
    clean = residuals_of(fit_t2(field(False, 5), TE_MS, sigma=1.0))
    assert clean.n_pixels == 576
    assert clean.ratio == pytest.approx(1.0, abs=0.2)
    assert clean.misfit_fraction < 0.03
    assert clean.se_factor == 1.0
    odd = residuals_of(fit_t2(field(True, 5), TE_MS, sigma=1.0))
    assert odd.median > 3.0
    assert odd.misfit_fraction > 0.3
    assert odd.se_factor > 1.7
    nothing = residuals_of(fit_t2(np.zeros((5, 4, 4)), TE_MS, sigma=1.0))
    assert nothing.n_pixels == 0
    assert np.isnan(nothing.median)


def test_median_of_pure_noise() -> None:
    rng = np.random.default_rng(63)
    for freedom in (1, 3, 8):
        drawn = np.sum(rng.normal(size=(2000, 41, freedom)) ** 2, axis=2) / freedom
        expected, spread = median_chi2(freedom)
        medians = np.median(drawn, axis=1)
        assert medians.mean() == pytest.approx(expected, rel=0.08)
        assert medians.std() == pytest.approx(expected * spread / np.sqrt(41), rel=0.1)
        assert common_misfit(drawn[0], freedom) == 1.0
        assert common_misfit(4.0 * drawn[0], freedom) == pytest.approx(4.0 * medians[0] / expected)
    assert common_misfit(np.full(3, np.nan), 0) == 1.0


def test_lists_and_stacks_of_pixels() -> None:
    rng = np.random.default_rng(64)
    chi2 = 9.0 * np.sum(rng.normal(size=(300, 3)) ** 2, axis=1) / 3.0
    every = np.ones(300, dtype=bool)
    found = misfit_variances(chi2, every, 3)
    assert np.median(found) == pytest.approx(9.0, rel=0.2)
    stack = np.stack([chi2.reshape(15, 20), chi2.reshape(15, 20) / 9.0])
    both = misfit_variances(stack, np.ones(stack.shape, dtype=bool), 3)
    assert np.median(both[0]) > 6.0
    assert np.median(both[1]) == 1.0
    assert np.all(misfit_variances(chi2, every, 0) == 1.0)


def test_most_neighbours_decide_whether_a_t2_is_beyond_the_echoes() -> None:
    fitted = np.ones((9, 9), dtype=bool)
    fitted[:, 6:] = False
    above = fitted.copy()
    above[4, 2] = False
    below = np.zeros((9, 9), dtype=bool)
    below[0, 0] = True
    found = mostly_open(below, above, fitted)
    assert found[4, 2]
    assert not found[:, 6:].any()
    lone = np.zeros((9, 9), dtype=bool)
    lone[4, 4] = True
    assert not mostly_open(below, lone, np.ones((9, 9), dtype=bool))[4, 5]
    np.testing.assert_array_equal(mostly_open(lone[4], lone[4], np.ones(9, dtype=bool)), lone[4])


def test_a_list_of_pixels_has_its_status_from_each_pixel() -> None:
    signal = np.array([30.0 * np.exp(-np.array(TE_MS) / 7.0), 30.0 * np.exp(-np.array(TE_MS) / 5000.0)]).T
    fit = fit_t2(signal, TE_MS, "offset", 1.0)
    assert fit.status[0] == FitStatus.OK
    assert fit.status[1] in (FitStatus.BEYOND_ECHOES, FitStatus.AT_BOUND)
