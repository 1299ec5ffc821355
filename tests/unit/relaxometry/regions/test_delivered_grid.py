"""What is found on every so many pixels comes back to all of them without a shift."""

from __future__ import annotations

import numpy as np

from spallmap.relaxometry import long_t2_regions
from spallmap.relaxometry.regions.delivered_grid import DeliveredGrid
from spallmap.sampling import FROM_NOISE, AcquiredSampling

TE_MS = np.array([2.0, 6.0, 10.0, 14.0, 18.0])


def test_regions_keep_their_middle_and_hold_what_was_taken() -> None:
    grid = DeliveredGrid((24, 20), (2, 2))
    region = np.zeros((12, 10), dtype=bool)
    region[4:7, 3:8] = True
    shown = grid.delivered_region(region, np.where(region, 2.0, -2.0))
    assert np.all(grid.acquired(shown) == region)
    assert np.abs(np.argwhere(shown).mean(axis=0) - 2.0 * np.argwhere(region).mean(axis=0)).max() < 1e-9
    assert grid.acquired(shown).base is shown


def test_where_each_pixel_is_a_sample_nothing_changes() -> None:
    grid = DeliveredGrid((4, 4), (1, 1))
    region = np.eye(4, dtype=bool)
    assert grid.delivered_region(region, np.ones((4, 4))) is region


def test_a_region_of_an_image_filled_with_zeros_is_that_of_its_samples() -> None:
    rng = np.random.default_rng(6)
    signal = np.zeros((5, 32, 24), dtype=complex)
    signal[:, 8:12, 4:20] = 30.0 * np.exp(-TE_MS / 7.0)[:, None, None]
    signal[:, 12:16, 9:14] = 12.0 * np.exp(-TE_MS / 17.0)[:, None, None]
    noise = rng.normal(size=(2, *signal.shape))
    image = signal + noise[0] + 1j * noise[1]
    k_space = np.fft.fftshift(np.fft.fft2(image), axes=(1, 2))
    padded = np.pad(k_space, ((0, 0), (16, 16), (12, 12)))
    filled = np.abs(np.fft.ifft2(np.fft.ifftshift(padded, axes=(1, 2)))) * 4.0
    plain = long_t2_regions(np.abs(image), TE_MS.tolist(), 1.0, spacing_um=(46.0, 46.0), threads=1)
    twice = AcquiredSampling.filled((2.0, 2.0), FROM_NOISE)
    found = long_t2_regions(filled, TE_MS.tolist(), 1.0, spacing_um=(23.0, 23.0), sampling=twice, threads=1)
    same = ["t2_ms", "t2_se_ms", "snr", "centroid_x_um", "centroid_y_um"]
    np.testing.assert_allclose(found.table[same], plain.table[same], rtol=1e-6)
    np.testing.assert_array_equal(found.labels[::2, ::2], plain.labels)
    areas = found.table["area_um2"].to_numpy() / plain.table["area_um2"].to_numpy()
    assert np.all((areas > 0.6) & (areas < 1.4))
