from __future__ import annotations

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.relaxometry.noise import estimate_noise, trusted_sigma
from spallmap.relaxometry.noise.background import background_ratio
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes


def series(fraction: float, sigma: float, seed: int, n_echoes: int = 5) -> np.ndarray:
    rng = np.random.default_rng(seed)
    signal = np.zeros((n_echoes, 64, 48))
    rows = round(64 * fraction)
    brightness = rng.uniform(3.0, 40.0, size=(rows, 48))
    te = np.resize(TE_MS, n_echoes)
    signal[:, :rows] = sigma * brightness * np.exp(-te[:, None, None] / 7.0)
    return magnitudes(signal, sigma, rng)


@pytest.mark.parametrize(
    ("fraction", "n_echoes"),
    [(s, n) for s in (0.0, 0.1, 0.3, 0.5) for n in (2, 5, 12)] + [(0.0, 1), (0.2, 1)],
)
def test_sigma_is_found_whatever_fraction_the_specimen_fills(fraction: float, n_echoes: int) -> None:
    errors = []
    for seed in range(5):
        found = estimate_noise(series(fraction, 2.7, seed, n_echoes))
        errors.append(found.sigma / 2.7 - 1.0)
    # one echo distinguishes weak signal from noise less well than several do
    assert abs(np.mean(errors)) < (0.06 if n_echoes == 1 else 0.02)


def test_standard_error_covers_the_scatter() -> None:
    found = [estimate_noise(series(0.0, 1.0, seed)) for seed in range(60)]
    scatter = np.std([f.sigma for f in found])
    assert 0.6 < scatter / np.mean([f.sigma_se for f in found]) < 1.3


def test_standard_error_covers_the_scatter_of_several_coils() -> None:
    rng = np.random.default_rng(14)
    found = [
        estimate_noise(np.sqrt(np.sum(rng.normal(size=(16, 5, 32, 32)) ** 2, axis=0)), n_coils=8)
        for _ in range(60)
    ]
    assert 0.6 < np.std([f.sigma for f in found]) / np.mean([f.sigma_se for f in found]) < 1.3


def test_standard_error_covers_the_scatter_of_complex_data() -> None:
    found = [
        estimate_noise(even_specimen(np.random.default_rng(seed), 0.2), te_ms=TE_MS) for seed in range(60)
    ]
    assert all(f.method.startswith("imaginary") for f in found)
    assert 0.6 < np.std([f.sigma for f in found]) / np.mean([f.sigma_se for f in found]) < 1.4


def test_pure_noise_is_said_to_be_rayleigh() -> None:
    found = [estimate_noise(series(0.3, 1.0, seed)) for seed in range(20)]
    assert np.mean([f.rayleigh_ratio for f in found]) == pytest.approx(background_ratio(1), abs=0.003)
    assert all(f.is_rayleigh and f.echoes_agree and not f.warnings for f in found)


def test_two_combined_coils_are_not_rayleigh() -> None:
    rng = np.random.default_rng(3)
    combined = np.sqrt(np.sum(rng.normal(size=(4, 5, 64, 48)) ** 2, axis=0))
    found = estimate_noise(combined)
    assert not found.is_rayleigh
    assert found.rayleigh_ratio == pytest.approx(0.94, abs=0.01)
    assert "not Rayleigh" in found.warnings[0]
    with pytest.raises(InputError, match=r"n_coils"):
        trusted_sigma(found)
    right = estimate_noise(combined, n_coils=2)
    assert trusted_sigma(right) == right.sigma == pytest.approx(1.0, abs=0.02)


def test_a_specimen_without_any_background_is_not_taken_for_noise() -> None:
    rng = np.random.default_rng(13)
    signal = rng.uniform(20.0, 60.0, (1, 40, 40)) * np.exp(-np.array(TE_MS) / 30.0)[:, None, None]
    with pytest.raises(InputError, match=r"t2\.sigma"):
        trusted_sigma(estimate_noise(magnitudes(signal, 1.0, rng)))


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


def even_specimen(rng: np.random.Generator, fraction: float) -> np.ndarray:
    """Complex echoes of a specimen of one brightness and random phases, sigma 1."""
    signal = np.zeros((5, 60, 60))
    signal[:, : round(60 * fraction)] = 20.0 * np.exp(-np.array(TE_MS) / 7.0)[:, None, None]
    phase = np.exp(2j * np.pi * rng.random((60, 60)))
    return signal * phase + rng.normal(size=signal.shape) + 1j * rng.normal(size=signal.shape)


@pytest.mark.parametrize("fraction", [0.4, 0.6, 0.8])
def test_an_even_specimen_larger_than_the_background_is_not_taken_for_it(fraction: float) -> None:
    for seed in range(5):
        found = estimate_noise(np.abs(even_specimen(np.random.default_rng(seed), fraction)))
        assert found.is_rayleigh
        assert found.sigma == pytest.approx(1.0, abs=0.04)


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_complex_data_give_the_level_without_any_background(fraction: float) -> None:
    levels = [
        estimate_noise(even_specimen(np.random.default_rng(seed), fraction), te_ms=TE_MS)
        for seed in range(10)
    ]
    assert all(found.method.startswith("imaginary channel") for found in levels)
    assert np.mean([found.sigma for found in levels]) == pytest.approx(1.0, abs=0.01)
    assert np.mean([found.sigma_per_echo for found in levels], axis=0) == pytest.approx(np.ones(5), abs=0.04)
    shuffled = [3, 1, 4, 0, 2]
    data = even_specimen(np.random.default_rng(0), fraction)
    other = estimate_noise(data[shuffled], te_ms=np.array(TE_MS)[shuffled])
    assert other.sigma == pytest.approx(levels[0].sigma, rel=1e-9)


def test_a_phase_that_drifts_from_echo_to_echo_is_reported() -> None:
    data = even_specimen(np.random.default_rng(1), 0.5) * np.exp(0.2j * np.arange(5))[:, None, None]
    assert "phase is not the same" in estimate_noise(data, te_ms=TE_MS).warnings[0]


@pytest.mark.parametrize("n_coils", [2, 8])
def test_several_coils_have_one_level(n_coils: int) -> None:
    rng = np.random.default_rng(9)
    signal = np.zeros((5, 64, 48))
    signal[:, :20] = rng.uniform(10.0, 60.0, size=(20, 48))
    channels = 1.7 * rng.normal(size=(2 * n_coils, *signal.shape))
    channels[0] += signal
    found = estimate_noise(np.sqrt(np.sum(channels**2, axis=0)), n_coils)
    assert found.sigma == pytest.approx(1.7, rel=0.015)
    assert found.is_rayleigh
    assert not found.warnings


def test_filtered_corners_are_reported() -> None:
    rng = np.random.default_rng(10)
    data = series(0.3, 1.0, 10)
    data[:, 48:, :12] *= 0.8
    data[:, 48:, 36:] *= 0.8
    found = estimate_noise(data)
    assert not found.is_even
    assert found.unevenness > 0.1
    assert any("over the image" in warning for warning in found.warnings)
    plain = [estimate_noise(series(0.3, 1.0, int(seed))) for seed in rng.integers(1000, size=30)]
    assert sum(not f.is_even for f in plain) == 0


def test_an_image_filled_with_zeros_is_reported() -> None:
    rng = np.random.default_rng(11)
    k_space = np.zeros((5, 64, 64), dtype=complex)
    k_space[:, 16:48, 16:48] = rng.normal(size=(5, 32, 32)) + 1j * rng.normal(size=(5, 32, 32))
    found = estimate_noise(np.abs(np.fft.ifft2(np.fft.ifftshift(k_space, axes=(1, 2)))))
    assert not found.is_independent
    assert found.correlation > 0.3
    assert any("neighbouring" in warning for warning in found.warnings)


def test_every_so_many_rows_of_a_large_image_give_its_level() -> None:
    rng = np.random.default_rng(12)
    data = np.hypot(*rng.normal(size=(2, 2, 1500, 1500)).astype(np.float32))
    found = estimate_noise(data)
    assert found.n_pixels < 1_300_000
    assert found.sigma == pytest.approx(1.0, abs=0.005)


@pytest.mark.parametrize(
    "data", [np.zeros((5, 30, 30)), np.full((5, 30, 30), np.nan), np.ones((5, 2, 2)), np.ones(7)]
)
def test_no_background_is_an_error(data: np.ndarray) -> None:
    with pytest.raises(InputError):
        estimate_noise(data)
