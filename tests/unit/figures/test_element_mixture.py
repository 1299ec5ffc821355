from __future__ import annotations

import numpy as np
import pytest

from spallmap.figures.element_mixture import composite, element_colours


def test_composite_screens_colours() -> None:
    maps = np.zeros((2, 40, 40))
    maps[0, :, :20] = 10.0
    maps[1, :20] = 4.0
    mixed = composite(maps, ["#FF0000", "#00FF00"])
    assert mixed[5, 5] == pytest.approx([1.0, 1.0, 0.0], abs=0.02)
    assert mixed[35, 5] == pytest.approx([1.0, 0.0, 0.0], abs=0.02)
    assert mixed[35, 35] == pytest.approx([0.0, 0.0, 0.0], abs=0.02)


def test_every_element_has_a_colour_of_its_own() -> None:
    colours = element_colours(["Na", "Si", "Zr", "P", "O"])
    assert len(set(colours.values())) == 5
