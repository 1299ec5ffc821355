from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from spallmap.registration.section.certainty import position_error, resolutions_apart
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import RIGID, SCALED, refine, refine_among_minima
from spallmap.registration.section.resolutions import make_level
from spallmap.registration.section.search import Converged, SectionSolution
from tests.unit.registration.section.cell import VOXEL_UM


def test_the_error_of_a_position_is_that_of_drawn_poses():
    rng = np.random.default_rng(8)
    root = rng.normal(size=(8, 8)) * np.array([2e-3] * 3 + [0.7] * 3 + [1e-3] * 2)[:, None]
    rotation = Rotation.from_euler("xyz", [20.0, -40.0, 70.0], degrees=True).as_matrix()
    pose = SectionPose(rotation, np.array([10.0, 20.0, 30.0]), 0.0, 0.01, -0.005)
    points = np.column_stack([rng.uniform(-500, 500, (60, 2)), np.zeros(60)])
    moved = np.stack([pose.moved(root @ rng.normal(size=8)).place(points) for _ in range(4000)])
    drawn = np.sqrt((((moved - pose.place(points)) @ pose.rotation) ** 2).mean(axis=(0, 1)))
    said = position_error(root @ root.T, pose, points)
    np.testing.assert_allclose((said.u, said.v, said.normal), drawn, rtol=0.06)


def test_resolutions_agree_on_one_minimum_and_report_the_distance_of_two(scene):
    target, section, true, _ = scene
    resolutions = target.levels(section)
    best = refine_among_minima(resolutions[-1], refine(resolutions[-1], true, free=SCALED), VOXEL_UM)
    solution = SectionSolution(resolutions, Converged(resolutions[-1], best, RIGID, (0.0, 0.0)), [best])
    assert np.all(resolutions_apart(solution.soft, solution.fine, best, VOXEL_UM) < 0.1 * VOXEL_UM)
    along = int(np.argmax(np.abs(true.rotation[:, 2])))

    def shifted(grid):
        step = round(4 * VOXEL_UM / grid.spacing_um[2 - along])
        return np.roll(grid.volume, step, axis=2 - along)

    soft, fine = target.grids[1], target.grids[-1]
    both = (0.6 * fine.volume + 0.4 * shifted(fine)).astype(np.float32)
    doubled = make_level(section, replace(fine, volume=both))
    other = make_level(section, replace(soft, volume=shifted(soft)))
    torn = SectionSolution(
        (resolutions[0], other, doubled), solution.converged, [refine(doubled, best, free=SCALED)]
    )
    u, v, normal = resolutions_apart(torn.soft, torn.fine, torn.ranked[0], VOXEL_UM) / VOXEL_UM
    assert 1.5 < normal < 4.5
    assert max(u, v) < 0.8
