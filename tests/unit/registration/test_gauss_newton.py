from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, displacement_um, grid_points, rotation_map
from spallmap.registration.block_errors import cube_labels, position_se_um
from spallmap.registration.gauss_newton import Field, Motion, align
from tests.unit.registration.bumpy_pair import SHAPE, SPACING, pair


@pytest.mark.parametrize("seed", range(5))
def test_a_plane_motion_is_found_whatever_the_contrast(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = np.array([40.0, 32.0, 0.0])
    truth = rotation_map(
        Rotation.from_euler("z", rng.uniform(-3, 3), degrees=True), centre, [*rng.uniform(-2, 2, 2), 0]
    )
    field, points, shown = pair(seed, truth, 0.0)
    found = align(field, points, shown, AffineMap.identity(), Motion(planar=True))
    assert found.converged
    assert displacement_um(found.map, truth, points).max() < 0.02
    assert found.correlation > 0.999


def test_a_rotation_in_space_and_a_scale_are_found() -> None:
    rng = np.random.default_rng(3)
    shape = (24, 40, 40)
    hills = rng.uniform(0, 40, (80, 3)) * [1, 1, 0.6]

    def show(points: np.ndarray) -> np.ndarray:
        return np.exp(-((points[..., None, :] - hills) ** 2).sum(-1) / (2 * 2.5**2)).sum(-1)

    grid = grid_points(shape, (1.0, 1.0, 1.0))
    centre = np.array([20.0, 20.0, 12.0])
    rotation = Rotation.from_euler("xyz", [2.0, -3.0, 4.0], degrees=True)
    scale = AffineMap.from_parts(np.eye(3) * 1.02, -0.02 * centre)
    truth = rotation_map(rotation, centre, [0.6, -0.8, 0.5]) @ scale
    points = grid[5:-5, 5:-5, 5:-5].reshape(-1, 3)
    field = Field(show(grid).astype(np.float32), (1.0, 1.0, 1.0), np.zeros(3))
    found = align(field, points, show(truth(points))[:, None], AffineMap.identity(), Motion(scale=True))
    assert displacement_um(found.map, truth, points).max() < 0.05


def test_the_sample_point_lies_where_the_gradient_says() -> None:
    grid = grid_points((6, 7, 8), (2.0, 3.0, 4.0))
    field = Field(
        (grid @ np.array([0.5, -0.25, 2.0])).astype(np.float32), (2.0, 3.0, 4.0), np.array([1.0, 2.0, 3.0])
    )
    values, gradient, inside = field.sample(np.array([[7.0, 8.0, 6.0], [-1.0, 8.0, 6.0]]))
    assert values[0] == pytest.approx(0.5 * 6 - 0.25 * 6 + 2.0 * 3)
    np.testing.assert_allclose(gradient[0], [0.5, -0.25, 2.0], atol=1e-5)
    np.testing.assert_array_equal(inside, [True, False])


def test_nothing_to_hold_on_to_moves_nothing() -> None:
    flat = Field(np.ones(SHAPE, np.float32), SPACING, np.zeros(3))
    points = grid_points(SHAPE, SPACING)[20:40, 20:40].reshape(-1, 3)
    found = align(flat, points, np.ones((400, 1)), AffineMap.identity(), Motion(planar=True))
    np.testing.assert_array_equal(found.map.matrix, np.eye(4))
    assert found.correlation == 0.0
    assert position_se_um(found, Motion(planar=True), cube_labels(found.points, 5.0), points) is None
