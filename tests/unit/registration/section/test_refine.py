from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.frames import grid_points
from spallmap.registration.section.appearance import EMPTY, SOLID, Section
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import equations, linearise, refine
from spallmap.registration.section.resolutions import make_grid, make_level


def test_refinement_returns_to_a_known_pose():
    rng = np.random.default_rng(4)
    centres = rng.uniform(20.0, 180.0, (30, 3))
    radii = rng.uniform(10.0, 24.0, 30)

    def solid(points):
        pore = np.zeros(points.shape[:-1], dtype=bool)
        for c, r in zip(centres, radii, strict=True):
            pore |= ((points - c) ** 2).sum(axis=-1) < r * r
        return ~pore

    fine = solid(grid_points((100, 100, 100), (2.0, 2.0, 2.0)) - 1.0)
    grey = (10000 + 40000 * fine.reshape(50, 2, 50, 2, 50, 2).mean(axis=(1, 3, 5))).astype(np.uint16)
    linear = Rotation.from_euler("xyz", [80.0, 4.0, 15.0], degrees=True).as_matrix()
    own = grid_points((150, 150), (1.0, 1.0))
    centre = np.array([98.0, 102.0, 97.0])
    ceramic = solid((own - np.array([74.5, 74.5, 0.0])) @ linear.T + centre)
    maps = np.stack([ceramic, ~ceramic, 0 * ceramic, 0 * ceramic]).astype(np.float32)
    section = Section(maps, (1.0, 1.0), (0.0, 0.0), np.array([74.5, 74.5, 0.0]), None, maps[0])
    grid = make_grid(grey.astype(np.float32), (4.0, 4.0, 4.0), 0.0, blur_um=3.0)
    level = make_level(section, grid)
    start = SectionPose(
        Rotation.from_rotvec([0.02, -0.02, 0.03]).as_matrix() @ linear,
        centre + np.array([3.0, -2.0, 4.0]),
        0.0,
    )
    found = refine(level, start)
    assert np.linalg.norm(found.centre_um - centre) < 0.6
    assert np.rad2deg(np.linalg.norm(Rotation.from_matrix(found.rotation.T @ linear).as_rotvec())) < 0.5
    fit = linearise(level, found)
    assert fit is not None
    assert fit.cost < 0.1


def test_summed_equations_agree_with_the_comparison_point_by_point(scene):
    target, section, true, _ = scene
    level = target.levels(section)[-1]
    pose = true.moved(np.array([0.01, -0.02, 0.01, 2.0, -1.0, 3.0, 0.01, -0.005]))
    summed, listed = equations(level, pose), linearise(level, pose)
    assert summed is not None
    assert listed is not None
    weighted = listed.jacobian * listed.used[:, None]
    np.testing.assert_allclose(weighted.T @ listed.jacobian, summed.normal, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(weighted.T @ listed.residual, summed.gradient, rtol=1e-5, atol=1.0)
    assert summed.cost == pytest.approx(listed.cost, rel=1e-5)
    assert summed.overlap == pytest.approx(listed.overlap)


@pytest.mark.parametrize(("resolution", "classes"), [(0, 3), (-1, 4)], ids=["bounded void", "free void"])
def test_derivatives_agree_with_finite_differences(scene, resolution, classes):
    target, section, true, _ = scene
    level = target.levels(section)[resolution]
    if classes == 4:
        level = replace(level, basis=level.basis * np.array([1.0, 1.0, 1.0, 0.85]))
    basis = level.basis[:, :classes]
    for k, size in enumerate((1e-5,) * 3 + (1e-3,) * 3 + (1e-5,) * 2):
        step = np.zeros(8)
        step[k] = size
        there, back = linearise(level, true.moved(step)), linearise(level, true.moved(-step))
        middle = linearise(level, true)
        assert there is not None
        assert back is not None
        assert middle is not None
        slope = (there.values - back.values) / (2.0 * size)
        greys = np.linalg.lstsq(
            basis * np.sqrt(middle.used)[:, None], slope * np.sqrt(middle.used), rcond=None
        )[0]
        expected = slope - basis @ greys
        good = np.abs(expected - middle.jacobian[:, k]) < 0.02 * np.abs(expected).max()
        assert np.mean(good) > 0.97


def test_voids_that_are_missed_cost_where_nothing_else_is_empty(scene):
    target, section, true, _ = scene
    maps = section.maps.copy()
    maps[SOLID] += maps[EMPTY]
    maps[EMPTY] = 0.0
    level = make_level(replace(section, maps=maps), target.grids[-1])
    blank = replace(level, void=0.0 * level.void, basis=level.basis * np.array([1.0, 1.0, 1.0, 0.0]))
    away = true.moved(np.array([0.0, 0.0, 0.0, 25.0, 25.0, 0.0]))
    there, away_voids, away_blank = equations(level, true), equations(level, away), equations(blank, away)
    assert there is not None
    assert away_voids is not None
    assert away_blank is not None
    assert away_voids.cost > away_blank.cost > there.cost
