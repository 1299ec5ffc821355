from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography.measures import profiles
from spallmap.tomography.measures.profiles import profile_offsets, sample_profiles


def _nowhere(region: tuple[slice, slice, slice]) -> np.ndarray:
    return np.zeros([s.stop - s.start for s in region], dtype=bool)


def _places(rng: np.random.Generator, n: int = 200) -> tuple[np.ndarray, np.ndarray]:
    normal = rng.normal(size=(n, 3))
    return rng.integers(12, 44, (n, 3)), normal / np.linalg.norm(normal, axis=1, keepdims=True)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_quadratic_field_is_sampled_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, y, x = np.mgrid[:56, :56, :56] / 56.0
    c = rng.uniform(-3000, 3000, 6)

    def field(z: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return 40_000 + c[0] * z + c[1] * y + c[2] * x + c[3] * z * z + c[4] * y * x + c[5] * x * x

    index, normal = _places(rng)
    found = sample_profiles(field(z, y, x), np.ones((56, 56, 56), np.uint8), _nowhere, index, normal)
    offsets = profile_offsets()
    where = (index[:, None, :] + offsets[None, :, None] * normal[:, None, :]) / 56.0
    true = field(*np.moveaxis(where, -1, 0))
    base = np.median(true[:, np.abs(offsets) > 4.0], axis=1)[:, None]
    assert found == pytest.approx((base - true) / (base - 10_000), abs=1e-6)


def test_samples_do_not_depend_on_the_blocks_and_leave_out_what_is_not_ceramic(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(4)
    grey = rng.integers(20_000, 60_000, (56, 56, 56)).astype(np.uint16)
    labels = np.ones(grey.shape, np.uint8)
    labels[:10] = 2
    index, normal = _places(rng)

    def pore(region: tuple[slice, slice, slice]) -> np.ndarray:
        z, y, x = np.ogrid[region]
        return (z - 30) ** 2 + (y - 30) ** 2 + (x - 30) ** 2 <= 16

    results = []
    for tile in (128, 13):
        monkeypatch.setattr(profiles, "TILE_VOXELS", tile)
        results.append(sample_profiles(grey, labels, pore, index, normal, threads=2))
    assert np.array_equal(results[0], results[1], equal_nan=True)
    where = index[:, None, :] + profile_offsets()[None, :, None] * normal[:, None, :]
    bad = (where[..., 0] < 9.4) | (np.linalg.norm(where - 30.0, axis=-1) < 4.0)
    assert np.isnan(results[0][bad]).all()
    good = (where[..., 0] > 12.0) & (np.linalg.norm(where - 30.0, axis=-1) > 7.0)
    assert np.isfinite(results[0][good & (where < 53).all(axis=-1)]).all()
