from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography.blockwise.distances import capped_distance
from tests.unit.tomography.tomography_drawings import blobs


@pytest.mark.parametrize("cap", [1, 3, 8, 20])
def test_capped_distance_is_scipys_up_to_the_cap(cap: int) -> None:
    mask = blobs(7, level=-0.1)
    expected = np.minimum(ndimage.distance_transform_edt(mask), cap)
    assert np.allclose(capped_distance(mask, cap), expected, atol=1e-6)
    assert np.all(capped_distance(np.ones((4, 5, 6), dtype=bool), cap) == cap)
    with pytest.raises(ValueError, match="cap"):
        capped_distance(mask, 100)
