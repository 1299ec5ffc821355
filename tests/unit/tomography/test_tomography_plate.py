from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography.plate import _eigenvalues, plate_response, sheet_normals


def test_eigenvalues_are_those_of_lapack() -> None:
    rng = np.random.default_rng(1)
    for _ in range(300):
        m = rng.normal(size=(3, 3)) * 10.0 ** rng.uniform(-3, 5)
        m = m + m.T
        found = _eigenvalues(m[0, 0], m[1, 1], m[2, 2], m[0, 1], m[0, 2], m[1, 2])
        expected = np.linalg.eigvalsh(m)[::-1]
        assert np.allclose(found, expected, atol=1e-6 * np.abs(m).max())
    assert _eigenvalues(2.0, 2.0, 2.0, 0.0, 0.0, 0.0) == pytest.approx((2.0, 2.0, 2.0))


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
    assert plate_response(1.0 + blurred["sheet"])[20, 20, 20] < 0.0
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
