from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from spallmap.relaxometry import rice

ARGUMENTS = np.concatenate([np.linspace(0.0, 40.0, 3001), np.geomspace(31.0, 1e8, 200)])


def test_bessel_ratio_agrees_with_scipy() -> None:
    found = [rice.bessel_ratio(x) for x in ARGUMENTS]
    np.testing.assert_allclose(found, special.i1e(ARGUMENTS) / special.i0e(ARGUMENTS), atol=1e-8)


def test_log_i0e_agrees_with_scipy() -> None:
    found = [rice.log_i0e(x) for x in ARGUMENTS]
    np.testing.assert_allclose(found, np.log(special.i0e(ARGUMENTS)), atol=1e-8)


@pytest.mark.parametrize("x", [0.0, 1e-9, 0.3, 4.0, 31.9, 32.1, 500.0])
def test_bessel_ratio_slope_is_its_derivative(x: float) -> None:
    h = 1e-3 * max(x, 1.0)
    low = max(x - h, 0.0)
    ratio = special.i1e([low, x + h]) / special.i0e([low, x + h])
    expected = (ratio[1] - ratio[0]) / (x + h - low)
    assert rice.bessel_ratio_slope(x, rice.bessel_ratio(x)) == pytest.approx(expected, rel=2e-3, abs=1e-7)


@pytest.mark.parametrize("nu", [0.0, 0.5, 2.0, 7.0, 20.0])
def test_mean_is_that_of_the_rice_distribution(nu: float) -> None:
    assert rice.rice_mean(np.array([nu]))[0] == pytest.approx(stats.rice.mean(nu), rel=1e-8)


@pytest.mark.parametrize("nu", [0.3, 1.0, 3.0, 8.0])
def test_information_is_the_variance_of_the_score(nu: float) -> None:
    rng = np.random.default_rng(11)
    n = 400_000
    m = np.hypot(nu + rng.normal(size=n), rng.normal(size=n))
    h = 1e-4
    score = (stats.rice.logpdf(m, nu + h) - stats.rice.logpdf(m, nu - h)) / (2.0 * h)
    assert rice.rice_information(np.array([nu]))[0] == pytest.approx(score.var(), rel=0.012)


def test_information_joins_its_expansion_smoothly() -> None:
    below, above = rice.rice_information(np.array([19.999, 20.001]))
    assert above - below == pytest.approx(0.0, abs=1e-4)
    assert rice.rice_information(np.array([0.0]))[0] == pytest.approx(0.0, abs=1e-12)
