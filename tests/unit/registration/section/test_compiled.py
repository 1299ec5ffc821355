from __future__ import annotations

import numpy as np

from spallmap.frames import sample_volume
from spallmap.registration.section.compiled import cut_slices, sample_with_gradient


def test_slices_agree_with_plain_interpolation():
    rng = np.random.default_rng(0)
    channels = rng.normal(size=(2, 9, 11, 13)).astype(np.float32)
    start = rng.uniform(0.5, 2.0, (3, 3))
    row, column = np.array([0.7, 0.1, -0.05]), np.array([0.02, 0.5, 0.6])
    out = np.zeros((3, 2, 6, 8), dtype=np.float32)
    cut_slices(channels, start, row, column, out)
    i, j = np.mgrid[:6, :8]
    at = start[:, None, None, :] + i[..., None] * row + j[..., None] * column
    for c in range(2):
        expected = sample_volume(channels[c], (1.0, 1.0, 1.0), at[..., ::-1])
        inside = np.all((at >= 0) & (at <= np.array([8, 10, 12])), axis=-1)
        np.testing.assert_allclose(out[:, c][inside], expected[inside], atol=1e-5)
        assert np.all(out[:, c][~inside] == 0)


def test_gradient_agrees_with_finite_differences():
    rng = np.random.default_rng(1)
    volume = rng.normal(size=(6, 7, 8)).astype(np.float32)
    at = rng.integers(0, 4, (50, 3)) + rng.uniform(0.1, 0.9, (50, 3))

    def value(indices):
        values, slope, inside = np.empty(50), np.empty((50, 3)), np.empty(50, dtype=bool)
        sample_with_gradient(volume, indices, values, slope, inside)
        return values, slope

    _, slope = value(at)
    for k in range(3):
        step = np.zeros(3)
        step[k] = 1e-4
        np.testing.assert_allclose(slope[:, k], (value(at + step)[0] - value(at - step)[0]) / 2e-4, atol=1e-4)
