from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.sections import net_counts


def test_window_counts_are_kept_where_no_background_is_known() -> None:
    window = np.array([[[0, 4], [9, 16]]], dtype=np.uint16)
    net, sd = net_counts(window)
    np.testing.assert_array_equal(net, window)
    np.testing.assert_allclose(sd[0], [[1.0, 2.0], [3.0, 4.0]])


@pytest.mark.parametrize(("seed", "mean"), [(1, 4.0), (2, 9.0), (3, 25.0)])
def test_standard_deviation_is_the_spread_of_repeated_counts(seed: int, mean: float) -> None:
    counts = np.random.default_rng(seed).poisson(mean, (1, 300, 300))
    net, sd = net_counts(counts, background=np.full((1, 300, 300), 2.0))
    assert net.mean() == pytest.approx(mean - 2.0, abs=4 * np.sqrt(mean / 90000))
    assert np.sqrt(np.mean(sd**2)) == pytest.approx(net.std(), rel=0.02)


def test_net_counts_stay_negative_where_the_background_is_larger() -> None:
    net, sd = net_counts(np.zeros((1, 2, 2)), background=1.5)
    np.testing.assert_allclose(net, -1.5)
    np.testing.assert_allclose(sd, 1.0)


@pytest.mark.parametrize("bad", [np.full((1, 2, 2), -1.0), np.full((1, 2, 2), np.nan), np.zeros((2, 2))])
def test_unusable_counts_are_named(bad: np.ndarray) -> None:
    with pytest.raises(InputError, match="element maps"):
        net_counts(bad)


def test_a_negative_background_is_named() -> None:
    with pytest.raises(InputError, match="background"):
        net_counts(np.ones((1, 2, 2)), background=-1.0)
