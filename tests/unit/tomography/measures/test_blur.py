from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography.measures.blur import USUAL_BLUR_VOXELS, measure_blur
from spallmap.tomography.phases.interfaces import Interfaces


@pytest.mark.parametrize("blur", [0.5, 0.7, 1.0])
def test_the_point_spread_is_measured_at_a_tilted_wavy_face(blur: float) -> None:
    rng = np.random.default_rng(6)
    ny, nx = 60, 60
    y, x = np.mgrid[:ny, :nx].astype(float)
    face = 20.0 + 0.03 * y - 0.05 * x + 0.6 * np.sin(y / 9.0)
    fine = 8
    depth = (np.arange(40 * fine) + 0.5) / fine - 0.5
    # The step is blurred on a fine grid and averaged over the voxels.
    step = np.clip((depth[:, None, None] - face) * fine + 0.5, 0.0, 1.0)
    step = ndimage.gaussian_filter1d(step, blur * fine, axis=0, mode="nearest")
    grey = 19_000 + 31_000 * step.reshape(40, fine, ny, nx).mean(axis=1)
    grey += rng.normal(0.0, 1000.0, grey.shape)
    none = np.full((ny, nx), np.nan, np.float32)
    uncut = np.zeros(face.shape, dtype=bool)
    faces = Interfaces(face.astype(np.float32), none, np.zeros(3), np.zeros(3), uncut, uncut)
    found = measure_blur(grey, faces)
    assert found.n_patches > 100
    assert found.sigma_voxels == pytest.approx(np.hypot(blur, 12**-0.5), rel=0.05)
    assert measure_blur(grey, None).sigma_voxels == USUAL_BLUR_VOXELS
