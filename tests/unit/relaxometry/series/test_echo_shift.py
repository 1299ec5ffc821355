"""Echoes that lie displaced are found by the metal's edges and moved back; what decays unevenly is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.relaxometry.series.echo_shift import EchoShift, displaced, examine_shifts

TE_MS = np.array([2.0, 6.0, 10.0, 14.0, 18.0])
DRIFT = np.array([0.0, 0.1, 0.2, 0.3, 0.4])


def echoes(shift_px: np.ndarray, seed: int, *, scatter: float = 0.04, axis: int = 1) -> np.ndarray:
    """Two bars of metal whose T2 varies, each echo displaced along an axis, in noise of sigma 1."""
    rng = np.random.default_rng(seed)
    metal = np.zeros((48, 40))
    metal[8:18, 6:34] = metal[28:38, 6:34] = 35.0
    field = ndimage.gaussian_filter(rng.normal(size=metal.shape), 3.0)
    t2 = 7.0 * (1.0 + scatter * field / field.std())
    images = [
        displaced(ndimage.gaussian_filter(metal * np.exp(-te / t2), 0.5), np.eye(2)[axis] * shift)
        for te, shift in zip(TE_MS, shift_px, strict=True)
    ]
    noise = rng.normal(size=(2, 5, *metal.shape))
    return np.abs(np.array(images) + noise[0] + 1j * noise[1])


def test_a_drift_is_found_within_its_error_and_moved_back() -> None:
    for seed in range(3):
        data = echoes(DRIFT, seed)
        found = examine_shifts(data, TE_MS.tolist(), 1.0)
        assert found.is_moved_back
        off = (found.shift_px[1:, 1] - DRIFT[1:]) / found.error_px[1:, 1]
        assert np.abs(off).max() < 3.0
        assert not found.shift_px[:, 0].any()
        again = examine_shifts(found.without(data), TE_MS.tolist(), 1.0)
        assert np.abs(again.shift_px).max() < 0.1


def test_a_drift_along_the_rows_index_is_found_too() -> None:
    found = examine_shifts(echoes(DRIFT, 2, axis=0), TE_MS.tolist(), 1.0)
    assert found.shift_px[4, 0] == pytest.approx(0.4, abs=0.12)


def test_metal_whose_t2_varies_is_left_where_it_is() -> None:
    for seed in range(6):
        data = echoes(np.zeros(5), seed, scatter=0.08)
        found = examine_shifts(data, TE_MS.tolist(), 1.0)
        assert not found.is_moved_back
        assert found.without(data) is data
        assert found.warnings(TE_MS.tolist(), (23.0, 46.0)) == ()


def test_too_little_metal_or_a_list_of_pixels_says_nothing() -> None:
    noise = np.random.default_rng(1).rayleigh(size=(5, 30, 30))
    assert not examine_shifts(noise, TE_MS.tolist(), 1.0).is_moved_back
    assert not examine_shifts(noise.reshape(5, -1), TE_MS.tolist(), 1.0).is_moved_back


def test_the_whole_image_moves_with_its_noise() -> None:
    rng = np.random.default_rng(3)
    spectrum = np.fft.fft2(rng.normal(size=(16, 12)))
    spectrum[8], spectrum[:, 6] = 0.0, 0.0
    image = np.fft.ifft2(spectrum).real + 10.0
    there = displaced(image, np.array([0.3, -0.4]))
    np.testing.assert_allclose(displaced(there, np.array([-0.3, 0.4])), image, atol=1e-9)
    np.testing.assert_allclose(
        displaced(image, np.array([1.0, 2.0])), np.roll(image, (1, 2), (0, 1)), atol=1e-9
    )
    assert np.iscomplexobj(displaced(image.astype(complex), np.array([0.3, 0.0])))


def test_of_a_filled_image_the_delivered_pixels_are_counted() -> None:
    shift = np.zeros((2, 2))
    shift[1, 1] = 0.2
    whole = EchoShift(shift, shift / 10.0).of_delivered(3, (2, 2))
    assert whole.shift_px.tolist() == [[0.0, 0.0], [0.0, 0.0], [0.0, 0.4]]
    assert whole.to_dict()["columns_px"] == [0.0, 0.0, 0.4]
    assert whole.to_dict()["rows_se_px"] == [0.0, 0.0, 0.0]
    said = whole.warnings((2.0, 6.0, 10.0), (11.5, 23.0))[0]
    assert "the echo at 10 ms displaced against the first by +9.2 +- 0.9 um (+0.40 pixels)" in said.found
