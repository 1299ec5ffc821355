"""The stretch that a search ends with, against pixel sizes known in advance."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.registration.section.pose import MOST_SCALE
from spallmap.registration.section.refine import RIGID, SCALED, descend, refine
from spallmap.registration.section.search import believed_anisotropy, converge
from tests.unit.registration.section.cell import PIXEL_UM, placed, read


@pytest.mark.parametrize(("scale", "anisotropy"), [(1.02, 1.0), (0.985, 1.025), (1.01, 1.006)])
def test_a_wrong_pixel_size_is_found(scene, scale, anisotropy):
    target, _, _, drawn = scene
    stated = (PIXEL_UM / (scale / np.sqrt(anisotropy)), PIXEL_UM / (scale * np.sqrt(anisotropy)))
    section = read(drawn[:2], stated)
    true = placed(section, drawn[2] @ np.diag([PIXEL_UM / stated[1], PIXEL_UM / stated[0], 1.0, 1.0]))
    assert np.exp(true.log_scale) == pytest.approx(scale)
    resolutions = target.levels(section)
    start = replace(true, log_scale=0.0, log_anisotropy=0.0)
    found = descend(resolutions, start, free=SCALED)
    ended = converge(resolutions[-1], found, np.random.default_rng(0))
    assert ended.free == SCALED
    assert np.exp(ended.pose.log_scale) == pytest.approx(scale, abs=0.004)
    assert np.exp(ended.pose.log_anisotropy) == pytest.approx(anisotropy, abs=0.006)
    assert min(ended.stretch_um) >= 0.0
    assert max(ended.stretch_um) > 0.0


def test_a_right_pixel_size_is_left_alone_and_a_scale_keeps_its_bounds(scene):
    target, section, true, _ = scene
    fine = target.levels(section)[-1]
    ended = converge(fine, refine(fine, true, free=SCALED), np.random.default_rng(0))
    assert ended.free in (RIGID, SCALED)
    assert abs(ended.pose.log_scale) < 0.004
    assert abs(ended.pose.log_anisotropy) < 0.004
    far = true.moved(np.array([0.0] * 6 + [0.5, -0.5]))
    assert far.log_scale == pytest.approx(np.log1p(MOST_SCALE))


def test_what_is_believed_of_the_axes_lies_between_calibration_and_measurement():
    measured = [believed_anisotropy(0.015, sd**2) for sd in (1e-4, 3e-3, 3e-2)]
    values, errors = np.transpose(measured)
    assert values[0] == pytest.approx(0.015, abs=1e-4)
    assert np.all(np.diff(values) < 0.0)
    assert np.all(np.diff(errors) > 0.0)
    assert values[2] < 0.003
    assert errors[2] < 0.02
    assert believed_anisotropy(0.02, np.inf)[0] == 0.0
