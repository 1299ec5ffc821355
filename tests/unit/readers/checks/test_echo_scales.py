from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers.checks.echo_scales import check_distinct, check_one_scale, negative_magnitudes

TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)


def decay(t2_ms: float = 9.0, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = 600 * np.exp(-np.array(TE_MS) / t2_ms)[:, None, None] * np.ones((24, 24))
    return np.hypot(signal + rng.normal(0, 12, signal.shape), rng.normal(0, 12, signal.shape))


@pytest.mark.parametrize("t2_ms", [3.0, 9.0, 80.0, 3000.0])
def test_a_decay_is_one_series(t2_ms):
    for echoes in (decay(t2_ms), np.rint(decay(t2_ms)), np.rint(60 * decay(t2_ms))):
        check_distinct("a", echoes, TE_MS)
        check_one_scale("a", echoes, TE_MS)
        assert negative_magnitudes("a", echoes) is None


def test_a_copy_is_refused_by_both_names():
    echoes = decay()
    echoes[4] = echoes[1]
    with pytest.raises(InputError, match=r"echo 2 \(6\.5 ms\) and echo 5 \(20 ms\)"):
        check_distinct("a", echoes, TE_MS)


def test_one_image_alone_is_said():
    echoes = np.repeat(decay()[:1], 5, axis=0)
    warning = check_distinct("a", echoes, TE_MS)
    assert warning is not None
    assert "every echo" in warning.found


def test_empty_echoes_are_no_copies():
    check_distinct("a", np.stack([decay()[0], np.zeros((24, 24)), np.zeros((24, 24))]), TE_MS[:3])


@pytest.mark.parametrize("top", [1.0, 255, 4095, 65535])
def test_echoes_of_their_own_range_are_refused(top):
    echoes = decay() / decay().max(axis=(1, 2), keepdims=True) * top
    with pytest.raises(InputError, match="largest sample of every echo"):
        check_one_scale("a", echoes if top == 1.0 else np.rint(echoes), TE_MS)


def test_clipped_echoes_share_their_largest_sample_for_another_reason():
    echoes = np.minimum(decay(3000.0), 500)
    check_one_scale("a", echoes, TE_MS, echoes == 500)


def test_values_below_zero_are_said():
    assert negative_magnitudes("a", decay() - 20) is None
    warning = negative_magnitudes("a", decay() - 100)
    assert warning is not None
    assert "magnitudes from -" in warning.found
