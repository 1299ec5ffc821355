from __future__ import annotations

import numpy as np
import pytest

from spallmap.readers.checks.clipped_samples import clipped_samples

TE_MS = np.array([2.0, 6.5, 11.0, 15.5, 20.0])


def cell_echoes(rng: np.random.Generator, snr: float, shape: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Magnitudes of two electrodes with a few dendrites, brightest about 1."""
    rows, columns = np.indices(shape)
    amplitude, t2_ms = np.zeros(shape), np.full(shape, 7.0)
    thick = int(rng.integers(4, 12))
    amplitude[5 : 5 + thick, 6:-6], amplitude[-5 - thick : -5, 6:-6] = rng.uniform(0.7, 1.0, 2)
    for _ in range(int(rng.integers(0, 4))):
        row, column = rng.integers(12, shape[0] - 11), rng.integers(8, shape[1] - 8)
        dendrite = (rows - row) ** 2 + (columns - column) ** 2 < rng.uniform(1, 9)
        amplitude[dendrite], t2_ms[dendrite] = rng.uniform(0.3, 1.0), 16.0
    clean = amplitude * np.exp(-TE_MS[:, None, None] / t2_ms)
    return np.abs(clean + rng.normal(size=clean.shape) / snr + 1j * rng.normal(size=clean.shape) / snr)


def scaled(rng: np.random.Generator, echoes: np.ndarray, top: int) -> np.ndarray:
    """Store unclipped echoes: below the end, each to its own range or all to one, rounded in any way."""
    to_round = [np.rint, np.floor, np.ceil][rng.integers(3)]
    own_range = echoes.max(axis=(1, 2), keepdims=True) if rng.integers(2) else echoes.max()
    reach = rng.choice([1.0, rng.uniform(0.05, 0.98)])
    return to_round(echoes / own_range * top * reach)


@pytest.mark.parametrize(
    ("top", "dtype"), [(255, "uint8"), (4095, "uint16"), (32767, "int16"), (65535, "uint16"), (1, "float32")]
)
def test_unclipped_cells_give_no_false_alarm(top, dtype):
    rng = np.random.default_rng(top)
    alarms = 0
    for _ in range(100):
        shape = [(64, 48), (32, 24), (128, 96)][rng.integers(3)]
        echoes = cell_echoes(rng, 10 ** rng.uniform(0.5, 3), shape)
        stored = echoes if dtype == "float32" else scaled(rng, echoes, top)
        alarms += clipped_samples(stored.astype(dtype), source_label="a")[0] is not None
    assert alarms == 0


@pytest.mark.parametrize(
    ("top", "dtype", "least"),
    [
        (255, "uint8", 92),
        (4095, "uint16", 99),
        (32767, "int16", 99),
        (65535, "uint16", 99),
        (1, "float32", 99),
    ],
)
def test_clipped_cells_are_found_sample_by_sample(top, dtype, least):
    rng = np.random.default_rng(top + 1)
    found = 0
    for _ in range(100):
        echoes = cell_echoes(rng, 10 ** rng.uniform(0.8, 2.5))
        high = np.quantile(echoes[0], 0.995) / rng.uniform(1.02, 1.5)
        stored = np.minimum(echoes / high, 1.0) * top
        stored = stored * rng.uniform(0.1, 50.0) if dtype == "float32" else np.rint(stored)
        stored = stored.astype(dtype)
        mask, warning = clipped_samples(stored, source_label="a")
        if mask is not None:
            found += 1
            np.testing.assert_array_equal(mask, stored == stored.max())
            assert warning is not None
            assert "echo 1: " in warning.found
    assert found >= least


def test_slices_that_were_scaled_one_by_one_have_their_maxima_at_the_end_by_right():
    rng = np.random.default_rng(3)
    slices = np.stack([cell_echoes(rng, 40.0) for _ in range(12)], axis=1)
    stored = np.rint(slices / slices.max(axis=(2, 3), keepdims=True) * 32767).astype(np.int16)
    assert clipped_samples(stored, source_label="a") == (None, None)
    stored[0, 4] = np.minimum(np.rint(slices[0, 4] / np.quantile(slices[0, 4], 0.9) * 32767), 32767)
    mask, _ = clipped_samples(stored, source_label="a")
    assert mask is not None
    np.testing.assert_array_equal(mask, stored == 32767)


def test_bits_in_use_say_where_the_end_is():
    rng = np.random.default_rng(4)
    echoes = cell_echoes(rng, 40.0)
    few = np.rint(np.minimum(echoes / np.sort(echoes[0], axis=None)[-6], 1.0) * 2047).astype(np.uint16)
    assert np.count_nonzero(few == 2047) == 6
    assert clipped_samples(few, source_label="a") == (None, None)
    mask, warning = clipped_samples(few, bits_stored=11, source_label="a")
    assert mask is not None
    assert mask.sum() == 6
    assert warning is not None
    assert "cut off at 2047, an end of their range" in warning.found


def test_what_only_looks_like_clipping():
    rng = np.random.default_rng(5)
    flat = np.zeros((5, 32, 24))
    flat[:, 8:20, 4:20] = np.exp(-TE_MS / 7.0)[:, None, None]
    flat[:, 24:27, 4:20] = 0.5 * np.exp(-TE_MS / 16.0)[:, None, None]
    for stored in (
        (flat * 255 / flat.max()).astype(np.uint8),
        flat,
        np.minimum(rng.poisson(3.0, (5, 64, 48)), 9).astype(np.uint8),  # small integers
        np.pad(np.rint(1000 * cell_echoes(rng, 30.0)), ((0, 0), (20, 20), (20, 20))).astype(np.int16),
        np.full((5, 8, 8), 1234, np.int16),
        np.zeros((5, 8, 8), np.uint16),
        np.full((5, 8, 8), np.nan, np.float32),
    ):
        assert clipped_samples(stored, source_label="a") == (None, None)


def test_smooth_noise_free_hills_are_no_clipping():
    rng = np.random.default_rng(6)
    rows, columns = np.indices((64, 48))
    for _ in range(100):
        width, ridge = rng.uniform(4.0, 30.0), bool(rng.integers(2))
        distance = (rows - 32) ** 2 + (0.0 if ridge else 1.0) * (columns - 24) ** 2
        echoes = np.exp(-distance / width**2) * np.exp(-TE_MS / 9.0)[:, None, None]
        assert clipped_samples(scaled(rng, echoes, 255).astype(np.uint8), source_label="a")[0] is None


def test_both_ends_of_real_and_imaginary_parts():
    rng = np.random.default_rng(7)
    parts = rng.normal(0.0, 20_000.0, (3, 40, 40))
    stored = np.clip(np.rint(parts), -32768, 32767).astype(np.int16)
    mask, warning = clipped_samples(stored, source_label="a", both_ends=True)
    assert mask is not None
    np.testing.assert_array_equal(mask, (stored == -32768) | (stored == 32767))
    assert warning is not None
    assert "-32768, 32767, an end of their range" in warning.found
    waves = np.clip(parts, -3e4, 3e4) + 1j * np.clip(parts[::-1], -3e4, 3e4)
    mask, _ = clipped_samples(waves.astype(np.complex64), source_label="a")
    assert mask is not None
    np.testing.assert_array_equal(mask, (np.abs(waves.real) == 3e4) | (np.abs(waves.imag) == 3e4))


def test_zeros_below_a_magnitude_are_ordinary():
    rng = np.random.default_rng(8)
    stored = np.rint(1000 * cell_echoes(rng, 30.0)).astype(np.uint16)
    stored[:, :20] = 0
    assert clipped_samples(stored, source_label="a") == (None, None)


def test_samples_that_are_no_numbers_do_not_hide_the_ceiling():
    rng = np.random.default_rng(9)
    stored = np.minimum(cell_echoes(rng, 30.0), 0.5).astype(np.float32)
    stored[:, 0, 0], stored[:, 0, 1] = np.nan, np.inf
    mask, _ = clipped_samples(stored, source_label="a")
    assert mask is not None
    np.testing.assert_array_equal(mask, stored == 0.5)


def test_an_end_in_every_echo_is_an_end():
    rng = np.random.default_rng(10)
    stored = rng.integers(100, 200, (3, 20, 20)).astype(np.uint16)
    stored[:, 5:9, 5:9] = 4095
    mask, _ = clipped_samples(stored, source_label="a")
    assert mask is not None
    np.testing.assert_array_equal(mask, stored == 4095)
