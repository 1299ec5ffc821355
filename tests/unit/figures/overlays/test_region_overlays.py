from __future__ import annotations

from spallmap.figures import mri_overlay
from spallmap.results.records import MriRecord


def test_mri_overlay_without_a_tomogram_says_so(mri: MriRecord) -> None:
    drawing = mri_overlay(None, mri)
    texts = [t.get_text().replace("\n", " ") for a in drawing.figure.axes for t in a.texts]
    assert texts == ["There is no tomogram of this cell."] * 3
