from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap
from spallmap.image import Image
from spallmap.tomography import ReferencePose, Surface, comparison_level, crack_changes
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


def _triangles(x0: float, z: float, crack: int) -> Surface:
    """A crack of two triangles, 20 um by 20 um."""
    corners = np.array([[x0, 10.0, z], [x0 + 20.0, 10.0, z], [x0, 30.0, z], [x0 + 20.0, 30.0, z]])
    ones = np.ones(4)
    return Surface(corners, np.array([[0, 1, 2], [1, 2, 3]]), np.full(4, crack, np.int32), ones, ones, ones)


CERAMIC_EVERYWHERE = Image(np.ones((12, 12, 12), dtype=np.uint8), ("z", "y", "x"), (5.0, 5.0, 5.0))


def _pose(*se_um: float | None, accepted: bool = True) -> ReferencePose:
    return ReferencePose(AffineMap.identity(), se_um, accepted)


def test_the_reach_is_two_voxels_of_the_coarser_scan_and_both_errors() -> None:
    now, before = _triangles(10.0, 20.0, 1), _triangles(10.0, 31.0, 1)

    def change(voxel_um: list[float], own: ReferencePose | None, earlier: ReferencePose | None) -> str:
        table = crack_changes(now, before, [1], CERAMIC_EVERYWHERE, voxel_um, own, earlier)
        return str(table["change"][0])

    # 11 um apart: further than two voxels of 5 um, but not than two of 6 um or the errors besides.
    assert change([5.0, 4.0], None, None) == "new"
    assert change([5.0, 6.0], None, None) == "unchanged"
    assert change([5.0], _pose(0.9, 0.2, 0.2), None) == "new"
    assert change([5.0], _pose(0.9, 0.2, 0.2), _pose(0.9, 0.2, 0.2)) == "unchanged"


@pytest.mark.parametrize(
    ("own", "earlier", "searched"),
    [
        (_pose(1.0, None, 1.0), None, True),
        (None, _pose(None, 1.0, 1.0), True),
        (None, _pose(1.0, 1.0, 1.0, accepted=False), True),
        (None, None, False),
    ],
)
def test_nothing_is_compared_where_nothing_can_be_said(
    own: ReferencePose | None, earlier: ReferencePose | None, searched: bool
) -> None:
    crack = _triangles(10.0, 20.0, 1)
    table = crack_changes(crack, crack, [1, 2], CERAMIC_EVERYWHERE, [5.0], own, earlier, searched)
    assert list(table["change"]) == ["not comparable"] * 2
    assert list(table["fraction_comparable"]) == [0.0, 0.0]


def test_the_earlier_scan_is_looked_up_in_its_own_frame() -> None:
    crack = _triangles(10.0, 20.0, 1)
    away = ReferencePose(AffineMap.from_parts(np.eye(3), [500.0, 0.0, 0.0]), (1.0, 1.0, 1.0), accepted=True)
    table = crack_changes(crack, crack, [1], CERAMIC_EVERYWHERE, [5.0], None, away)
    assert list(table["change"]) == ["not comparable"]


def test_labels_are_looked_up_at_half_the_resolution_where_there_is_one() -> None:
    assert [comparison_level(n) for n in (1, 2, 5)] == [0, 1, 1]
