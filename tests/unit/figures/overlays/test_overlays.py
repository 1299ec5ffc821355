from __future__ import annotations

import pandas as pd

from spallmap.figures import elements_overlay, mri_overlay, section_overlay, style
from spallmap.results.records import ElementsRecord, MriRecord, SectionRecord, XctRecord


def test_overlays_are_drawn(
    shorted: XctRecord, mri: MriRecord, sem: SectionRecord, edx: ElementsRecord, links: pd.DataFrame
) -> None:
    for drawing in (
        mri_overlay(shorted, mri, links),
        section_overlay(shorted, mri, sem),
        elements_overlay(edx, sem),
    ):
        assert len(style.png_bytes(drawing.figure, dpi=50)) > 5000
        assert drawing.numbers
    table = elements_overlay(edx).numbers["elements"].set_index("element")["total_counts"]
    assert table.to_dict() == {"Na": 1500.0, "Al": 2100.0}
