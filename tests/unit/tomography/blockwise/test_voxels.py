from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage, sparse

from spallmap.tomography.blockwise.voxels import groups, order
from tests.unit.tomography.tomography_drawings import blobs


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_groups_of_touching_voxels_are_scipys_components(seed: int) -> None:
    mask = blobs(seed)
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
