from __future__ import annotations

from spallmap.axes import AxesPrior
from spallmap.registration.feasibility import why_not_projection, why_not_section

PRIOR = AxesPrior.parse("-z,y")


def test_a_projection_needs_a_tomogram_and_a_direction_for_each_axis() -> None:
    assert why_not_projection(True, PRIOR, 2) is None
    assert why_not_projection(False, PRIOR, 3) == "the cell has no tomogram to place it in"
    assert why_not_projection(True, PRIOR, 3) == "the table names 2 axes, and the image has 3"


def test_a_section_needs_a_tomogram_and_element_maps_an_image() -> None:
    assert why_not_section(True, "sem") is None
    assert why_not_section(False, "edx") == "the cell has no tomogram to place it in"
    reason = why_not_section(True, "edx")
    assert reason is not None
    assert "'within'" in reason
