from __future__ import annotations

from spallmap.report import (
    Picture,
)
from spallmap.report.pictures import fit, size_px
from tests.unit.report.page_parts import png


def test_pictures_shrink_to_the_budget() -> None:
    pictures = [Picture("a", png(900, 700, 1), "", ""), Picture("b", png(220, 210, 2), "", "")]
    fitted = fit(pictures, 600_000)
    assert sum(len(p.png) for p in fitted) <= 600_000
    assert size_px(fitted[0].png)[0] < 900
    assert fitted[1].png == pictures[1].png
    assert fit(pictures, 10_000_000) == pictures
