from __future__ import annotations

import numpy as np
import pytest

from spallmap.registration.projection.metal import find_metal, skin_cloud
from tests.unit.registration.projection.projection_phantom import (
    BARS,
    SPACING_UM,
    phases,
)


def test_metal_knows_its_depth_volume_and_side() -> None:
    metal = find_metal(phases(), SPACING_UM, 10.7)
    assert metal is not None
    volume = sum(float(np.prod(bar.size_um)) for bar in BARS)
    assert len(metal.points_um) * np.prod(metal.voxel_um) == pytest.approx(volume)
    # In a box, the depth is the distance to the nearest of its six faces.
    for bar in BARS:
        low, high = bar.centre_um - bar.size_um / 2.0, bar.centre_um + bar.size_um / 2.0
        inside = np.all((metal.points_um > low) & (metal.points_um < high), axis=1)
        p = metal.points_um[inside]
        expected = np.minimum(p - low, high - p).min(axis=1)
        np.testing.assert_allclose(metal.depth_um[inside], expected, atol=1e-9)
        assert len(np.unique(metal.electrode[inside])) == 1
    assert len(np.unique(metal.electrode)) == 2
    assert abs(metal.stack_axis[2]) > 0.99


def test_fine_voxels_are_pooled_without_moving_the_metal() -> None:
    coarse = phases()[:40, :48, :48]
    fine = coarse.repeat(3, axis=0).repeat(3, axis=1).repeat(3, axis=2)
    metal = find_metal(fine, (1.0, 1.0, 1.0), 10.7)
    assert metal is not None
    assert metal.voxel_um == (3.0, 3.0, 3.0)
    # A voxel's centre in the coarse grid is the middle of its three fine ones.
    expected = (np.argwhere(coarse == 2).mean(axis=0) * 3.0 + 1.0)[::-1]
    np.testing.assert_allclose(metal.centroid_um, expected, atol=1e-9)


def test_no_metal_is_none() -> None:
    assert find_metal(np.ones((5, 5, 5), dtype=np.uint8), SPACING_UM, 10.7) is None


def test_pooling_keeps_mass_and_centre() -> None:
    metal = find_metal(phases(), SPACING_UM, 10.7)
    assert metal is not None
    fine, coarse = skin_cloud(metal, 10.7, 8.0), skin_cloud(metal, 10.7, 24.0)
    assert len(coarse.weight) < len(fine.weight) / 5
    assert coarse.weight.sum() == pytest.approx(fine.weight.sum())
    np.testing.assert_allclose(
        coarse.weight @ coarse.points_um, fine.weight @ fine.points_um, atol=1e-6 * fine.weight.sum()
    )
