"""A small cell whose tomogram is prepared once, and a section of it whose pose is known."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.axes import AxesPrior
from spallmap.registration.section.appearance import Section
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.target import Target, make_target
from tests.unit.registration.section.cell import PIXEL_UM, SPACING_UM, cut, placed, read, small_cell


@pytest.fixture(scope="session")
def scene() -> tuple[Target, Section, SectionPose, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(5)
    made = small_cell(rng)
    grey, phases = made.volume(rng)
    target = make_target(grey, phases, SPACING_UM, AxesPrior.parse("-z,r"), starts=60)
    assert isinstance(target, Target)
    drawn = cut(made, np.random.default_rng(1))
    section = read(drawn[:2], (PIXEL_UM, PIXEL_UM))
    return target, section, placed(section, drawn[2]), drawn
