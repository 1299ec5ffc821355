from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, sparse

from spallmap.tomography.blockwise.distances import capped_distance
from spallmap.tomography.blockwise.voxels import groups, order
from spallmap.tomography.cracks.pores import extents, find_pores, pore_cores
from spallmap.tomography.cracks.sheet_groups import by_size, flatness


def _blobs(seed: int, shape: tuple[int, int, int] = (45, 33, 38), level: float = 0.12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return ndimage.gaussian_filter(rng.normal(size=shape), 1.2) > level


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_groups_of_touching_voxels_are_scipys_components(seed: int) -> None:
    mask = _blobs(seed)
    index = np.argwhere(mask)
    assert np.array_equal(order(index), np.arange(len(index)))
    found = groups(index)
    expected = ndimage.label(mask, np.ones((3, 3, 3)))[0][mask]
    assert len(np.unique(np.stack([found, expected]), axis=1).T) == found.max() + 1 == expected.max()


def test_far_voxels_are_linked_within_reach_alone_and_nodes_stay_together() -> None:
    index = np.array([[0, 0, 0], [0, 0, 4], [20, 0, 7], [20, 3, 11], [40, 0, 0]])
    assert groups(index, 3.9).tolist() == [0, 1, 2, 3, 4]
    assert groups(index, 4.0).tolist() == [0, 0, 1, 2, 3]
    assert groups(index, 5.0).tolist() == [0, 0, 1, 1, 2]
    assert groups(index, 4.0, node=np.array([0, 1, 1, 2, -1])).tolist() == [0, 0, 1]


def test_links_ask_for_one_sheet_where_normals_are_given() -> None:
    index = np.array([[0, 0, 0], [0, 0, 1], [0, 0, 2], [1, 0, 2]])
    flat, tilted, upright = [1.0, 0.0, 0.0], [np.sqrt(0.5), 0.0, np.sqrt(0.5)], [0.0, 0.0, 1.0]
    normal = np.array([flat, [-1.0, 0.0, 0.0], tilted, upright])
    assert groups(index, 1.8, normal, 0.85, 0.6).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_groups_are_the_components_of_the_graph_of_all_pairs(seed: int, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 14, 3)
    index = np.argwhere(rng.random(shape) < rng.choice([0.05, 0.3])) + rng.integers(0, 5000, 3)
    reach, cosine, sine = float(rng.choice([1.0, 1.8, 2.5, 4.0, 5.0])), 0.7, 0.5
    normal = rng.normal((2.0, 0.0, 0.0), size=(len(index), 3))
    normal = (normal / np.linalg.norm(normal, axis=1, keepdims=True)).astype(np.float32)
    node = rng.integers(-1, max(1, len(index) // 2), len(index))
    step = (index[:, None] - index).astype(float)
    length = np.linalg.norm(step, axis=-1)
    along = np.abs(np.einsum("ijk,ik->ij", step, normal.astype(float)))
    one_sheet = np.abs(normal.astype(float) @ normal.T.astype(float)) >= cosine
    one_sheet &= np.maximum(along, along.T) <= sine * length
    for linked, normals in ((length <= reach, None), ((length <= reach) & one_sheet, normal)):
        for owner in (None, node):
            of = np.arange(len(index)) if owner is None else owner
            a, b = np.nonzero(linked & (of[:, None] >= 0) & (of >= 0))
            n = int(of.max(initial=-1)) + 1
            graph = sparse.coo_array((np.ones(len(a)), (of[a], of[b])), shape=(n, n))
            expected = sparse.csgraph.connected_components(graph, directed=False)[1]
            found = groups(index.astype(dtype), reach, normals, cosine, sine, owner)
            assert np.array_equal(found, expected)


@pytest.mark.parametrize("cap", [1, 3, 8, 20])
def test_capped_distance_is_scipys_up_to_the_cap(cap: int) -> None:
    mask = _blobs(7, level=-0.1)
    expected = np.minimum(ndimage.distance_transform_edt(mask), cap)
    assert np.allclose(capped_distance(mask, cap), expected, atol=1e-6)
    assert np.all(capped_distance(np.ones((4, 5, 6), dtype=bool), cap) == cap)
    with pytest.raises(ValueError, match="cap"):
        capped_distance(mask, 100)


def test_round_voids_are_pores_and_wide_cracks_are_not() -> None:
    z, y, x = np.indices((50, 60, 60)) - 25
    ball = z**2 + (y + 12) ** 2 + (x + 12) ** 2 <= 5.0**2
    sheet = (np.abs(z - 10) <= 3) & (y >= 0)
    void = ball | sheet
    pores = find_pores(np.argwhere(pore_cores(void)), void.shape)
    everything = tuple(slice(0, n) for n in void.shape)
    mask = pores.mask(everything)
    assert mask[ball].all()
    assert not mask[sheet].any()
    part = (slice(11, 33), slice(5, 21), slice(0, 60))
    assert np.array_equal(pores.mask(part), mask[part])
    points = np.argwhere(np.ones(void.shape, dtype=bool))
    assert np.array_equal(pores.hold(points), mask.ravel())


def test_shapes_of_groups_are_numpys() -> None:
    rng = np.random.default_rng(9)
    index, group = rng.integers(0, 40, (300, 3)), rng.integers(0, 5, 300)
    normal = rng.normal(size=(300, 3))
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    for k in range(5):
        expected = np.sqrt(np.linalg.eigvalsh(np.cov(index[group == k].T)))
        assert extents(index, group)[k] == pytest.approx(expected)
        n = normal[group == k]
        assert flatness(normal, group)[k] == pytest.approx(np.linalg.eigvalsh(n.T @ n / len(n))[-1])


def test_numbers_fall_with_size_and_leave_out_groups_without_anchor() -> None:
    group = np.array([0, 1, 1, 2, 2, 2, 3, 3])
    anchor = np.array([1, 0, 1, 0, 0, 0, 1, 0], dtype=bool)
    assert by_size(group, anchor).tolist() == [3, 1, 1, 0, 0, 0, 2, 2]
