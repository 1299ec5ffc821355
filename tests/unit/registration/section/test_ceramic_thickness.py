from __future__ import annotations

import numpy as np
import pytest

from spallmap.image import Image
from spallmap.registration.section.ceramic_thickness import plate_thickness_um, thickness_sizes
from tests.unit.registration.section.cell import PIXEL_UM, SPACING_UM, cut, small_cell


def test_a_section_is_as_thick_as_its_tomogram_at_its_true_size_alone() -> None:
    rng = np.random.default_rng(5)
    made = small_cell(rng)
    _, phases = made.volume(rng)
    assert plate_thickness_um(phases, SPACING_UM) == pytest.approx(170.0, rel=0.02)
    grey, mask, _ = cut(made, np.random.default_rng(1))
    for factor in (0.5, 1.0, 1.1, 2.0):
        image = Image(grey, ("y", "x"), (factor * PIXEL_UM,) * 2, mask)
        [size] = thickness_sizes(image, phases, SPACING_UM)
        assert size == pytest.approx((PIXEL_UM,) * 2, rel=0.03)


def test_a_section_without_faces_gets_no_size() -> None:
    grey = np.random.default_rng(2).normal(100.0, 5.0, (60, 80))
    phases = np.ones((12, 12, 12), dtype=np.uint8)
    assert thickness_sizes(Image(grey, ("y", "x"), (2.0, 2.0)), phases, SPACING_UM) == []
    assert plate_thickness_um(np.full((8, 8, 8), 5, dtype=np.uint8), SPACING_UM) is None
