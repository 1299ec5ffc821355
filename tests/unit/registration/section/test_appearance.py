from __future__ import annotations

import numpy as np
import pytest

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
