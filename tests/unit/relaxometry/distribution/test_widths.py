from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from spallmap.relaxometry.distribution.widths import Estimate, compare_widths, lognormal_fwhm_ms


def test_width_of_a_lognormal_peak_is_that_of_its_density() -> None:
    rng = np.random.default_rng(40)
    for _ in range(20):
        centre, sd = rng.uniform(1.0, 3.5), rng.uniform(0.02, 0.6)
        t2 = np.linspace(0.01, np.exp(centre + 5.0 * sd), 400_001)
        density = stats.lognorm.pdf(t2, sd, scale=np.exp(centre))
        above = t2[density >= density.max() / 2.0]
        assert lognormal_fwhm_ms(centre, sd) == pytest.approx(above[-1] - above[0], rel=1e-3)


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
