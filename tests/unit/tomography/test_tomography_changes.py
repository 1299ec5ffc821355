from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap
from spallmap.tomography.measures.changes import (
    CHANGE_COLUMNS,
    compare_cracks,
    complete,
    shown_by,
    vertex_areas,
)


def _sheet(rng: np.random.Generator, x0: float, x1: float, z: float) -> np.ndarray:
    x, y = np.meshgrid(np.arange(x0, x1, 4.0), np.arange(0.0, 200.0, 4.0))
    points = np.column_stack([x.ravel(), y.ravel(), np.full(x.size, z)])
    return points + rng.normal(0.0, 0.7, points.shape)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_fractions_before_are_those_drawn(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [_sheet(rng, 0, 400, z) for z in (0.0, 100.0, 200.0, 300.0)]
    crack = np.repeat(np.arange(1, 5, dtype=np.int32), [len(p) for p in parts])
    # The first stays, the second was half as long, the third was not there, the fourth cannot be seen.
    earlier = np.concatenate([_sheet(rng, 0, 400, 1.0), _sheet(rng, 0, 200, 99.0)])
    points = np.concatenate(parts)
    mixed = rng.permutation(len(points))
    table = compare_cracks(
        points[mixed],
        crack[mixed],
        np.full(len(points), 16.0),
        np.full(len(points), 5.0),
        earlier,
        np.full(len(earlier), 3.0),
        9.0,
        comparable=crack[mixed] != 4,
    )
    assert tuple(table.columns) == CHANGE_COLUMNS
    assert list(table.crack) == [1, 2, 3, 4]
    assert list(table.change) == ["unchanged", "grown", "new", "not comparable"]
    assert table.fraction_before[:3].to_numpy() == pytest.approx([1.0, 0.5, 0.0], abs=0.03)
    assert table.fraction_comparable.to_numpy() == pytest.approx([1, 1, 1, 0])
    assert table.widened_um[:2].to_numpy() == pytest.approx([2.0, 2.0])
    assert np.isnan(table.fraction_before[3])
    assert np.isnan(table.aperture_before_um[2])


def test_without_earlier_cracks_all_are_new_and_without_cracks_there_is_no_row() -> None:
    rng = np.random.default_rng(4)
    points = _sheet(rng, 0, 50, 0.0)
    ones = np.ones(len(points))
    none = np.zeros((0, 3))
    table = compare_cracks(points, ones.astype(np.int32), ones, ones, none, np.zeros(0), 9.0)
    assert list(table.change) == ["new"]
    assert len(compare_cracks(none, np.zeros(0, np.int32), none[:, 0], none[:, 0], points, ones, 9.0)) == 0
    with pytest.raises(ValueError, match="reach"):
        compare_cracks(points, ones.astype(np.int32), ones, ones, points, ones, 0.0)


def test_areas_of_corners_sum_to_the_triangles() -> None:
    points = np.array([[0.0, 0, 0], [3, 0, 0], [0, 4, 0], [3, 4, 0], [9, 9, 9]])
    area = vertex_areas(points, np.array([[0, 1, 2], [1, 2, 3]]))
    assert area == pytest.approx([2.0, 4.0, 4.0, 2.0, 0.0])
    assert len(vertex_areas(points[:0], np.zeros((0, 3), dtype=np.int64))) == 0


def test_points_are_looked_up_in_the_tomograms_own_frame() -> None:
    labels = np.full((6, 8, 10), 5, dtype=np.uint8)
    labels[2, 3, 4] = 1
    labels[2, 3, 5] = 3
    moved = AffineMap.from_parts(np.eye(3), [100.0, 0.0, -50.0])
    own = np.array([[8.0, 6.0, 6.0], [10.0, 6.0, 6.0], [12.0, 6.0, 6.0], [-9.0, 0.0, 0.0], [0.0, 0.0, 99.0]])
    shown = shown_by(moved(own), moved, labels, (3.0, 2.0, 2.0))
    assert shown.tolist() == [True, True, False, False, False]


def test_cracks_that_nothing_is_known_of_are_not_comparable() -> None:
    none = np.zeros(0)
    table = compare_cracks(np.zeros((0, 3)), none.astype(np.int32), none, none, np.zeros((0, 3)), none, 5.0)
    whole = complete(table, [1, 2])
    assert list(whole["crack"]) == [1, 2]
    assert list(whole["change"]) == ["not comparable"] * 2
    assert list(whole["fraction_comparable"]) == [0.0, 0.0]


def test_a_crack_without_area_is_not_comparable() -> None:
    points = np.array([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]])
    table = compare_cracks(
        points, np.array([1, 2], np.int32), np.array([0.0, 4.0]), np.ones(2), points[:0], np.zeros(0), 5.0
    )
    assert list(table.change) == ["not comparable", "new"]
