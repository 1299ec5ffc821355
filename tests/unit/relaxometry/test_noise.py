from __future__ import annotations

import numpy as np
import pytest
from decay_phantom import TE_MS, magnitudes

from spallmap.errors import InputError
from spallmap.relaxometry.noise import RAYLEIGH_RATIO, estimate_noise


def series(share: float, sigma: float, seed: int, n_echoes: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = np.zeros((n_echoes, 64, 48))
    rows = round(64 * share)
    brightness = rng.uniform(3.0, 40.0, size=(rows, 48))
    te = np.resize(TE_MS, n_echoes)
    signal[:, :rows] = sigma * brightness * np.exp(-te[:, None, None] / 7.0)
    return magnitudes(signal, sigma, rng)


@pytest.mark.parametrize(
    ("share", "n_echoes"), [(s, n) for s in (0.0, 0.1, 0.3, 0.5) for n in (2, 5, 12)] + [(0.0, 1), (0.2, 1)]
)
def test_sigma_is_found_whatever_part_the_specimen_fills(share: float, n_echoes: int) -> None:
    errors = []
    for seed in range(5):
        found = estimate_noise(series(share, 2.7, seed, n_echoes))
        errors.append(found.sigma / 2.7 - 1.0)
    # one echo tells weak signal from noise less well than several do
    assert abs(np.mean(errors)) < (0.06 if n_echoes == 1 else 0.02)


def test_standard_error_covers_the_scatter() -> None:
    found = [estimate_noise(series(0.0, 1.0, seed)) for seed in range(60)]
    scatter = np.std([f.sigma for f in found])
    assert 0.6 < scatter / np.mean([f.sigma_se for f in found]) < 1.3


def test_pure_noise_is_said_to_be_rayleigh() -> None:
    found = [estimate_noise(series(0.3, 1.0, seed)) for seed in range(20)]
    assert np.mean([f.rayleigh_ratio for f in found]) == pytest.approx(RAYLEIGH_RATIO, abs=0.003)
    assert all(f.is_rayleigh and f.echoes_agree and not f.warnings for f in found)


def test_two_combined_coils_are_not_rayleigh() -> None:
    rng = np.random.default_rng(3)
    combined = np.sqrt(np.sum(rng.normal(size=(4, 5, 64, 48)) ** 2, axis=0))
    found = estimate_noise(combined)
    assert not found.is_rayleigh
    assert found.rayleigh_ratio == pytest.approx(0.94, abs=0.01)
    assert "not Rayleigh" in found.warnings[0]


def test_a_ghost_in_one_echo_is_seen_and_does_not_move_sigma() -> None:
    rng = np.random.default_rng(4)
    signal = np.zeros((5, 64, 48))
    signal[0] = 0.8
    found = estimate_noise(magnitudes(signal, 1.0, rng))
    assert not found.echoes_agree
    assert found.sigma == pytest.approx(1.0, abs=0.02)


def test_scale_of_the_data_is_scale_of_sigma() -> None:
    data = series(0.2, 1.0, 5)
    assert estimate_noise(1e-4 * data).sigma == pytest.approx(1e-4 * estimate_noise(data).sigma, rel=1e-9)


def test_blanked_and_broken_pixels_are_left_out() -> None:
    data = series(0.2, 1.0, 6)
    expected = estimate_noise(data[:, :, :40]).sigma
    data[:, :, 40:44] = 0.0
    data[2, :, 44:46] = np.nan
    data[1, :, 46:] = -1.0
    assert estimate_noise(data).sigma == pytest.approx(expected, rel=1e-9)


def test_complex_data_give_the_same_level() -> None:
    rng = np.random.default_rng(7)
    data = rng.normal(size=(5, 40, 40)) + 1j * rng.normal(size=(5, 40, 40))
    assert estimate_noise(data).sigma == estimate_noise(np.abs(data)).sigma


@pytest.mark.parametrize(
    "data", [np.zeros((5, 30, 30)), np.full((5, 30, 30), np.nan), np.ones((5, 2, 2)), np.ones(7)]
)
def test_no_background_is_an_error(data: np.ndarray) -> None:
    with pytest.raises(InputError):
        estimate_noise(data)
