from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography.cracks.pores import extents
from spallmap.tomography.cracks.sheet_groups import by_size, flatness


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
