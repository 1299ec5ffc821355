from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography import find_cracks, plate_response
from spallmap.tomography.cracks.plate import SIGMAS_VOXELS
from spallmap.tomography.cracks.thresholds import TOO_LITTLE, crack_thresholds
from spallmap.tomography.measures.blur import Blur
from spallmap.tomography.measures.detection import detection_limit, sheet_response

FINE = 4
VOXEL = 4.66
SPACING_UM = (VOXEL, VOXEL, VOXEL)


def _sheet(
    shape: tuple[int, int, int],
    centre: np.ndarray,
    normal: np.ndarray,
    radius: float,
    aperture: float,
    blur: float,
) -> np.ndarray:
    """Fraction of each voxel that a disc opens, drawn on a grid four times finer and blurred there."""
    z, y, x = np.meshgrid(
        *[(np.arange(n * FINE) + 0.5) / FINE - 0.5 for n in shape], indexing="ij", sparse=True
    )
    z, y, x = z - centre[0], y - centre[1], x - centre[2]
    away = normal[0] * z + normal[1] * y + normal[2] * x
    inside = z * z + y * y + x * x - away**2 <= radius**2
    # A sheet thinner than a fine voxel opens a fraction of it.
    thick = max(aperture, 1.0 / FINE)
    opened = np.clip((thick / 2.0 - np.abs(away)) * FINE + 0.5, 0.0, 1.0) * (aperture / thick) * inside
    opened = ndimage.gaussian_filter(opened.astype(np.float32), blur * FINE)
    nz, ny, nx = shape
    return opened.reshape(nz, FINE, ny, FINE, nx, FINE).mean(axis=(1, 3, 5))


@pytest.mark.parametrize("aperture", [0.3, 1.0, 2.5])
@pytest.mark.parametrize("sigma", SIGMAS_VOXELS)
def test_the_response_is_that_of_the_filter_on_a_sheet_drawn_finely(aperture: float, sigma: float) -> None:
    rng = np.random.default_rng(1)
    values = []
    for _ in range(4):
        normal = rng.normal(size=3)
        shape = (27, 27, 27)
        sheet = _sheet(shape, np.full(3, 13.0), normal / np.linalg.norm(normal), 99.0, aperture, 0.6)
        values.append(plate_response(-sheet.astype(np.float32), None, (sigma,), (1.0,))[13, 13, 13])
    expected = sheet_response(np.array([aperture]), float(np.hypot(0.6, 12**-0.5)), sigma)[0]
    assert np.mean(values) == pytest.approx(expected, rel=0.06)


def test_half_of_the_sheets_at_the_limit_are_found() -> None:
    rng = np.random.default_rng(2)
    shape = (48, 88, 88)
    noise = [ndimage.gaussian_filter(rng.normal(size=shape), 0.5) for _ in range(2)]
    clean, null = (50_000.0 + n / n.std() * 2500.0 for n in noise)
    labels = np.ones(shape, np.uint8)
    thresholds = crack_thresholds(clean, labels, null, labels)
    blur = Blur(float(np.hypot(0.6, 12**-0.5)), 0.03, 100)
    limit = detection_limit(clean, labels, SPACING_UM, thresholds, blur, 0.78)
    assert limit.median_sodium_um / limit.median_air_um == pytest.approx(1 / 0.78, rel=0.1)
    assert np.isfinite(limit.air_um).any()
    found = {}
    for factor in (0.6, 1.6):
        grey, middles = clean.copy(), []
        for z, y, x in np.ndindex(1, 2, 2):
            middle = np.array([24 + z, 24 + 40 * y, 24 + 40 * x])
            normal = rng.normal(size=3)
            patch = _sheet(
                (36, 36, 36),
                np.full(3, 18.0) + rng.uniform(-0.5, 0.5, 3),
                normal / np.linalg.norm(normal),
                np.sqrt(2 * thresholds.min_area_voxels / np.pi),
                factor * limit.median_air_um / VOXEL,
                0.6,
            )
            grey[tuple(slice(c - 18, c + 18) for c in middle)] -= 40_000.0 * patch
            middles.append(middle)
        cracks = find_cracks(grey, labels, SPACING_UM, null, labels)
        there = [np.count_nonzero(np.abs(cracks.ridge_index - m).max(axis=1) < 10) > 60 for m in middles]
        found[factor] = np.mean(there)
    assert found[0.6] <= 0.25
    assert found[1.6] >= 0.75


def test_noisier_ceramic_hides_wider_cracks_and_where_there_is_none_nothing_is_said() -> None:
    rng = np.random.default_rng(3)
    shape = (48, 96, 96)
    noise = ndimage.gaussian_filter(rng.normal(size=shape), 0.5)
    noise /= noise.std()
    noise[:, :, 48:] *= 3.0
    grey = 50_000.0 + 800.0 * noise
    labels = np.ones(shape, np.uint8)
    labels[:, :24] = 5
    thresholds = crack_thresholds(grey, labels)
    blur = Blur(0.7, 0.03, 100)
    limit = detection_limit(grey, labels, SPACING_UM, thresholds, blur, 0.78, node_voxels=16)
    assert limit.air_um.shape == (3, 6, 6)
    assert np.isnan(limit.air_um[:, 0]).all()
    quiet, loud = limit.air_um[1, 3, 1], limit.air_um[1, 3, 4]
    # The threshold is the same; luck with the noise and what it takes off differ.
    assert np.isfinite(quiet)
    assert np.isfinite(loud)
    assert quiet != loud
    twice = detection_limit(grey, labels, SPACING_UM, thresholds, blur, 0.78, threads=2, node_voxels=16)
    assert np.array_equal(limit.air_um, twice.air_um, equal_nan=True)
    nothing = detection_limit(grey, labels, SPACING_UM, TOO_LITTLE, blur, 0.78)
    assert np.isnan(nothing.median_air_um)
    assert np.isnan(nothing.air_um).all()
