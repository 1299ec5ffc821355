from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from spallmap.relaxometry.bessel import bessel_table, log_bessel_and_ratio


def found(x: np.ndarray, n_coils: int) -> np.ndarray:
    table = bessel_table(n_coils)
    rows = np.array([log_bessel_and_ratio(value, table) for value in x])
    beyond = x >= table.end
    rows[beyond, 0] -= table.power * np.log(x[beyond])
    return rows


def where_scipy_is_exact(n_coils: int) -> np.ndarray:
    # scipy's scaled functions underflow for a high order and a small argument
    lowest = 1e-6 if n_coils == 1 else 0.05 * n_coils
    end = bessel_table(n_coils).end
    return np.concatenate([np.linspace(lowest, 1.2 * end, 2001), np.geomspace(end, 1e8, 100)])


@pytest.mark.parametrize("n_coils", [1, 2, 5, 16, 32])
def test_log_bessel_agrees_with_scipy(n_coils: int) -> None:
    x = where_scipy_is_exact(n_coils)
    order = n_coils - 1
    expected = np.log(special.ive(order, x)) - order * np.log(x / 2.0) + special.gammaln(n_coils)
    np.testing.assert_allclose(found(x, n_coils)[:, 0], expected, atol=2e-7)


@pytest.mark.parametrize("n_coils", [1, 2, 5, 16, 32])
def test_ratio_agrees_with_scipy(n_coils: int) -> None:
    x = where_scipy_is_exact(n_coils)
    expected = special.ive(n_coils, x) / special.ive(n_coils - 1, x)
    np.testing.assert_allclose(found(x, n_coils)[:, 1], expected, atol=1e-8)


@pytest.mark.parametrize("n_coils", [1, 4, 32])
def test_small_arguments_follow_the_power_series(n_coils: int) -> None:
    x = np.array([0.0, 1e-6, 1e-3])
    rows = found(x, n_coils)
    np.testing.assert_allclose(rows[:, 0], x**2 / (4.0 * n_coils) - x, atol=1e-9)
    np.testing.assert_allclose(rows[:, 1], x / (2.0 * n_coils), atol=1e-9)
    np.testing.assert_allclose(rows[:, 2], 0.5 / n_coils, atol=1e-5)


@pytest.mark.parametrize("n_coils", [1, 3, 16])
def test_slope_is_the_derivative_of_the_ratio(n_coils: int) -> None:
    end = bessel_table(n_coils).end
    x = np.concatenate([np.linspace(0.5, 1.5 * end, 50), [end * 0.9999, end * 1.0001]])
    h = 1e-3
    ratio = special.ive(n_coils, [x - h, x + h]) / special.ive(n_coils - 1, [x - h, x + h])
    np.testing.assert_allclose(found(x, n_coils)[:, 2], (ratio[1] - ratio[0]) / (2.0 * h), atol=1e-6)
