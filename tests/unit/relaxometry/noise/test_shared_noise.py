"""How finely an image was acquired is found from its noise, whatever was done to its k-space."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from spallmap.relaxometry.noise.shared_noise import found_sampling, sampling_of_noise, sampling_warnings
from spallmap.sampling import FROM_BOTH, FROM_NOISE, FROM_PARAMETERS, UNKNOWN, AcquiredSampling


def drawn(
    seed: int,
    acquired: tuple[int, int],
    delivered: tuple[int, int],
    weights: NDArray[np.float64] | float = 1.0,
) -> NDArray[np.float64]:
    """Magnitudes of five echoes of a square of metal, and their noise, of sigma 1."""
    rng = np.random.default_rng(seed)
    image = np.zeros((5, *acquired), dtype=complex)
    decay = np.exp(-np.arange(5) * 4.0 / 7.0)[:, None, None]
    image[:, acquired[0] // 3 : acquired[0] // 2, acquired[1] // 3 : 2 * acquired[1] // 3] = 30.0 * decay
    noise = rng.normal(size=(2, *image.shape))
    k_space = np.fft.fftshift(np.fft.fft2(image + noise[0] + 1j * noise[1]), axes=(1, 2)) * weights
    padded = np.zeros((5, *delivered), dtype=complex)
    rows, columns = (
        slice(n // 2 - m // 2, n // 2 - m // 2 + m) for n, m in zip(delivered, acquired, strict=True)
    )
    padded[:, rows, columns] = k_space
    filled = np.fft.ifft2(np.fft.ifftshift(padded, axes=(1, 2)))
    return np.abs(filled) * np.prod(delivered) / np.prod(acquired)


@pytest.mark.parametrize(
    ("delivered", "factor"),
    [((64, 48), (1.0, 1.0)), ((96, 72), (1.5, 1.5)), ((128, 96), (2.0, 2.0)), ((64, 192), (1.0, 4.0))],
)
def test_the_factor_of_zero_filling_is_found(delivered: tuple[int, int], factor: tuple[float, float]) -> None:
    for seed in range(4):
        found = found_sampling(drawn(seed, (64, 48), delivered))
        assert found.factor == pytest.approx(factor, rel=0.05)
        assert found.source == FROM_NOISE
        assert not found.is_filtered


def test_hammings_window_is_no_zero_filling() -> None:
    windows = [0.54 + 0.46 * np.cos(2.0 * np.pi * (np.arange(n) - n // 2) / n) for n in (64, 48)]
    found = found_sampling(drawn(3, (64, 48), (64, 48), windows[0][:, None] * windows[1]))
    assert found.factor == (1.0, 1.0)
    assert all(0.02 < edge < 0.3 for edge in found.edge)
    assert 2.5 < found.n_alike < 5.0


def test_phase_steps_that_were_left_out_count() -> None:
    left = np.ones((64, 1))
    left[:20] = 0.0
    found = found_sampling(drawn(4, (64, 48), (64, 48), left))
    assert 1.2 < found.pixels_per_sample[0] < 1.8
    assert found.pixels_per_sample[1] == 1.0


def test_parameters_are_believed_where_the_noise_agrees_or_is_missing() -> None:
    twice = AcquiredSampling.filled((2.0, 2.0), FROM_PARAMETERS)
    assert found_sampling(drawn(1, (64, 48), (128, 96)), 1, twice).source == FROM_BOTH
    # they say twice, and the noise is that of every pixel
    assert found_sampling(drawn(1, (64, 48), (64, 48)), 1, twice).is_plain
    tissue = 50.0 + np.arange(5 * 64 * 48).reshape(5, 64, 48) % 7
    assert found_sampling(tissue, 1, twice) == twice
    assert found_sampling(tissue).source == UNKNOWN


def test_what_is_not_noise_says_nothing() -> None:
    rng = np.random.default_rng(2)
    smooth = np.cumsum(np.cumsum(rng.normal(size=(5, 64, 48)), axis=1), axis=2)
    assert sampling_of_noise(np.abs(smooth), np.ones((64, 48), dtype=bool)) is None
    assert sampling_of_noise(rng.rayleigh(size=(5, 64, 48)), np.zeros((64, 48), dtype=bool)) is None


def test_slices_are_samples_of_their_own() -> None:
    flat = np.stack([drawn(seed, (64, 48), (128, 96)) for seed in range(3)], axis=1)
    assert found_sampling(flat).factor == pytest.approx((1.0, 2.0, 2.0), rel=0.05)


def test_it_is_said_in_words() -> None:
    assert sampling_warnings(AcquiredSampling.plain(2), (64, 48)) == ()
    filtered = AcquiredSampling((1.0, 1.0), (0.08, 0.08), (1.8, 1.8), FROM_NOISE)
    twice = AcquiredSampling.filled((2.0, 2.0), FROM_NOISE)
    said = sampling_warnings(twice, (64, 48), AcquiredSampling.plain(2, FROM_PARAMETERS))[0].found
    assert "64 x 48 pixels of 32 x 24 samples" in said
    assert "the parameters say 64 x 48 samples" in said
    assert "partial Fourier" not in said
    for factor, axis in (((1.25, 1.0), "rows"), ((2.0, 2.4), "columns")):
        uneven = sampling_warnings(AcquiredSampling.filled(factor, FROM_NOISE), (64, 48))[0].found
        assert f"more across the {axis}: or phase steps were not acquired (partial Fourier)" in uneven
    assert "k-space weighted" in sampling_warnings(filtered, (64, 48))[0].found
