"""Stripes, lines and a spot are found; metal, whatever its shape, is none of them."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.relaxometry.series.spoiled import Spoiled, spoiled_pixels, striped_echoes

TE_MS = np.array([2.0, 6.0, 10.0, 14.0, 18.0])


def cell(seed: int, extra: np.ndarray | complex = 0.0, shape: tuple[int, int] = (64, 48)) -> np.ndarray:
    """Two bars that cross most of the image, with noise of sigma 1."""
    rng = np.random.default_rng(seed)
    signal = np.zeros((5, *shape), dtype=complex)
    for top in (shape[0] // 4, shape[0] // 2):
        signal[:, top : top + 3, 2:-2] = 40.0 * np.exp(-TE_MS / 7.0)[:, None, None]
    noise = rng.normal(size=(2, *signal.shape))
    return np.abs(signal + extra + noise[0] + 1j * noise[1])


def test_metal_and_noise_are_not_spoiled() -> None:
    for seed in range(6):
        data = cell(seed)
        assert striped_echoes(data) == ()
        assert not spoiled_pixels(data, 1.0, (1, 1)).pixels.any()


@pytest.mark.parametrize("echo", [0, 3])
def test_an_echo_under_stripes_is_found(echo: int) -> None:
    wave = np.exp(2j * np.pi * (np.arange(64)[:, None] * 0.21 + np.arange(48) * 0.34))
    extra = np.zeros((5, 64, 48), dtype=complex)
    extra[echo] = 1.5 * wave
    assert striped_echoes(cell(1, extra)) == (echo,)
    assert "stripes" in str(Spoiled((echo,), 0, 0, False, np.zeros((2, 2), bool)).warnings(TE_MS.tolist())[0])


def test_levels_that_fall_as_tissue_does_are_no_stripes() -> None:
    rng = np.random.default_rng(5)
    tissue = 6.0 * np.exp(-TE_MS / 9.0)[:, None, None] * np.ones((5, 64, 48))
    assert (
        striped_echoes(np.abs(tissue + rng.normal(size=tissue.shape) + 1j * rng.normal(size=tissue.shape)))
        == ()
    )


def test_a_line_from_edge_to_edge_is_left_out() -> None:
    rng = np.random.default_rng(8)
    extra = np.zeros((5, 64, 48), dtype=complex)
    extra[:, :, 24] = 4.0 * (rng.normal(size=(5, 64)) + 1j * rng.normal(size=(5, 64)))
    found = spoiled_pixels(cell(2, extra), 1.0, (1, 1))
    assert (found.n_rows, found.n_columns) == (0, 1)
    assert found.pixels[:, 24].all()
    # side lobes of metal leave their mark in the early echoes of the columns beside
    lobes = 1.2 * np.exp(-TE_MS / 7.0)[:, None, None] * np.ones((64, 48))
    assert spoiled_pixels(cell(2, extra + lobes), 1.0, (1, 1)).n_columns == 1
    assert found.pixels.sum() == 64
    assert "1 column far above the noise" in str(found.warnings(())[0])


def test_a_spot_that_does_not_decay_is_left_out_in_the_middle_alone() -> None:
    extra = np.zeros((5, 64, 48), dtype=complex)
    extra[:, 32, 24] = extra[:, 10, 10] = 15.0
    found = spoiled_pixels(cell(3, extra, (64, 48)), 1.0, (1, 1))
    # the lower bar covers it in part
    assert found.has_spot == bool(found.pixels.any())
    assert not found.pixels[10, 10]


def test_pixels_between_samples_go_with_them() -> None:
    extra = np.zeros((5, 128, 96), dtype=complex)
    extra[:, 64, 48] = 20.0
    noise = np.random.default_rng(1).normal(size=(2, 5, 128, 96))
    data = np.abs(noise[0] + 1j * noise[1] + extra)
    found = spoiled_pixels(data, 1.0, (2, 2))
    assert np.argwhere(found.pixels).tolist() == [[r, c] for r in (63, 64, 65) for c in (47, 48, 49)]


def test_samples_that_are_no_numbers_spoil_nothing() -> None:
    data = cell(4)
    data[:, 5], data[2, 30, 7] = np.nan, np.inf
    assert striped_echoes(data) == ()
    assert not spoiled_pixels(data, 1.0, (1, 1)).pixels.any()
