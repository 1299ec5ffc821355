from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography.blockwise.neighbours import point_grid
from spallmap.tomography.measures.blur import Blur
from spallmap.tomography.measures.filling import WIDENED, distinguish_filling, sodium_contrast
from spallmap.tomography.measures.profiles import profile_offsets


@pytest.mark.parametrize("seed", [1, 2])
def test_filling_is_reported_where_the_crack_is_wide_and_not_where_it_is_thin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, x = (a.ravel() for a in np.mgrid[:60, :120])
    points = np.column_stack([np.zeros(len(y)), y, x]).astype(float)
    contrast, blur = 0.78, 0.7
    sodium = x > 60
    for aperture, reported in ((2.2, True), (0.35, False)):
        c = np.where(sodium, contrast, 1.0)[:, None]
        t = (np.arange(-40, 41) / 80 * aperture)[:, None, None]
        u = profile_offsets()
        # The blurred box as a sum of blurred slices.
        shape = np.exp(-0.5 * ((u - t) / blur) ** 2).mean(axis=0) / (np.sqrt(2 * np.pi) * blur) * aperture
        profile = (c * shape + rng.normal(0, 0.035, (len(y), len(u)))).astype(np.float32)
        found = distinguish_filling(
            point_grid(points, np.ones(len(y), np.int32)),
            np.tile([1.0, 0.0, 0.0], (len(y), 1)),
            profile,
            np.zeros(len(y)),
            np.ones(len(y), bool),
            contrast,
            Blur(blur / WIDENED, 0.03, 100),
        ).sodium_probability
        far = np.abs(x - 60) > 12
        if reported:
            assert np.mean((found > 0.9)[sodium & far]) > 0.95
            assert np.mean((found < 0.1)[~sodium & far]) > 0.95
        else:
            assert np.mean((found > 0.9) & ~sodium) < 0.1
            assert np.mean((found < 0.1) & sodium) < 0.1


def test_the_sodium_contrast_comes_from_inside_the_electrodes() -> None:
    labels = np.full((60, 60, 60), 1, np.uint8)
    labels[40:] = 2
    grey = np.where(labels == 1, 50_000, 18_000).astype(np.uint16)
    grey[40:42] = 34_000
    assert sodium_contrast(grey, labels) == pytest.approx(32 / 40)
    assert sodium_contrast(grey, np.ones_like(labels)) == pytest.approx((50_000 - 19_000) / 40_000)
