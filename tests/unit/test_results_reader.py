"""What the writers wrote comes back with its names and its grid."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.results.ome_tiff import channel, read_stack, write_ome_tiff
from spallmap.results.vtk import read_polydata, write_polydata


@pytest.mark.parametrize("shape", [(1, 6, 7), (3, 6, 7), (2, 4, 6, 7), (4, 1, 6, 7)])
def test_a_stack_comes_back(tmp_path, shape):
    data = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    names = tuple(f"channel {k}" for k in range(shape[0]))
    spacing = (7.0, 23.0, 46.0)[-(len(shape) - 1) :]
    write_ome_tiff(tmp_path / "a.ome.tif", data, names, spacing)
    stack = read_stack(tmp_path / "a.ome.tif")
    assert stack.spacing_um == spacing
    np.testing.assert_array_equal(stack.data, data)
    np.testing.assert_array_equal(channel(stack, names[-1]), data[-1])
    with pytest.raises(KeyError, match="channel 0"):
        channel(stack, "t2")


def test_a_plain_tiff_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="OME"):
        read_stack(tmp_path / "a.tif")


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
