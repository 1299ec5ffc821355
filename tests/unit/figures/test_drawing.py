"""A refusal fills a panel with few words."""

from __future__ import annotations

from dataclasses import replace

from spallmap.figures.drawing import why_not
from spallmap.registration.compose import refused


def test_a_refusal_of_many_long_reasons_fits_a_panel() -> None:
    many = ["the metal does not explain the image, " * 8, *["another reason"] * 3]
    words = why_not("MRI", replace(refused(many[0]), reasons=tuple(many)), "")
    assert words is not None
    assert len(words) < 230
    assert words.startswith("MRI registration refused: the metal")
    assert words.endswith("and 3 more reasons, see the report")
    assert why_not("MRI", refused("too small"), "") == "MRI registration refused: too small"
