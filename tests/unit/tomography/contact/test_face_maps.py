from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography import find_interfaces
from spallmap.tomography.contact.face_maps import INTERFACE_CHANNELS, interface_maps
from tests.unit.tomography.contact.face_drawings import RADIUS, SHAPE, SPACING_UM, draw_faces, lens_of


@pytest.mark.parametrize("seed", [1, 2])
def test_roughness_is_that_of_the_drawn_faces_and_maps_say_the_same(seed: int) -> None:
    grey, labels, bottom, top = draw_faces(np.random.default_rng(seed), lens_of(64.0, 64.0, 12.0, 4.0))
    found = interface_maps(grey, labels, SPACING_UM)
    assert found.maps.shape == (len(INTERFACE_CHANNELS), *SHAPE[1:])
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    inside = np.hypot(y - 64.5, x - 64.5) < RADIUS - 4
    rows, columns = np.nonzero(inside)
    design = np.column_stack([np.ones(len(rows)), rows, columns])
    for k, (side, height) in enumerate((("bottom", bottom), ("top", top))):
        values = np.broadcast_to(height, SHAPE[1:])[inside]
        off = (values - design @ np.linalg.lstsq(design, values, rcond=None)[0]) * SPACING_UM[0]
        said = found.summary[side]["roughness"]
        # The scan's own error, some 0.1 voxel, adds in squares.
        assert said["sq_um"] == pytest.approx(np.hypot(off.std(), 0.5), rel=0.1)
        assert said["sa_um"] == pytest.approx(np.abs(off).mean(), rel=0.15)
        error = found.maps[4 * k][inside] / SPACING_UM[0] - values
        assert np.median(np.abs(error)) < 0.15
    assert list(found.voids["side"]) == ["top"]
    assert found.maps[INTERFACE_CHANNELS.index("top_void")].max() == 1.0
    assert found.summary["top"]["lost_fraction"] > found.summary["bottom"]["lost_fraction"]


def test_no_ceramic_gives_empty_maps() -> None:
    labels = np.full((12, 20, 20), 5, dtype=np.uint8)
    found = interface_maps(np.full(labels.shape, 10_000, dtype=np.uint16), labels, SPACING_UM)
    assert np.isnan(found.maps[INTERFACE_CHANNELS.index("top_height_um")]).all()
    assert not found.maps[INTERFACE_CHANNELS.index("top_against")].any()
    assert len(found.voids) == 0
    assert found.summary == {}


def test_where_the_volume_ends_there_is_no_face() -> None:
    grey, labels, _, _ = draw_faces(np.random.default_rng(3), np.zeros(SHAPE[1:]))
    grey, labels = grey[:45], labels[:45]
    faces = find_interfaces(labels, grey)
    assert faces is not None
    assert faces.top_cut.sum() > 8000
    assert not faces.bottom_cut.any()
    below, above = faces.depth_um(np.array([[40.0, 64.0, 64.0], [44.0, 70.0, 60.0]]), SPACING_UM)
    assert np.all(np.isinf(above))
    assert below == pytest.approx([5 * 12.4, 5 * 16.4], abs=8.0)
    assert np.isnan(faces.roughness_um(SPACING_UM, top=True).sa_um)
    found = interface_maps(grey, labels, SPACING_UM)
    assert np.isnan(found.maps[INTERFACE_CHANNELS.index("top_height_um")]).all()
    assert not found.maps[INTERFACE_CHANNELS.index("top_against")].any()
