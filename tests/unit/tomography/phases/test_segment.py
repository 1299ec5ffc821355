from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography import common_grey, find_interfaces, grey_summary, segment_phases
from spallmap.tomography.phases import segment as phases_module
from spallmap.tomography.phases.segment import plan_phases
from tests.unit.tomography.tomography_drawings import AIR, CERAMIC, SODIUM, Bowl, Plane, draw_cell

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
    for phase, fraction in ((1, 0.995), (2, 0.98), (4, 0.97), (5, 0.97)):
        assert np.mean(phases[drawing.truth == phase] == phase) >= fraction
    # The middle of a pore, three voxels wide at least.
    z, y, x = drawing.axes
    for pz, py, px, pr in PORES:
        core = (z - pz) ** 2 + (y - py) ** 2 + (x - px) ** 2 < (pr - 1.5) ** 2
        assert np.all(phases[core] == 3)


def test_a_casing_that_touches_the_electrode_is_separated_at_the_outline() -> None:
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


def test_bodies_are_distinguished_on_a_coarser_copy_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    bowl = Bowl((20.0, 0.0, 0.0), 18.0, 3.0)
    drawing = draw_cell(np.random.default_rng(8), shape=(72, 110, 110), tilt_deg=(4.0, 3.0), cracks=(bowl,))
    fine = _segment(drawing.grey)
    monkeypatch.setattr(phases_module, "MAX_COARSE_VOXELS", 100_000)
    coarse = _segment(drawing.grey)
    for phase in (1, 2, 4, 5):
        assert np.mean(coarse[fine == phase] == phase) > 0.95
    piece = (drawing.truth == 1) & (bowl.distance(*drawing.axes) < -3.0)
    assert np.mean(coarse[piece] == 1) > 0.95


@pytest.mark.parametrize("tilt", [(10.0, 0.0), (-7.0, 7.0)])
def test_a_stack_tilted_by_ten_degrees(tilt: tuple[float, float]) -> None:
    drawing = draw_cell(np.random.default_rng(9), shape=(80, 110, 110), tilt_deg=tilt, noise=1500.0)
    phases = _segment(drawing.grey)
    for phase, fraction in ((1, 0.995), (2, 0.96), (4, 0.95), (5, 0.97)):
        assert np.mean(phases[drawing.truth == phase] == phase) >= fraction
    assert np.mean(drawing.truth[phases == 1] != 5) > 0.995


@pytest.mark.parametrize(
    "cut", [(slice(0, 38), slice(0, 96), slice(0, 96)), (slice(0, 64), slice(0, 96), slice(30, 66))]
)
def test_a_ceramic_cut_off_by_the_field_of_view(cut: tuple[slice, slice, slice]) -> None:
    drawing = draw_cell(np.random.default_rng(10), pores=PORES)
    grey, truth = drawing.grey[cut], drawing.truth[cut]
    phases = _segment(grey)
    assert np.mean(np.isin(phases[truth == 1], (1, 3))) > 0.995
    assert np.mean(phases[truth == 2] == 2) > 0.95
    assert np.mean(np.isin(truth[phases == 1], (0, 1, 3))) > 0.995
    faces = find_interfaces(phases)
    assert faces is not None
    # The lower face is in the field in both.
    middle = np.s_[faces.bottom.shape[0] // 2, faces.bottom.shape[1] // 2]
    assert faces.bottom[middle] == pytest.approx(17.5, abs=1.0)


def test_gas_between_ceramic_and_sodium_is_outside_the_ceramic() -> None:
    drawing = draw_cell(np.random.default_rng(11), voids=((3.0, -8.0, 4.0), (-12.0, 6.0, 3.0)))
    phases = _segment(drawing.grey)
    z, y, x = drawing.axes
    distance = np.sqrt((z - 14.0) ** 2 + (y - 3.0) ** 2 + (x + 8.0) ** 2)
    assert not np.any(np.isin(phases[(distance < 4.0) & (z > 14.7)], (1, 3)))
    assert np.mean(phases[(distance < 2.4) & (z > 15.0)] == 5) > 0.7
    assert np.all(phases[(distance < 3.0) & (z < 13.4)] == 1)


@pytest.mark.parametrize("step", [-0.06, -0.03, 0.0, 0.03, 0.06])
def test_each_electrode_of_joined_scans_has_its_own_surface(step: float) -> None:
    drawing = draw_cell(np.random.default_rng(41), noise=1_800.0)
    contrast = CERAMIC - AIR
    grey = drawing.grey.astype(np.float64) - AIR
    joined = len(grey) // 2
    grey[joined:] = grey[joined:] * (1.0 + step / 2.0) + step / 2.0 * contrast
    scale = common_grey(grey + 0.5 * contrast)
    common = scale.apply(grey + 0.5 * contrast)
    plan = plan_phases(common, SPACING_UM)
    before, behind = plan.topology.sodium_grey
    assert (before == behind) == (step == 0.0)
    for half, surface in ((np.s_[:joined], before), (np.s_[joined:], behind)):
        inner = ndimage.binary_erosion(drawing.truth[half] == 2, iterations=2)
        gas = ndimage.binary_erosion(drawing.truth[half] == 5, iterations=2)
        levels = [float(np.median(common[half][where])) for where in (inner, gas)]
        assert surface == pytest.approx(np.mean(levels), abs=0.01 * 40_000.0)
        assert np.mean(plan.labels(common)[half][inner] == 2) > 0.999


def test_without_ceramic_there_is_solid_and_air_and_no_interface() -> None:
    drawing = draw_cell(
        np.random.default_rng(6), radius=0.0, half=-2.0, electrode_radius=-2.0, casing_grey=CERAMIC
    )
    phases = _segment(drawing.grey)
    assert set(np.unique(phases)) == {4, 5}
    assert np.mean(phases[drawing.truth == 4] == 4) > 0.95
    assert np.mean(phases[drawing.truth == 5] == 5) > 0.95
    assert find_interfaces(phases) is None
    assert find_interfaces(np.full((5, 6, 7), 5, dtype=np.uint8)) is None


def test_a_threshold_beyond_the_middle_of_the_range_is_no_trouble() -> None:
    # Metal, polymer and little air: the threshold of solid lies so high that its mirror is out of range.
    rng = np.random.default_rng(12)
    y, x = np.mgrid[:60, :60]
    r = np.hypot(y - 29.5, x - 29.5)
    plane = np.where((r.astype(int) // 4) % 3 == 0, 60_000.0, 45_000.0)
    grey = np.clip(rng.normal(plane, 800.0, (40, 60, 60)), 0, 65535).astype(np.uint16)
    plan = plan_phases(grey, SPACING_UM, ceramic=False)
    assert 2.0 * plan.topology.sodium_grey[0] - AIR > 65535
    labels = plan.labels(grey)
    assert not plan.has_ceramic
    assert np.mean(labels[:, plane > 50_000.0] == 4) > 0.9


def test_no_ceramic_is_looked_for_where_there_is_said_to_be_none() -> None:
    drawing = draw_cell(np.random.default_rng(13))
    grey = common_grey(drawing.grey).apply(drawing.grey)
    assert plan_phases(grey, SPACING_UM).has_ceramic
    assert not plan_phases(grey, SPACING_UM, ceramic=False).has_ceramic
    assert set(np.unique(segment_phases(grey, SPACING_UM, ceramic=False))) == {4, 5}


@pytest.mark.parametrize("wall", [0.5, 0.58])
def test_a_thick_tube_is_not_filled_to_make_a_ceramic(wall: float) -> None:
    rng = np.random.default_rng(14)
    z, y, x = np.mgrid[:60, :100, :100]
    r = np.hypot(y - 49.5, x - 49.5)
    tube = (r < 42.0) & (r > 42.0 * wall) & (z >= 8) & (z < 52)
    grey = ndimage.gaussian_filter(np.where(tube, CERAMIC, AIR), 0.8) + rng.normal(0.0, 800.0, tube.shape)
    labels = segment_phases(np.rint(grey).astype(np.uint16), SPACING_UM)
    assert set(np.unique(labels)) == {4, 5}
    assert np.mean(labels[ndimage.binary_erosion(tube, iterations=2)] == 4) > 0.99


@pytest.mark.parametrize("value", [0.0, 20_000.0, 30_000.0])
@pytest.mark.parametrize("coarse_voxels", [10_000_000, 60_000])
def test_padding_beside_the_ceramic_is_neither_phase_nor_void(
    value: float, coarse_voxels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases_module, "MAX_COARSE_VOXELS", coarse_voxels)
    drawing = draw_cell(
        np.random.default_rng(15), radius=70.0, electrode_radius=70.0, casing=(80.0, 84.0), pores=PORES
    )
    y, x = np.mgrid[:96, :96] - 47.5
    r = np.hypot(y, x)
    volume = np.where(r > 44.0, value, np.rint(drawing.grey))
    grey = common_grey(volume).apply(volume)
    plan = plan_phases(grey, SPACING_UM)
    labels = plan.labels(grey)
    assert np.all(labels[:, r > 44.0] == 5)
    near = (r > 38.0) & (r <= 44.0)
    assert not np.any(labels[:, near] == 3)
    ceramic = drawing.truth[:, near] == 1
    assert np.mean(labels[:, near][ceramic] == 1) > 0.995
    # Pores further inside are seen as ever.
    z, py, px = drawing.axes
    for cz, cy, cx, pr in PORES:
        assert np.all(labels[(z - cz) ** 2 + (py - cy) ** 2 + (px - cx) ** 2 < (pr - 1.5) ** 2] == 3)
    region = (slice(20, 47), slice(0, 31), slice(9, 50))
    assert np.array_equal(plan.labels(grey, region), labels[region])


def test_the_summary_says_where_a_ceramics_grey_has_no_ceramic() -> None:
    drawing = draw_cell(np.random.default_rng(13))
    scale = common_grey(drawing.grey)
    grey = scale.apply(drawing.grey)
    found = plan_phases(grey, SPACING_UM)
    assert grey_summary(scale, found) == scale.as_json()
    assert grey_summary(scale, found)["finding"] == ""
    missed = plan_phases(grey, SPACING_UM, ceramic=False)
    assert grey_summary(scale, missed)["finding"] == "no ceramic: no bright body lies between two faces"
    # What the grey scale has found already is said once.
    none = replace(scale, ceramic_level=None, finding="no ceramic: said before")
    assert grey_summary(none, missed)["finding"] == "no ceramic: said before"
