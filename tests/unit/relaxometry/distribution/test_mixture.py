from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from spallmap.relaxometry.distribution.mixture import (
    PixelLikelihoods,
    fine_grid,
    fit_one_peak,
    fit_two_peaks,
    responsibilities,
)


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
