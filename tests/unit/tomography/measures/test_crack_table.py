from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography import measure_cracks, mid_surfaces, trace_sheets
from spallmap.tomography.measures.crack_table import CRACK_COLUMNS, EXTRA_CRACK_COLUMNS
from tests.unit.tomography.tomography_drawings import Bowl, Plane, cracks_of, draw_cell, to_cell

VOXEL = 4.66

SPACING_UM = (VOXEL, VOXEL, VOXEL)


@pytest.mark.parametrize(("seed", "aperture"), [(1, 0.5), (2, 0.8), (3, 1.5), (4, 2.5)])
def test_aperture_area_and_position_of_a_flat_crack(seed: int, aperture: float) -> None:
    rng = np.random.default_rng(seed)
    normal = np.array([1.0, *rng.uniform(-1, 1, 2)])
    crack = Plane((0.0, 2.0, -3.0), tuple(normal / np.linalg.norm(normal)), 11.0, aperture)
    drawing = draw_cell(rng, cracks=(crack,), tilt_deg=(4.0, -3.0), shape=(72, 100, 100))
    cracks, grey, phases = cracks_of(drawing)
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


def test_a_bowl_is_spalling_and_cuts_off_its_cap() -> None:
    bowl = Bowl((22.0, 0.0, 0.0), 18.0, 1.0)
    cracks, grey, phases = cracks_of(draw_cell(np.random.default_rng(6), cracks=(bowl,)))
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
    cracks, grey, phases = cracks_of(draw_cell(np.random.default_rng(7), cracks=(crack,)))
    row = measure_cracks(cracks, grey, phases, SPACING_UM).iloc[0]
    assert (bool(row.touches_bottom), bool(row.touches_top)) == (True, False)
    assert row.morphology == "straight"
    assert row.dip_deg == pytest.approx(84.4, abs=3.0)
    assert row.spall_volume_um3 == 0.0


def test_no_crack_gives_an_empty_table_and_surface() -> None:
    cracks, grey, phases = cracks_of(draw_cell(np.random.default_rng(9)))
    table = measure_cracks(cracks, grey, phases, SPACING_UM)
    assert tuple(table.columns) == CRACK_COLUMNS + EXTRA_CRACK_COLUMNS
    assert len(table) == 0
    surface = mid_surfaces(cracks, grey, phases, SPACING_UM)
    assert surface.points_xyz_um.shape == (0, 3)
    assert surface.triangles.shape == (0, 3)
