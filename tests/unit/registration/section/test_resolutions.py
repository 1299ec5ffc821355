from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.registration.section.refine import equations, inside_correlation
from spallmap.registration.section.resolutions import sharpened


def test_thinned_points_say_nearly_the_same(scene):
    target, section, true, _ = scene
    level = target.levels(section)[0]
    thin = level.thinned()
    assert thin.total_weight == pytest.approx(level.total_weight, rel=0.05)
    assert len(thin.points) < len(level.points)
    away = true.moved(np.array([0.02, -0.02, 0.01, 9.0, 5.0, 9.0]))
    for pose in (true, away):
        whole, some = equations(level, pose), equations(thin, pose)
        assert whole is not None
        assert some is not None
        assert some.cost == pytest.approx(whole.cost, rel=0.25)
        assert inside_correlation(thin, pose) == pytest.approx(inside_correlation(level, pose), abs=0.1)


def test_sharpening_undoes_a_blur_and_quiets_what_is_flat():
    rng = np.random.default_rng(3)
    sharp = ndimage.gaussian_filter(rng.normal(size=(40, 40, 90)), 1.6) * 60000 + 30000
    sharp[:, :, 40:] = 50000.0
    noise = ndimage.gaussian_filter(rng.normal(size=sharp.shape), 0.5) * 200.0
    blurred = ndimage.gaussian_filter(sharp, 0.7)
    shown = np.clip(blurred + noise, 0, 65535).astype(np.uint16)
    ceramic = np.zeros(sharp.shape, bool)
    ceramic[:, :, 40:] = True
    found, left = sharpened(shown, ceramic, 0.7)
    textured, flat = np.s_[4:-4, 4:-4, 4:36], np.s_[4:-4, 4:-4, 56:-4]
    assert np.std((found - sharp)[textured]) < 0.6 * np.std((blurred - sharp)[textured])
    assert np.std((found - sharp)[flat]) < 0.2 * np.std(noise[flat])
    assert left == pytest.approx(0.5)
