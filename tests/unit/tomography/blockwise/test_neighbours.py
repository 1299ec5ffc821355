from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from spallmap.tomography.blockwise import neighbours
from spallmap.tomography.blockwise.neighbours import cell_order, point_grid, thin_out


def _points(seed: int, n: int = 800) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    points = rng.uniform(0, 30, (n, 3))
    return points, rng.integers(1, 3, n).astype(np.int32)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("chunk", [100_000, 37])
def test_neighbours_means_and_quantiles_are_those_of_a_tree(
    seed: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_POINTS", chunk)
    points, group = _points(seed)
    values = np.random.default_rng(seed).normal(size=(len(points), 2))
    holes = np.where(values > 0.5, np.nan, values).astype(np.float32)
    tree = cKDTree(points)
    for around in point_grid(points, group).around(4.0):
        for k, i in enumerate(range(around.rows.start, around.rows.stop)):
            members = around.members[around.starts[k] : around.starts[k + 1]]
            expected = [j for j in tree.query_ball_point(points[i], 4.0) if group[j] == group[i]]
            assert sorted(members) == sorted(expected)
        mean, quantile = around.mean(values, 1.5), around.quantile(values[:, 0].copy(), 0.8)
        total, fraction = around.mean_of_finite(holes, 1.5)
        own = np.sort(around.members[: around.starts[1]])
        i = around.rows.start
        w = np.exp(-0.5 * (np.linalg.norm(points[own] - points[i], axis=1) / 1.5) ** 2)
        assert mean[0] == pytest.approx(w @ values[own] / w.sum(), abs=1e-6)
        assert quantile[0] == pytest.approx(np.quantile(values[own, 0], 0.8))
        known = np.isfinite(holes[own, 0])
        assert fraction[0, 0] == pytest.approx(w[known].sum() / w.sum(), abs=1e-6)
        assert total[0, 0] == pytest.approx((w * np.nan_to_num(holes[own, 0])).sum() / w.sum(), abs=1e-6)


def test_only_points_of_the_same_sheet_are_neighbours() -> None:
    grid = np.stack(np.meshgrid(np.arange(10.0), np.arange(10.0), indexing="ij"), -1).reshape(-1, 2)
    flat = np.column_stack([np.full(100, 5.0), grid])
    upright = np.column_stack([grid[:, 0], np.full(100, 5.0), grid[:, 1]])
    points = np.concatenate([flat, upright])
    normals = np.repeat(np.eye(3)[:2], 100, axis=0)
    (around,) = point_grid(points, np.ones(200, np.int32)).around(3.0, normals)
    sheet = np.repeat([0, 1], 100)
    assert np.array_equal(sheet[around.members], np.repeat(sheet, np.diff(around.starts)))


@pytest.mark.parametrize("seed", [1, 2])
def test_thinned_points_keep_their_distance_and_cover_the_rest(seed: int) -> None:
    points, group = _points(seed)
    chosen = thin_out(point_grid(points, group), 2.0)
    for number in (1, 2):
        kept = chosen[group[chosen] == number]
        assert cKDTree(points[kept]).query(points[kept], k=2)[0][:, 1].min() > 2.0
        assert cKDTree(points[kept]).query(points[group == number])[0].max() <= 2.0


def test_the_order_does_not_depend_on_the_points_order_and_a_far_reach_is_refused() -> None:
    points, group = _points(4)
    points = np.rint(points)
    mixed = np.random.default_rng(5).permutation(len(points))
    assert np.array_equal(points[cell_order(points)], points[mixed][cell_order(points[mixed])])
    with pytest.raises(ValueError, match="reach"):
        next(point_grid(points, group).around(9.0))
