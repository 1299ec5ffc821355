"""Surfaces of cracks and their tomogram's map come back from files as they were."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spallmap.frames import AffineMap
from spallmap.registration.result import Registration, StandardError
from spallmap.results.crack_surfaces import read_reference_pose, read_surface
from spallmap.results.registration import write_registration
from spallmap.results.vtk import write_polydata
from spallmap.tomography import Surface


def test_surfaces_come_back_also_without_points(tmp_path: Path) -> None:
    values = np.random.default_rng(1).uniform(1.0, 9.0, (3, 3))
    one = Surface(10.0 * np.eye(3), np.array([[0, 1, 2]]), np.ones(3, np.int32), *values)
    for surface in (one, one.none_of_it()):
        path = tmp_path / "cracks.vtp"
        write_polydata(path, surface.points_xyz_um, surface.triangles, surface.point_data)
        back = read_surface(path)
        assert back.points_xyz_um == pytest.approx(surface.points_xyz_um)
        assert np.array_equal(back.triangles, surface.triangles)
        for name, data in surface.point_data.items():
            assert np.array_equal(back.point_data[name], data)
            assert back.point_data[name].dtype == data.dtype


@pytest.mark.parametrize("accepted", [True, False])
def test_a_registration_is_read_as_map_errors_and_whether_it_may_be_used(
    tmp_path: Path, accepted: bool
) -> None:
    moved = AffineMap.from_parts(np.eye(3), [1.0, 2.0, 3.0])
    error = StandardError(1.0, None, 2.0)
    if accepted:
        written = Registration(moved, "drawn", "accepted", (), 1.0, se_um=error)
    else:
        written = Registration(moved, "drawn", "refused", ("no overlap",), 1.0, se_um=error)
    write_registration(tmp_path / "r.json", tmp_path / "r.tfm", written)
    pose = read_reference_pose(tmp_path / "r.json")
    assert pose is not None
    assert np.array_equal(pose.map.matrix, moved.matrix)
    assert pose.se_um == (1.0, None, 2.0)
    assert pose.accepted is accepted
    assert read_reference_pose(None) is None
