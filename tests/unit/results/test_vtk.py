from __future__ import annotations

import numpy as np
import pytest
import pyvista as pv
from scipy.spatial.transform import Rotation

from spallmap.frames import rotation_map
from spallmap.results.vtk import image_plane, read_polydata, surface, write_polydata, write_scene


def test_a_mesh_comes_back_and_so_does_an_empty_one(tmp_path):
    points = np.array([(0.0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)])
    triangles = np.array([(0, 1, 2), (0, 2, 3)])
    write_polydata(tmp_path / "a.vtp", points, triangles, {"crack": np.array([1, 1, 2, 2])})
    read_points, read_triangles, data = read_polydata(tmp_path / "a.vtp")
    np.testing.assert_array_equal(read_points, points)
    np.testing.assert_array_equal(read_triangles, triangles)
    np.testing.assert_array_equal(data["crack"], (1, 1, 2, 2))
    write_polydata(
        tmp_path / "none.vtp", np.zeros((0, 3)), np.zeros((0, 3), int), {"crack": np.zeros(0, int)}
    )
    assert read_polydata(tmp_path / "none.vtp")[1].shape == (0, 3)


POINTS = np.array([[0, 0, 0], [10, 0, 0], [0, 10, 0], [10, 10, 5.0]])
TRIANGLES = np.array([[0, 1, 2], [1, 3, 2]])


def test_polydata_round_trip(tmp_path):
    data = {"crack": np.array([1, 1, 1, 2], np.int32), "aperture_um": np.array([1.5, 2.0, np.nan, 0.1])}
    write_polydata(tmp_path / "a.vtp", POINTS, TRIANGLES, data)
    mesh = pv.read(tmp_path / "a.vtp")
    np.testing.assert_allclose(mesh.points, POINTS)
    np.testing.assert_array_equal(mesh.faces.reshape(-1, 4)[:, 1:], TRIANGLES)
    for name, values in data.items():
        np.testing.assert_array_equal(mesh.point_data[name], values)
    assert [p.name for p in tmp_path.iterdir()] == ["a.vtp"]


def test_empty_polydata_opens(tmp_path):
    write_polydata(tmp_path / "a.vtp", np.zeros((0, 3)), np.zeros((0, 3), int), {"crack": np.zeros(0, int)})
    assert pv.read(tmp_path / "a.vtp").n_points == 0


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="beyond"):
        surface(POINTS, [[0, 1, 4]])
    with pytest.raises(ValueError, match="3 values"):
        surface(POINTS, TRIANGLES, {"a": [1, 2, 3]})
    with pytest.raises(ValueError, match="one shape"):
        image_plane(
            {"a": np.zeros((2, 2)), "b": np.zeros((2, 3))},
            (1, 1),
            rotation_map(Rotation.identity(), (0, 0, 0)),
        )


def test_pixels_lie_where_the_map_puts_them():
    to_reference = rotation_map(Rotation.from_euler("xyz", (20, 30, 40), degrees=True), (1, 2, 3), (5, 6, 7))
    values = np.arange(12.0).reshape(3, 4)
    grid = image_plane({"grey": values}, (2.0, 5.0), to_reference)
    for row, column in ((0, 0), (2, 1), (1, 3)):
        point = to_reference(np.array([column * 5.0, row * 2.0, 0.0]))
        nearest = grid.find_closest_point(point)
        np.testing.assert_allclose(grid.points[nearest], point, atol=1e-4)
        assert grid.point_data["grey"][nearest] == values[row, column]


def test_scene_is_replaced_whole(tmp_path):
    path = tmp_path / "scene.vtm"
    write_scene(
        path,
        {"cracks": surface(POINTS, TRIANGLES), "links": surface(POINTS[:2], []), "old": surface(POINTS, [])},
    )
    write_scene(path, {"cracks": surface(POINTS, TRIANGLES), "nothing": surface(np.zeros((0, 3)), [])})
    scene = pv.read(path)
    assert scene.keys() == ["cracks"]
    assert scene["cracks"].n_points == 4
    assert sorted(p.name for p in tmp_path.iterdir()) == ["scene", "scene.vtm"]
    assert len(list((tmp_path / "scene").iterdir())) == 1
