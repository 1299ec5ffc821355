from __future__ import annotations

import pytest

from spallmap.report.captions import figure_picture


@pytest.mark.parametrize("kind", ["volume", "projection", "section", "inset"])
def test_each_picture_has_words(kind: str) -> None:
    picture = figure_picture(f"registration_{kind}", b"", "sem-detail")
    assert picture.title.endswith("(sem-detail)")
    assert len(picture.caption) > 200
    assert picture.alt
