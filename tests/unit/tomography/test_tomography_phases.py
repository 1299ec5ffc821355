from __future__ import annotations

import numpy as np
import pytest
from tomography_drawings import AIR, SODIUM, Bowl, Plane, draw_cell

from spallmap.errors import InputError
from spallmap.tomography import common_grey, find_interfaces, segment_phases

SPACING_UM = (4.66, 4.66, 4.66)
PORES = ((0.0, 5.0, 5.0, 3.5), (-6.0, -15.0, 8.0, 3.0))


def _segment(volume: np.ndarray) -> np.ndarray:
    return segment_phases(common_grey(volume).apply(volume), SPACING_UM)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_phases_of_a_tilted_cell_with_artefacts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawing = draw_cell(
        rng,
        shape=(72, 100, 100),
        tilt_deg=(float(rng.uniform(-8, 8)), float(rng.uniform(-8, 8))),
        noise=1500.0,
        cupping=0.08,
        rings=500.0,
        pores=PORES,
        voids=((3.0, -8.0, 3.0),),
    )
    phases = _segment(drawing.grey)
    for phase, share in ((1, 0.995), (2, 0.98), (4, 0.97), (5, 0.97)):
        assert np.mean(phases[drawing.truth == phase] == phase) >= share
    # The middle of a pore, three voxels wide at least.
    z, y, x = drawing.axes
    for pz, py, px, pr in PORES:
        core = (z - pz) ** 2 + (y - py) ** 2 + (x - px) ** 2 < (pr - 1.5) ** 2
        assert np.all(phases[core] == 3)


def test_a_casing_that_touches_the_electrode_is_parted_at_the_outline() -> None:
    drawing = draw_cell(np.random.default_rng(2), electrode_radius=34.0, casing=(34.5, 39.0))
    phases = _segment(drawing.grey)
    z, y, x = drawing.axes
    r = np.hypot(y, x)
    inside = (r < 31.0) & (np.abs(z) > 16.0) & (np.abs(z) < 24.0)
    beside = (r > 36.0) & (r < 38.0) & (np.abs(z) < 28.0)
    assert np.mean(phases[inside] == 2) > 0.98
    assert np.mean(phases[beside] == 4) > 0.9


@pytest.mark.parametrize("filling", [AIR, SODIUM])
def test_a_crack_that_opens_at_the_interface_stays_inside_the_ceramic(filling: float) -> None:
    crack = Plane((14.0, 0.0, 0.0), (0.3, 1.0, 0.0), 10.0, 3.0, filling)
    drawing = draw_cell(np.random.default_rng(3), noise=600.0, cracks=(crack,))
    phases = _segment(drawing.grey)
    opened = drawing.truth == 3
    assert np.mean(np.isin(phases[opened], (1, 3))) > 0.99
    middle = opened & (np.abs(crack.distance(*drawing.axes)) < 0.7)
    assert np.mean(phases[middle] == 3) > 0.9


def test_ceramic_cut_off_by_a_wide_bowl_is_still_ceramic() -> None:
    bowl = Bowl((20.0, 0.0, 0.0), 18.0, 4.0)
    drawing = draw_cell(np.random.default_rng(4), noise=600.0, cracks=(bowl,))
    phases = _segment(drawing.grey)
    piece = (drawing.truth == 1) & (bowl.distance(*drawing.axes) < -4.0)
    assert piece.sum() > 300
    assert np.mean(phases[piece] == 1) > 0.98


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


def test_no_ceramic_is_an_error_and_has_no_interfaces() -> None:
    with pytest.raises(InputError, match="no ceramic"):
        segment_phases(np.full((20, 30, 30), 12_000, dtype=np.uint16), SPACING_UM)
    assert find_interfaces(np.full((5, 6, 7), 5, dtype=np.uint8)) is None
