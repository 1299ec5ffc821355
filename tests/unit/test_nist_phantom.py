from __future__ import annotations

import numpy as np
import pytest
from nist_phantom import find_plate, square_of_pixels
from scipy import ndimage


def drawn(rng: np.random.Generator, rotation_deg: float, pixel_mm: float, n: int = 180):
    """Draw a plate from polar coordinates; returns echoes and the spheres' centres."""
    middle = n / 2 + rng.uniform(-6, 6, 2)
    bearings = np.deg2rad(
        rotation_deg + np.array([36.0 * k for k in range(10)] + [315.0, 45.0, 135.0, 225.0])
    )
    distances = np.array([50.0] * 10 + [20.0 * np.sqrt(2.0)] * 4) / pixel_mm
    centres = middle + np.stack([-distances * np.cos(bearings), distances * np.sin(bearings)], axis=1)
    t2_ms = 800.0 * 0.72 ** np.arange(14)
    rows, columns = np.mgrid[:n, :n]
    water = np.hypot(rows - middle[0], columns - middle[1]) * pixel_mm < 95.0
    shade = 1.0 + 0.4 * np.cos(rows / 70.0) * np.sin(columns / 90.0)
    echoes = []
    for te in (8.0, 16.0, 60.0):
        image = np.where(water, np.exp(-te / 2400.0), 0.0)
        for centre, t2 in zip(centres, t2_ms, strict=True):
            r = np.hypot(rows - centre[0], columns - centre[1]) * pixel_mm
            image = np.where(r < 10.0, 0.0, image)
            image = np.where(r < 7.5, np.exp(-te / t2), image)
        image = ndimage.gaussian_filter(image * shade, 0.8)
        echoes.append(np.abs(image + 0.02 * rng.normal(size=image.shape)))
    return np.array(echoes), centres


@pytest.mark.parametrize("rotation_deg", [0.0, -20.0, 75.0, 170.0, -110.0])
def test_spheres_are_found_and_numbered_at_any_angle(rotation_deg):
    rng = np.random.default_rng(int(rotation_deg) + 200)
    echoes, centres = drawn(rng, rotation_deg, pixel_mm := rng.uniform(1.2, 1.5))
    plate = find_plate(echoes, pixel_mm)
    np.testing.assert_allclose(plate.centres, centres, atol=0.7)
    assert (plate.angle_deg - rotation_deg + 180.0) % 360.0 - 180.0 == pytest.approx(0.0, abs=1.0)
    assert plate.scale == pytest.approx(1.0, abs=0.01)
    assert plate.order < -0.5


def test_square_of_pixels():
    mask = square_of_pixels(np.array([3.6, 2.4]), 2, (8, 7))
    assert mask.sum() == 25
    assert mask[2:7, 0:5].all()
