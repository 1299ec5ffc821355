"""The stretch that a search ends with, against pixel sizes known in advance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.registration.section.pose import MOST_SCALE
from spallmap.registration.section.refine import RIGID, SCALED, STRETCHED, descend, refine, refine_robustly
from spallmap.registration.section.search import converge
from tests.unit.registration.section.cell import PIXEL_UM, placed, read


@pytest.mark.parametrize(("scale", "anisotropy", "free"), [(1.02, 1.0, SCALED), (0.985, 1.025, STRETCHED)])
def test_a_wrong_pixel_size_is_found(scene, scale, anisotropy, free):
    target, _, _, drawn = scene
    stated = (PIXEL_UM / (scale / np.sqrt(anisotropy)), PIXEL_UM / (scale * np.sqrt(anisotropy)))
    section = read(drawn[:2], stated)
    true = placed(section, drawn[2] @ np.diag([PIXEL_UM / stated[1], PIXEL_UM / stated[0], 1.0, 1.0]))
    assert np.exp(true.log_scale) == pytest.approx(scale)
    resolutions = target.levels(section)
    start = replace(true, log_scale=0.0, log_anisotropy=0.0)
    found = descend(resolutions, start, free=SCALED)
    ended = converge(resolutions[-1], found, np.random.default_rng(0))
    pose = ended.pose
    assert ended.free == free
    assert np.exp(pose.log_scale) == pytest.approx(scale, abs=0.004)
    assert np.exp(pose.log_anisotropy) == pytest.approx(anisotropy, abs=0.008)


@pytest.mark.parametrize(("scale", "free"), [(1.02, SCALED), (1.0, RIGID)])
def test_a_stretch_that_is_not_applied_is_kept_as_what_the_freest_fit_wants(scene, scale, free):
    target, _, _, drawn = scene
    stated = (PIXEL_UM / (scale / np.sqrt(1.006)), PIXEL_UM / (scale * np.sqrt(1.006)))
    section = read(drawn[:2], stated)
    true = placed(section, drawn[2] @ np.diag([PIXEL_UM / stated[1], PIXEL_UM / stated[0], 1.0, 1.0]))
    fine = target.levels(section)[-1]
    start = refine(fine, true, free=SCALED)
    ended = converge(fine, start, np.random.default_rng(0))
    freest = refine_robustly(fine, start, free=STRETCHED)[1]
    assert ended.free == free
    assert ended.pose.log_anisotropy == 0.0
    assert ended.unapplied[1] == pytest.approx(np.log(1.006), abs=0.004)
    wanted = (ended.pose.log_scale + ended.unapplied[0], ended.unapplied[1])
    assert wanted == pytest.approx((freest.log_scale, freest.log_anisotropy), abs=1e-9)


def test_a_right_pixel_size_is_left_alone_and_a_scale_keeps_its_bounds(scene):
    target, section, true, _ = scene
    fine = target.levels(section)[-1]
    ended = converge(fine, refine(fine, true, free=SCALED), np.random.default_rng(0))
    assert ended.free in (RIGID, SCALED)
    assert abs(ended.pose.log_scale) < 0.004
    assert ended.pose.log_anisotropy == 0.0
    assert abs(ended.unapplied[1]) < 0.01
    size = np.sqrt((fine.points**2).mean(axis=0))
    known = replace(ended, unapplied=(0.001, 0.004)).unapplied_um()
    assert known == pytest.approx((0.003 * size[0], 0.001 * size[1]))
    far = true.moved(np.array([0.0] * 6 + [0.5, -0.5]))
    assert far.log_scale == pytest.approx(np.log1p(MOST_SCALE))
