from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from spallmap.relaxometry import rice
from spallmap.relaxometry.likelihood import _moments


def information(nu: float, n_coils: int = 1) -> float:
    """Fisher information of one magnitude, as the fit reads it off the table and its expansion."""
    return _moments(nu, rice.moment_table(n_coils), n_coils)[2]


@pytest.mark.parametrize("nu", [0.0, 0.5, 2.0, 7.0, 20.0])
def test_mean_is_that_of_the_rice_distribution(nu: float) -> None:
    assert rice.magnitude_mean(np.array([nu]))[0] == pytest.approx(stats.rice.mean(nu), rel=1e-8)


@pytest.mark.parametrize("nu", [0.3, 1.0, 3.0, 8.0])
def test_information_is_the_variance_of_the_score(nu: float) -> None:
    rng = np.random.default_rng(11)
    n = 400_000
    m = np.hypot(nu + rng.normal(size=n), rng.normal(size=n))
    h = 1e-4
    score = (stats.rice.logpdf(m, nu + h) - stats.rice.logpdf(m, nu - h)) / (2.0 * h)
    assert information(nu) == pytest.approx(score.var(), rel=0.012)


def test_information_joins_its_expansion_smoothly() -> None:
    for n_coils in (1, 4):
        end = 20.0 * np.sqrt(n_coils)
        below, above = (information(nu, n_coils) for nu in (end - 1e-3, end + 1e-3))
        assert above - below == pytest.approx(0.0, abs=1e-4)
    assert information(0.0) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("n_coils", [1, 2, 8])
@pytest.mark.parametrize("nu", [0.0, 1.5, 6.0, 100.0])
def test_moments_of_several_coils_are_those_of_drawn_magnitudes(n_coils: int, nu: float) -> None:
    rng = np.random.default_rng(17)
    n = 200_000
    channels = rng.normal(size=(2 * n_coils, n))
    channels[0] += nu
    m = np.sqrt(np.sum(channels**2, axis=0))
    table = rice.moment_table(n_coils)
    grid = table.step * np.arange(len(table.rows))
    assert rice.magnitude_mean(nu, n_coils) == pytest.approx(m.mean(), abs=0.01)
    if nu < grid[-1]:
        assert np.interp(nu, grid, table.rows[:, rice.EXCESS]) == pytest.approx(m.mean() - nu, abs=0.01)
        assert np.interp(nu, grid, table.rows[:, rice.VARIANCE]) == pytest.approx(m.var(), rel=0.015)


def test_information_of_several_coils_is_the_variance_of_the_score() -> None:
    rng = np.random.default_rng(18)
    n_coils, nu, n = 4, 2.0, 400_000
    channels = rng.normal(size=(2 * n_coils, n))
    channels[0] += nu
    squares = np.sum(channels**2, axis=0)
    h = 1e-3
    # the squares follow a non-central chi-square distribution, which scipy knows on its own
    log_density = [stats.ncx2.logpdf(squares, 2 * n_coils, (nu + d) ** 2) for d in (-h, h)]
    score = (log_density[1] - log_density[0]) / (2.0 * h)
    assert information(nu, n_coils) == pytest.approx(score.var(), rel=0.015)
