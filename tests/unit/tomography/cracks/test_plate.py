from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography.cracks import plate
from spallmap.tomography.cracks.plate import SIGMAS_VOXELS, block_responses, combine, plate_response
from spallmap.tomography.cracks.ridges import sheet_normals


def _reference(volume: np.ndarray, sigma: float) -> np.ndarray:
    """The same by scipy's Gaussian and LAPACK's eigenvalues, in double precision."""
    g = np.pad(ndimage.gaussian_filter(volume.astype(np.float64), sigma, mode="nearest"), 1, mode="edge")

    def at(*step: int) -> np.ndarray:
        return g[tuple(slice(1 + s, n - 1 + s) for s, n in zip(step, g.shape, strict=True))]

    hessian = np.empty((*volume.shape, 3, 3))
    unit = np.eye(3, dtype=int)
    for i in range(3):
        hessian[..., i, i] = at(*unit[i]) + at(*-unit[i]) - 2.0 * at(0, 0, 0)
        for j in range(i):
            plus, minus = unit[i] + unit[j], unit[i] - unit[j]
            cross = (at(*plus) + at(*-plus) - at(*minus) - at(*-minus)) / 4.0
            hessian[..., i, j] = hessian[..., j, i] = cross
    low, middle, high = np.moveaxis(np.linalg.eigvalsh(hessian), -1, 0)
    return np.maximum(high - np.maximum(np.abs(middle), np.abs(low)), 0.0)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-4, 0.5), (2000.0, 30_000.0)])
@pytest.mark.parametrize("sigma", [0.7, 1.0, 2.0])
def test_the_response_is_that_of_scipy_and_lapack(scale: float, offset: float, sigma: float) -> None:
    rng = np.random.default_rng(3)
    volume = offset + scale * rng.normal(size=(21, 24, 27))
    volume[9:11] -= 8.0 * scale
    expected = _reference(volume, sigma)
    inside = (slice(1, -1),) * 3
    found = plate_response(volume, sigmas=(sigma,), weights=(1.0,))
    assert np.allclose(found[inside], expected[inside], atol=5e-4 * expected.max() + 1e-6 * offset)


def test_the_answer_does_not_depend_on_the_blocks_or_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    volume = rng.normal(40_000.0, 1_500.0, (37, 41, 53)).astype(np.uint16)
    whole = plate_response(volume)
    for size in (11, 16, 29):
        monkeypatch.setattr(plate, "RESPONSE_TILE", size)
        assert np.array_equal(plate_response(volume, threads=2), whole)
    region = (slice(5, 20), slice(0, 13), slice(30, 53))
    parts = block_responses(volume, region)
    assert np.array_equal(combine(parts, [s**3.5 for s in SIGMAS_VOXELS]), whole[region])


def _grid(n: int = 41) -> tuple[np.ndarray, ...]:
    c = np.arange(n) - n // 2
    return tuple(np.meshgrid(c, c, c, indexing="ij"))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_thin_sheet_gives_the_second_derivative_of_its_blurred_profile(seed: int) -> None:
    n = np.random.default_rng(seed).normal(size=3)
    n /= np.linalg.norm(n)
    z, y, x = _grid()
    d = n[0] * z + n[1] * y + n[2] * x
    blur, sigma = 1.2, 2.0
    volume = 1000.0 - np.exp(-0.5 * (d / blur) ** 2)
    response = plate_response(volume, sigmas=(sigma,), weights=(1.0,))
    # A Gaussian trough stays one under Gaussian smoothing; its curvature is height over variance.
    total = np.hypot(blur, sigma)
    expected = blur / total / total**2
    # Differences over a voxel instead of derivatives flatten the peak by some per cent.
    assert response[20, 20, 20] == pytest.approx(expected, rel=0.12)
    found = sheet_normals(
        ndimage.gaussian_filter(volume.astype(np.float32), sigma), np.array([[20, 20, 20]])
    )[0]
    assert abs(found @ n) > 0.999


def test_pores_tubes_and_edges_answer_less_than_a_sheet() -> None:
    z, y, x = _grid()
    blurred = {
        "sheet": np.exp(-0.5 * z**2 / 1.5**2),
        "tube": np.exp(-0.5 * (z**2 + y**2) / 1.5**2),
        "pore": np.exp(-0.5 * (z**2 + y**2 + x**2) / 1.5**2),
        "edge": 1.0 / (1.0 + np.exp(-z / 1.0)),
    }
    peak = {name: plate_response(1.0 - v)[18:23, 18:23, 18:23].max() for name, v in blurred.items()}
    assert peak["tube"] < 0.5 * peak["sheet"]
    assert plate_response(1.0 - blurred["pore"])[20, 20, 20] < 0.05 * peak["sheet"]
    assert plate_response(1.0 + blurred["sheet"])[20, 20, 20] == 0.0
    # On the bright side of an edge nothing answers.
    assert plate_response(1.0 - blurred["edge"])[15:18, 20, 20].max() < 0.02 * peak["sheet"]


def test_bright_is_the_mirror_image_and_the_mask_limits() -> None:
    rng = np.random.default_rng(5)
    volume = rng.normal(100.0, 5.0, (20, 22, 24))
    mask = np.zeros(volume.shape, dtype=bool)
    mask[5:12, 5:15, 6:20] = True
    dark = plate_response(volume, mask)
    assert np.allclose(dark, plate_response(-volume, mask, bright=True), atol=1e-3)
    assert np.all(dark[~mask] == 0.0)
    assert np.allclose(dark[mask], plate_response(volume)[mask])


def test_a_plane_image_is_refused() -> None:
    with pytest.raises(ValueError, match="volume"):
        plate_response(np.zeros((5, 5)))
