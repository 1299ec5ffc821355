from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import Delaunay

from spallmap.tomography import mid_surfaces
from spallmap.tomography.blockwise.neighbours import point_grid
from spallmap.tomography.measures.surfaces import REACH_VOXELS, _stars
from tests.unit.tomography.tomography_drawings import Bowl, cracks_of, draw_cell, to_cell

VOXEL = 4.66

SPACING_UM = (VOXEL, VOXEL, VOXEL)


def test_the_surface_lies_in_the_middle_and_covers_the_sheet() -> None:
    bowl = Bowl((22.0, 0.0, 0.0), 18.0, 1.5)
    drawing = draw_cell(np.random.default_rng(8), cracks=(bowl,))
    cracks, grey, phases = cracks_of(drawing)
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


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_stars_of_flat_points_are_delaunay(seed: int) -> None:
    rng = np.random.default_rng(seed)
    flat = rng.uniform(0.0, 12.0, (300, 2))
    points = np.column_stack([np.full(300, 5.0), flat])
    normals = np.tile([1.0, 0.0, 0.0], (300, 1))
    (around,) = point_grid(points, np.ones(300, np.int32)).around(REACH_VOXELS)
    found = {tuple(sorted(t)) for t in _stars(around.starts, around.members, 0, points, normals).tolist()}
    expected = {tuple(sorted(t)) for t in Delaunay(flat).simplices.tolist()}
    inner = np.all((flat > 3.0) & (flat < 9.0), axis=1)
    assert {t for t in found if inner[list(t)].all()} == {t for t in expected if inner[list(t)].all()}
    assert sum(inner[list(t)].all() for t in found) > 50
