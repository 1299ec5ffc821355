from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography import common_grey, find_interfaces, segment_phases
from tests.unit.tomography.contact.face_drawings import SHAPE, draw_faces
from tests.unit.tomography.tomography_drawings import draw_cell


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_faces_are_found_to_a_fraction_of_a_voxel(seed: int) -> None:
    # The noise of 1 500 is 5 % of the contrast with sodium, as in the twin.
    grey, labels, bottom, top = draw_faces(np.random.default_rng(seed), np.zeros(SHAPE[1:]))
    faces = find_interfaces(labels, grey)
    assert faces is not None
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    r = np.hypot(y - 64.5, x - 64.5)
    for inside in (r < 42.0, (r > 48.0) & (r < 54.0)):
        for found, true in ((faces.bottom, bottom), (faces.top, top)):
            error = (found - true)[inside]
            assert np.sqrt(np.mean(error**2)) < 0.15
            assert abs(np.mean(error)) < 0.05
    blocky = find_interfaces(labels)
    assert blocky is not None
    assert np.std((blocky.top - top)[r < 42.0]) > 0.25


SPACING_UM = (4.66, 4.66, 4.66)


def _segment(volume: np.ndarray) -> np.ndarray:
    return segment_phases(common_grey(volume).apply(volume), SPACING_UM)


def test_interfaces_follow_the_tilt() -> None:
    drawing = draw_cell(np.random.default_rng(5), shape=(72, 100, 100), tilt_deg=(5.0, -3.0))
    faces = find_interfaces(_segment(drawing.grey))
    assert faces is not None
    normal = faces.normal(SPACING_UM, top=True)
    expected = drawing.to_volume.apply([0.0, 0.0, 1.0])[::-1]
    assert np.degrees(np.arccos(min(1.0, abs(normal @ expected)))) < 0.3
    middle = np.array([drawing.centre])
    bottom_um, top_um = faces.depth_um(middle, SPACING_UM)
    # The drawn disc is 28 voxels thick.
    assert bottom_um[0] == pytest.approx(14.0 * 4.66, abs=0.7 * 4.66)
    assert top_um[0] == pytest.approx(14.0 * 4.66, abs=0.7 * 4.66)
