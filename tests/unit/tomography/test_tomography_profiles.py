from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography.blockwise.neighbours import point_grid
from spallmap.tomography.measures import profiles
from spallmap.tomography.measures.blur import USUAL_BLUR_VOXELS, Blur, measure_blur
from spallmap.tomography.measures.filling import WIDENED, distinguish_filling, sodium_contrast
from spallmap.tomography.measures.profiles import profile_offsets, sample_profiles
from spallmap.tomography.phases.interfaces import Interfaces


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


@pytest.mark.parametrize("blur", [0.5, 0.7, 1.0])
def test_the_point_spread_is_measured_at_a_tilted_wavy_face(blur: float) -> None:
    rng = np.random.default_rng(6)
    ny, nx = 60, 60
    y, x = np.mgrid[:ny, :nx].astype(float)
    face = 20.0 + 0.03 * y - 0.05 * x + 0.6 * np.sin(y / 9.0)
    fine = 8
    depth = (np.arange(40 * fine) + 0.5) / fine - 0.5
    # The step is blurred on a fine grid and averaged over the voxels.
    step = np.clip((depth[:, None, None] - face) * fine + 0.5, 0.0, 1.0)
    step = ndimage.gaussian_filter1d(step, blur * fine, axis=0, mode="nearest")
    grey = 19_000 + 31_000 * step.reshape(40, fine, ny, nx).mean(axis=1)
    grey += rng.normal(0.0, 1000.0, grey.shape)
    none = np.full((ny, nx), np.nan, np.float32)
    uncut = np.zeros(face.shape, dtype=bool)
    faces = Interfaces(face.astype(np.float32), none, np.zeros(3), np.zeros(3), uncut, uncut)
    found = measure_blur(grey, faces)
    assert found.n_patches > 100
    assert found.sigma_voxels == pytest.approx(np.hypot(blur, 12**-0.5), rel=0.05)
    assert measure_blur(grey, None).sigma_voxels == USUAL_BLUR_VOXELS


@pytest.mark.parametrize("seed", [1, 2])
def test_filling_is_reported_where_the_crack_is_wide_and_not_where_it_is_thin(seed: int) -> None:
    rng = np.random.default_rng(seed)
    y, x = (a.ravel() for a in np.mgrid[:60, :120])
    points = np.column_stack([np.zeros(len(y)), y, x]).astype(float)
    contrast, blur = 0.78, 0.7
    sodium = x > 60
    for aperture, reported in ((2.2, True), (0.35, False)):
        c = np.where(sodium, contrast, 1.0)[:, None]
        t = (np.arange(-40, 41) / 80 * aperture)[:, None, None]
        u = profile_offsets()
        # The blurred box as a sum of blurred slices.
        shape = np.exp(-0.5 * ((u - t) / blur) ** 2).mean(axis=0) / (np.sqrt(2 * np.pi) * blur) * aperture
        profile = (c * shape + rng.normal(0, 0.035, (len(y), len(u)))).astype(np.float32)
        found = distinguish_filling(
            point_grid(points, np.ones(len(y), np.int32)),
            np.tile([1.0, 0.0, 0.0], (len(y), 1)),
            profile,
            np.zeros(len(y)),
            np.ones(len(y), bool),
            contrast,
            Blur(blur / WIDENED, 0.03, 100),
        ).sodium_probability
        far = np.abs(x - 60) > 12
        if reported:
            assert np.mean((found > 0.9)[sodium & far]) > 0.95
            assert np.mean((found < 0.1)[~sodium & far]) > 0.95
        else:
            assert np.mean((found > 0.9) & ~sodium) < 0.1
            assert np.mean((found < 0.1) & sodium) < 0.1


def test_the_sodium_contrast_comes_from_inside_the_electrodes() -> None:
    labels = np.full((60, 60, 60), 1, np.uint8)
    labels[40:] = 2
    grey = np.where(labels == 1, 50_000, 18_000).astype(np.uint16)
    grey[40:42] = 34_000
    assert sodium_contrast(grey, labels) == pytest.approx(32 / 40)
    assert sodium_contrast(grey, np.ones_like(labels)) == pytest.approx((50_000 - 19_000) / 40_000)
