"""A noise level that was given is held to the samples where no residuals speak."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.relaxometry import analyse_series
from tests.unit.relaxometry.decay_phantom import magnitudes


def warnings_of(te_ms: tuple[float, ...], sigma: float, blanked: float = 1.0) -> str:
    rng = np.random.default_rng(71)
    signal = np.zeros((len(te_ms), 32, 28))
    signal[:, 3:-3, 8:] = 30.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    data = magnitudes(signal, 1.0, rng)
    data[:, signal[0] == 0.0] *= blanked
    found = analyse_series(data, te_ms, spacing_um=(23.0, 46.0), rng=rng, sigma=sigma, threads=1)
    return " ".join(map(str, found.warnings))


@pytest.mark.parametrize("sigma", [10.0, 1e30])
def test_a_level_above_all_signal_is_said(sigma: float) -> None:
    assert f"the given noise level {sigma:.4g} leaves them: it looks too large" in warnings_of(
        (2.0, 6.0, 10.0, 14.0, 18.0), sigma
    )


@pytest.mark.parametrize("te_ms", [(2.0, 10.0), (2.0, 8.0, 16.0), (2.0, 6.0, 10.0, 14.0, 18.0)])
def test_a_level_three_times_too_large_is_said_once(te_ms: tuple[float, ...]) -> None:
    assert warnings_of(te_ms, 3.0).count("looks too large") == 1


@pytest.mark.parametrize("blanked", [1.0, 0.1])
def test_the_right_level_is_not_doubted_whatever_the_background_is(blanked: float) -> None:
    assert warnings_of((2.0, 6.0, 10.0, 14.0, 18.0), 1.0, blanked) == ""


def test_a_level_too_small_is_named_beside_the_model() -> None:
    assert "or the noise level 0.3333 is too small" in warnings_of((2.0, 6.0, 10.0, 14.0, 18.0), 1.0 / 3.0)
