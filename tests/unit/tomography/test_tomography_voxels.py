from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography.distances import capped_distance
from spallmap.tomography.pores import extents, find_pores, pore_cores
from spallmap.tomography.shapes import by_size, flatness
from spallmap.tomography.voxels import disc_share, groups, order


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


def test_disc_share_is_one_within_a_sheet_and_half_at_its_edge() -> None:
    sheet = np.argwhere(np.ones((1, 41, 41), dtype=bool))
    up = np.tile([1.0, 0.0, 0.0], (len(sheet), 1))
    share = disc_share(sheet, up, np.zeros(len(sheet), dtype=np.int64), 6.0).reshape(41, 41)
    assert share[20, 20] == pytest.approx(1.0, abs=0.05)
    assert share[20, 0] == pytest.approx(0.5, abs=0.08)
    assert share[0, 0] == pytest.approx(0.25, abs=0.08)


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
