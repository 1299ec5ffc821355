from __future__ import annotations

import numpy as np

from spallmap.frames import AffineMap
from spallmap.registration.block_errors import block_shifts, cube_labels, position_se_um
from spallmap.registration.gauss_newton import Motion, align
from tests.unit.registration.bumpy_pair import bumps, pair


def test_reported_errors_are_the_errors_that_occur() -> None:
    motion = Motion(planar=True)
    ratios = []
    for seed in range(20):
        field, points, shown = pair(seed, AffineMap.identity(), 0.08)
        found = align(field, points, shown, AffineMap.identity(), motion)
        labels = cube_labels(found.points, 8.0)
        se = position_se_um(found, motion, labels, points)
        assert se is not None
        centre = points.mean(axis=0)
        ratios.append((found.map(centre) - centre)[:2] / se[:2])
    assert 0.6 < np.std(ratios) < 1.4


def test_blocks_report_a_part_that_moved_on_its_own() -> None:
    field, points, _ = pair(5, AffineMap.identity(), 0.0)
    moved = points.copy()
    right = points[:, 0] > 40
    moved[right, 0] += 0.3
    found = align(
        field, points, bumps(moved, 5)[:, None], AffineMap.identity(), Motion(planar=True), max_iterations=0
    )
    shifts = block_shifts(found, cube_labels(found.points, 16.0))
    far = shifts.position_um[:, 0] > 52
    assert far.any()
    np.testing.assert_allclose(shifts.shift_um[far, 0], 0.3, atol=0.08)
    np.testing.assert_allclose(shifts.shift_um[shifts.position_um[:, 0] < 28], 0.0, atol=0.05)
