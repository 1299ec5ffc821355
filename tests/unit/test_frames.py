"""Frames against rotations and grids known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from spallmap.frames import (
    AffineMap,
    displacement_um,
    grid_centre,
    grid_points,
    indices_to_points,
    points_to_indices,
    resample,
    rotation_map,
    sample_volume,
    to_itk_image,
)

finite = st.floats(-500, 500)
angles = st.floats(-180, 180)


@given(st.lists(finite, min_size=3, max_size=3), st.lists(st.floats(0.1, 50), min_size=3, max_size=3))
def test_indices_and_points_are_inverse(index, spacing):
    points = indices_to_points(index, spacing)
    np.testing.assert_allclose(points, np.array(index)[::-1] * np.array(spacing)[::-1])
    np.testing.assert_allclose(points_to_indices(points, spacing), index, atol=1e-9)


def test_grid_points_run_x_fastest_and_lie_in_the_plane_z_0_for_an_image():
    points = grid_points((3, 4), (2.0, 5.0))
    np.testing.assert_array_equal(points[2, 3], (15.0, 4.0, 0.0))
    volume_points = grid_points((2, 3, 4), (7.0, 2.0, 5.0))
    np.testing.assert_array_equal(volume_points[1, 2, 3], (15.0, 4.0, 7.0))
    np.testing.assert_array_equal(grid_centre((2, 3, 4), (7.0, 2.0, 5.0)), (7.5, 2.0, 3.5))


@given(angles, angles, angles, st.lists(finite, min_size=3, max_size=3))
def test_map_and_itk_agree_and_round_trip(a, b, c, shift):
    rotation = Rotation.from_euler("zyx", (a, b, c), degrees=True)
    mapping = rotation_map(rotation, (10.0, 20.0, 30.0), shift)
    point = np.array((1.0, -2.0, 3.0))
    np.testing.assert_allclose(mapping.to_itk().TransformPoint(tuple(point)), mapping(point), atol=1e-8)
    np.testing.assert_allclose(AffineMap.from_itk(mapping.to_itk()).matrix, mapping.matrix, atol=1e-8)
    np.testing.assert_allclose((mapping.inverse() @ mapping).matrix, np.eye(4), atol=1e-9)
    np.testing.assert_allclose(mapping((10.0, 20.0, 30.0)), np.array((10.0, 20.0, 30.0)) + shift)


def test_a_rotation_about_z_takes_x_to_y():
    mapping = rotation_map(Rotation.from_euler("z", 90, degrees=True), (0, 0, 0))
    np.testing.assert_allclose(mapping((1.0, 0.0, 0.0)), (0.0, 1.0, 0.0), atol=1e-12)


def test_composition_applies_the_right_hand_map_first():
    rotation = rotation_map(Rotation.from_euler("z", 90, degrees=True), (0, 0, 0))
    shift = AffineMap.from_parts(np.eye(3), (5.0, 0.0, 0.0))
    np.testing.assert_allclose((rotation @ shift)((0.0, 0.0, 0.0)), (0.0, 5.0, 0.0), atol=1e-12)
    np.testing.assert_allclose(displacement_um(rotation, rotation @ shift, [(1.0, 2.0, 3.0)]), [5.0])


@pytest.mark.parametrize(
    "matrix", [np.eye(3), np.full((4, 4), np.nan), np.vstack([np.eye(4)[:3], [0, 0, 1, 1]])]
)
def test_a_matrix_that_is_no_affine_map_is_refused(matrix):
    with pytest.raises(ValueError, match=r"affine|last row"):
        AffineMap(matrix)


def test_sampling_reads_the_voxel_at_its_point_in_both_interpolators():
    rng = np.random.default_rng(1)
    volume = rng.normal(size=(5, 6, 7)).astype(np.float32)
    spacing = (3.0, 2.0, 1.5)
    point = indices_to_points((2, 4, 5), spacing)
    assert sample_volume(volume, spacing, [point]) == pytest.approx(volume[2, 4, 5])
    image = to_itk_image(volume, spacing)
    assert image[image.TransformPhysicalPointToIndex(tuple(point))] == pytest.approx(volume[2, 4, 5])
    assert isinstance(image, sitk.Image)


def test_resampling_by_a_whole_voxel_shift_moves_the_array():
    rng = np.random.default_rng(2)
    volume = rng.normal(size=(6, 7, 8)).astype(np.float32)
    spacing = (3.0, 2.0, 1.5)
    shift = AffineMap.from_parts(np.eye(3), indices_to_points((1, 2, 3), spacing))
    moved = resample(volume, spacing, (5, 5, 5), spacing, shift)
    np.testing.assert_allclose(moved, volume[1:6, 2:7, 3:8], atol=1e-5)
