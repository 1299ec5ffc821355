from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers.checks.sample_values import check_decay, check_not_blank, in_single_precision

TE_MS = (2.0, 6.5, 11.0)


def series() -> np.ndarray:
    return np.random.default_rng(0).normal(100.0, 10.0, (3, 4, 5)).astype(np.float32)


@pytest.mark.parametrize("value", [0.0, 17.5, np.nan, np.inf])
def test_an_image_that_shows_nothing_is_refused(value):
    found = f"all samples {value:g}" if np.isfinite(value) else "no sample that is a number"
    with pytest.raises(InputError, match=f"{found} in every echo"):
        check_not_blank("a.nii", np.full((3, 4, 5), value), TE_MS)
    echoes = series()
    echoes[1] = value
    with pytest.raises(InputError, match=rf"{found} in echo 2 \(6.5 ms\)") as caught:
        check_not_blank("a.nii", echoes, TE_MS)
    assert caught.value.source_label == "a.nii"


def test_zero_beside_no_number_shows_nothing_either():
    echoes = series()
    echoes[2] = 0.0
    echoes[2, 0] = np.nan
    with pytest.raises(InputError, match=r"all samples 0 in echo 3 \(11 ms\)"):
        check_not_blank("a.nii", echoes, TE_MS)


def test_single_samples_that_are_no_number_are_left_to_the_status():
    echoes = series()
    echoes[:, 0, 0], echoes[1, 1, 1] = np.nan, np.inf
    check_not_blank("a.nii", echoes, TE_MS)
    check_not_blank("a.nii", echoes + 1j, TE_MS)
    check_not_blank("one pixel", np.ones((3, 1, 1)), TE_MS)


def test_an_echo_that_was_cut_off_as_a_whole_is_not_blank():
    echoes, clipped = series(), np.zeros((3, 4, 5), bool)
    echoes[0], clipped[0] = 4095.0, True
    check_not_blank("a.nii", echoes, TE_MS, clipped)
    with pytest.raises(InputError, match="all samples 4095 in every echo"):
        check_not_blank("a.nii", np.full((3, 4, 5), 4095.0), TE_MS, np.ones((3, 4, 5), bool))


@pytest.mark.parametrize("scale", [1e300, 1e38, 1e-300, 1e-40])
@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
def test_samples_beyond_single_precision_are_refused(scale, dtype):
    with pytest.raises(InputError, match="samples up to"):
        in_single_precision("a.nii", np.array([0.0, 1.0, 2.0], dtype) * scale)


def test_samples_within_single_precision_are_converted():
    given = np.array([0.0, np.nan, np.inf, 3e30, 1e-30])
    np.testing.assert_array_equal(in_single_precision("a", given), given.astype(np.float32))
    assert in_single_precision("a", given + 1j).dtype == np.complex64
    assert in_single_precision("a", np.array([1, 2], ">i2")).dtype == np.float32
    assert in_single_precision("a", np.zeros((0,))).size == 0


def test_a_signal_that_grows_with_the_echo_time_is_reported():
    rng = np.random.default_rng(1)
    te_ms = np.array([2.0, 6.5, 11.0, 15.5, 20.0])
    for _ in range(200):
        t2_ms, snr = 10 ** rng.uniform(0.5, 3), 10 ** rng.uniform(0.5, 2)
        echoes = np.exp(-te_ms / t2_ms)[:, None] + rng.normal(0.0, 1.0 / snr, (5, 500))
        echoes[0] *= rng.choice([1.0, 0.8])  # the first echo of a train, without its stimulated ones
        echoes[:, :3] = np.nan
        times = rng.permutation(te_ms) if rng.integers(2) else te_ms
        order = np.argsort(times)
        assert check_decay("a", echoes[np.argsort(np.argsort(times))], times) is None
        assert check_decay("a", echoes[order][:2], te_ms[:2]) is None
    warning = check_decay("a.nii", np.exp(-te_ms[::-1] / 9.0)[:, None] * np.ones(9) * (1 + 1j), te_ms)
    assert warning is not None
    assert "at 6.5 ms to 1.13 at 20 ms" in warning.found
