from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.image import Image
from spallmap.registration.section.appearance import CERAMIC, EMPTY, SOLID, VOID, Section, read_section


def drawn_section(angle_deg: float) -> tuple[Image, np.ndarray]:
    v, u = np.mgrid[:200, :300].astype(float)
    a = np.deg2rad(angle_deg)
    h = (v - 90.0) * np.cos(a) - (u - 150.0) * np.sin(a)
    grey = np.where(h > 0, 190.0, np.where(h > -50.0, 110.0, 20.0))
    pore = (u - 100.0) ** 2 + (v - 150.0) ** 2 < 12.0**2
    grey[pore] = 20.0
    noisy = grey + np.random.default_rng(2).normal(0.0, 6.0, grey.shape)
    return Image(np.clip(noisy, 0, 255).astype(np.uint8), ("y", "x"), (1.0, 1.0)), pore


@pytest.mark.parametrize("angle_deg", [-6.0, 0.0, 9.0])
def test_classes_and_interface_of_a_drawn_section(angle_deg):
    image, pore = drawn_section(angle_deg)
    section = read_section(image, 2.0)
    assert isinstance(section, Section)
    assert section.interface is not None
    assert np.rad2deg(np.arctan2(section.interface[1], section.interface[0])) == pytest.approx(
        angle_deg, abs=0.5
    )
    classes = np.argmax(section.maps, axis=0)
    coarse = pore.reshape(100, 2, 150, 2).mean(axis=(1, 3)) > 0.5
    assert np.mean((classes == VOID) == coarse) > 0.998
    assert classes[95, 75] == CERAMIC
    assert classes[35, 75] == SOLID
    assert classes[2, 75] == EMPTY


def test_a_chip_that_a_crack_cuts_off_is_ceramic():
    v, u = np.mgrid[:200, :300].astype(float)
    grey = np.where(v > 60.0, 190.0, 20.0)
    depth = 100.0 - 0.02 * (u - 150.0) ** 2
    grey[(np.abs(v - depth) < 4.0) & (v > 60.0)] = 20.0
    noisy = grey + np.random.default_rng(4).normal(0.0, 6.0, grey.shape)
    section = read_section(Image(np.clip(noisy, 0, 255).astype(np.uint8), ("y", "x"), (1.0, 1.0)), 2.0)
    chip = (v > 64.0) & (v < depth - 6.0)
    assert 900.0 < chip.sum() < 3600.0
    assert section.maps[CERAMIC].repeat(2, 0).repeat(2, 1)[chip].mean() > 0.95


def test_the_edge_of_a_blurred_beam_is_no_electrode():
    image, _ = drawn_section(0.0)
    alone = np.where(image.data[::-1] > 150, 190.0, 20.0)
    blurred = ndimage.gaussian_filter(alone, 4.0) + np.random.default_rng(5).normal(0.0, 3.0, alone.shape)
    section = read_section(Image(blurred.clip(0, 255).astype(np.uint8), ("y", "x"), (1.0, 1.0)), 2.0)
    assert section.maps[SOLID].mean() < 1e-3
    # half-way lies the face: 110 rows of 200
    assert (section.maps[CERAMIC] + section.maps[VOID]).mean() == pytest.approx(0.55, abs=0.01)


def test_a_column_of_pores_is_no_stripe():
    image, _ = drawn_section(0.0)
    spoilt = image.data.copy()
    spoilt[100:, 100:106] = 20
    spoilt[110:160, 150:250] = 20
    section = read_section(Image(spoilt, ("y", "x"), (1.0, 1.0)), 2.0)
    assert section.maps[VOID, 60:75, 80:120].min() > 0.9
    assert section.maps[CERAMIC, 85:95, 60:140].min() > 0.9
