from __future__ import annotations

import numpy as np
import pytest

from spallmap.registration.projection.forward import ProjectionPose, Slices
from tests.unit.registration.projection.projection_phantom import (
    pose,
)


def test_slices_distribute_a_point_and_their_slope_is_its_derivative() -> None:
    slices = Slices(5, 60.0)
    depth = np.linspace(-100.0, 400.0, 4001)
    lower, below, above = slices.fractions(depth)
    np.testing.assert_allclose(below + above, 1.0)
    # Each slice sees as much of an even piece of metal as it is thick.
    for n in range(1, 4):
        seen = np.where(lower == n, below, 0.0) + np.where(lower == n - 1, above, 0.0)
        assert seen.sum() * (depth[1] - depth[0]) == pytest.approx(60.0, rel=1e-3)
    _, falling, rising = slices.fractions(depth, moving=True)
    np.testing.assert_allclose(falling, -rising)
    inside = (above[1:-1] > 0.02) & (above[1:-1] < 0.98)
    np.testing.assert_allclose(np.gradient(above, depth)[1:-1][inside], rising[1:-1][inside], rtol=1e-6)


def test_pose_round_trip() -> None:
    truth = pose(np.random.default_rng(2))
    centre = np.array([300.0, 400.0, 200.0])
    back = ProjectionPose.from_map(truth, centre).to_map(centre)
    np.testing.assert_allclose(back.linear, truth.linear, atol=1e-12)
    # The planes are parallel and the maps agree along the image's own axes.
    difference = truth.linear.T @ (back.translation_um - truth.translation_um)
    np.testing.assert_allclose(difference[:2], 0.0, atol=1e-9)
