from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest

from spallmap.tomography import (
    common_grey,
    find_cracks,
    measure_cracks,
    mid_surfaces,
    segment_phases,
    trace_sheets,
)
from spallmap.tomography.measures import profiles
from spallmap.tomography.measures.descriptors import CRACK_COLUMNS, EXTRA_CRACK_COLUMNS
from spallmap.tomography.measures.sheets import AIR as FILLED_WITH_AIR
from spallmap.tomography.measures.sheets import METAL
from tests.unit.tomography.tomography_drawings import AIR, SODIUM, Bowl, Drawing, Plane, draw_cell, to_cell

VOXEL = 4.66
SPACING_UM = (VOXEL, VOXEL, VOXEL)


def _found(drawing: Drawing):
    grey = common_grey(drawing.grey).apply(drawing.grey)
    phases = segment_phases(grey, SPACING_UM)
    return find_cracks(grey, phases, SPACING_UM), grey, phases


@pytest.mark.parametrize(("seed", "aperture"), [(1, 0.5), (2, 0.8), (3, 1.5), (4, 2.5)])
def test_aperture_area_and_position_of_a_flat_crack(seed: int, aperture: float) -> None:
    rng = np.random.default_rng(seed)
    normal = np.array([1.0, *rng.uniform(-1, 1, 2)])
    crack = Plane((0.0, 2.0, -3.0), tuple(normal / np.linalg.norm(normal)), 11.0, aperture)
    drawing = draw_cell(rng, cracks=(crack,), tilt_deg=(4.0, -3.0), shape=(72, 100, 100))
    cracks, grey, phases = _found(drawing)
    sheets = trace_sheets(cracks, grey, phases, SPACING_UM)
    table = measure_cracks(cracks, grey, phases, SPACING_UM, sheets)
    assert tuple(table.columns) == CRACK_COLUMNS + EXTRA_CRACK_COLUMNS
    row = table.iloc[0]
    # Where the filling cannot be distinguished, the error says so.
    allowed = max(0.15 * aperture * VOXEL, 1.5 * row.aperture_se_um)
    assert row.aperture_median_um == pytest.approx(aperture * VOXEL, abs=allowed)
    assert row.aperture_se_um < 0.25 * row.aperture_median_um
    area = np.pi * 11.0**2 * VOXEL**2
    # The filter still answers up to two voxels beyond the rim of a crack that ends abruptly.
    assert 0.9 * area < row.area_um2 < np.pi * 13.0**2 * VOXEL**2
    assert row.volume_um3 == pytest.approx(area * aperture * VOXEL, rel=0.25)
    position = to_cell(drawing, sheets.points_xyz_um / VOXEL)
    away = crack.distance(*position.T)
    assert np.mean(np.abs(away)) < 0.2
    expected_dip = np.degrees(np.arccos(abs(normal[0]) / np.linalg.norm(normal)))
    assert row.dip_deg == pytest.approx(expected_dip, abs=2.0)
    assert not row.touches_top
    assert not row.touches_bottom
    assert row.morphology == "straight"
    assert row.spall_volume_um3 == 0.0
    centroid = to_cell(
        drawing, row[["centroid_x_um", "centroid_y_um", "centroid_z_um"]].to_numpy(float)[None] / VOXEL
    )
    assert centroid[0] == pytest.approx((0.0, 2.0, -3.0), abs=1.0)


@pytest.mark.parametrize(("filling", "name"), [(AIR, FILLED_WITH_AIR), (SODIUM, METAL)])
def test_a_wide_crack_shows_what_fills_it(filling: float, name: int) -> None:
    crack = Plane((0.0, 0.0, 0.0), (1.0, 0.3, 0.1), 12.0, 2.8, filling)
    cracks, grey, phases = _found(draw_cell(np.random.default_rng(5), cracks=(crack,)))
    sheets = trace_sheets(cracks, grey, phases, SPACING_UM)
    reported = sheets.filling[sheets.aperture_um > 2.0 * VOXEL]
    assert np.mean(reported == name) > 0.9
    assert np.median(sheets.aperture_um) == pytest.approx(2.8 * VOXEL, rel=0.12)


def test_a_bowl_is_spalling_and_cuts_off_its_cap() -> None:
    bowl = Bowl((22.0, 0.0, 0.0), 18.0, 1.0)
    cracks, grey, phases = _found(draw_cell(np.random.default_rng(6), cracks=(bowl,)))
    row = measure_cracks(cracks, grey, phases, SPACING_UM).iloc[0]
    assert row.morphology == "spalling"
    assert row.touches_top
    assert not row.touches_bottom
    # Cap of a sphere of radius 18 voxels whose middle lies 8 voxels above the face at 14: height 10.
    height = 10.0
    assert row.spall_volume_um3 == pytest.approx(np.pi * height**2 * (18.0 - height / 3) * VOXEL**3, rel=0.15)
    assert row.depth_max_um == pytest.approx(height * VOXEL, abs=VOXEL)
    assert row.area_um2 == pytest.approx(2 * np.pi * 18.0 * height * VOXEL**2, rel=0.2)


def test_an_upright_crack_from_below_is_straight() -> None:
    crack = Plane((-14.0, 0.0, 0.0), (0.1, 1.0, 0.2), 16.0, 1.2)
    cracks, grey, phases = _found(draw_cell(np.random.default_rng(7), cracks=(crack,)))
    row = measure_cracks(cracks, grey, phases, SPACING_UM).iloc[0]
    assert (bool(row.touches_bottom), bool(row.touches_top)) == (True, False)
    assert row.morphology == "straight"
    assert row.dip_deg == pytest.approx(84.4, abs=3.0)
    assert row.spall_volume_um3 == 0.0


def test_the_surface_lies_in_the_middle_and_covers_the_sheet() -> None:
    bowl = Bowl((22.0, 0.0, 0.0), 18.0, 1.5)
    drawing = draw_cell(np.random.default_rng(8), cracks=(bowl,))
    cracks, grey, phases = _found(drawing)
    surface = mid_surfaces(cracks, grey, phases, SPACING_UM)
    corners = surface.points_xyz_um[surface.triangles] / VOXEL
    middles = to_cell(drawing, corners.mean(axis=1))
    away = bowl.distance(*middles.T)
    assert np.quantile(np.abs(away), 0.95) < 0.5
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = 0.5 * np.linalg.norm(np.cross(u, v), axis=1).sum()
    assert area == pytest.approx(2 * np.pi * 18.0 * 10.0, rel=0.2)
    assert set(surface.point_data) == {"crack", "aperture_um", "depth_um", "dip_deg"}
    assert all(len(values) == len(surface.points_xyz_um) for values in surface.point_data.values())


class _InParts:
    """A volume that can only be read in parts no larger than a block with its halo."""

    def __init__(self, whole: np.ndarray, largest: int) -> None:
        self.shape, self.dtype = whole.shape, whole.dtype
        self._whole, self._largest = whole, largest

    def __getitem__(self, region: tuple[slice, slice, slice]) -> np.ndarray:
        assert max(s.stop - s.start for s in region) <= self._largest
        return self._whole[region]


def test_a_volume_read_in_parts_gives_the_same_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    crack = Plane((0.0, 0.0, 0.0), (1.0, 0.3, 0.1), 20.0, 1.2)
    cracks, grey, phases = _found(draw_cell(np.random.default_rng(10), cracks=(crack,)))
    whole = trace_sheets(cracks, grey, phases, SPACING_UM)
    monkeypatch.setattr(profiles, "TILE_VOXELS", 24)
    mixed = np.random.default_rng(11).permutation(len(cracks.ridge_crack))
    shuffled = replace(
        cracks,
        ridge_index=cracks.ridge_index[mixed],
        ridge_normal=cracks.ridge_normal[mixed],
        ridge_crack=cracks.ridge_crack[mixed],
    )
    parts = trace_sheets(shuffled, _InParts(grey, 96), phases, SPACING_UM, threads=2)
    for name in (f.name for f in fields(whole)):
        assert np.array_equal(getattr(whole, name), getattr(parts, name)), name


def test_no_crack_gives_an_empty_table_and_surface() -> None:
    cracks, grey, phases = _found(draw_cell(np.random.default_rng(9)))
    table = measure_cracks(cracks, grey, phases, SPACING_UM)
    assert tuple(table.columns) == CRACK_COLUMNS + EXTRA_CRACK_COLUMNS
    assert len(table) == 0
    surface = mid_surfaces(cracks, grey, phases, SPACING_UM)
    assert surface.points_xyz_um.shape == (0, 3)
    assert surface.triangles.shape == (0, 3)
