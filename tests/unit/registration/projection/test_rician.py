from __future__ import annotations

import numpy as np
import pytest

from spallmap.registration.projection.rician import rician_moments


@pytest.mark.parametrize("n_coils", [1, 4])
@pytest.mark.parametrize("ratio", [0.0, 0.7, 3.0, 29.0, 61.0, 500.0])
def test_rician_moments_agree_with_draws(ratio: float, n_coils: int) -> None:
    sigma = 2.0
    noise = np.random.default_rng(1).normal(scale=sigma, size=(2 * n_coils, 200_000))
    noise[0] += ratio * sigma
    draws = np.sqrt((noise**2).sum(axis=0))
    moments = rician_moments(np.array([ratio * sigma]), sigma, n_coils)
    assert moments.mean[0] == pytest.approx(draws.mean(), abs=5.0 * sigma / np.sqrt(draws.size))
    assert moments.sd[0] == pytest.approx(draws.std(), rel=0.01)


@pytest.mark.parametrize(("n_coils", "atol"), [(1, 1e-6), (4, 1e-4)])
def test_rician_slope_is_the_derivative_of_the_mean(n_coils: int, atol: float) -> None:
    amplitude = np.linspace(0.01, 200.0, 60)
    h = 1e-4
    up, down = (rician_moments(amplitude + d, 2.0, n_coils).mean for d in (h, -h))
    slope = rician_moments(amplitude, 2.0, n_coils).slope
    np.testing.assert_allclose(slope, (up - down) / (2.0 * h), atol=atol)
