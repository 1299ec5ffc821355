from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from spallmap.figures import link_figure
from spallmap.results.records import MriRecord, SectionRecord, XctRecord
from tests.unit.figures.paper.paper_checks import refusal, words


def test_link_figure_draws_all_panels(
    shorted: XctRecord, mri: MriRecord, sem: SectionRecord, links: pd.DataFrame
) -> None:
    drawing = link_figure([shorted], [mri], [sem], links, {"p_value": 0.012})
    assert set(drawing.numbers) == {"mri_plane", "tomogram_section", "sem_section", "links"}
    written = words(drawing.figure)
    for part in (
        "crack along the line of sight / µm",
        "region 1 and crack 1",
        "region 1 on crack 1: 0.97",
        "p = 0.012",
        "4 ± 6 µm",
    ):
        assert part in written
    plane = drawing.numbers["mri_plane"]
    # The flat crack lies at z = 220, in the middle of row 8; it is 10 um thick: half of the row sees it.
    crack = plane[(plane.crack_um > 1.0) & plane.column.between(11, 16)]
    assert set(crack["row"]) == {8}
    assert crack["crack_um"].to_numpy() == pytest.approx(100.0, rel=0.01)
    assert plane["region"].sum() == 6
    position = drawing.numbers["tomogram_section"].iloc[0]
    assert (position["region"], position["crack"]) == (1, 1)
    assert position["crack_voxels_on_lines_of_sight"] > 0
    assert position["point_z_um"] == pytest.approx(220.0)
    assert 220.0 <= position["point_y_um"] <= 330.0
    outlines = drawing.numbers["sem_section"]
    assert {"crack 1", "region 1"} <= set(outlines["outline"])
    # On the section the crack runs from y = 195 to 395 at z = 220, so at v = 170.
    crack_line = outlines.query("outline == 'crack 1'")
    assert crack_line["v_um"].mean() == pytest.approx(170.0, abs=3.0)
    assert (crack_line["u_um"].min(), crack_line["u_um"].max()) == pytest.approx((195.0, 395.0), abs=6.0)


def test_link_figure_says_what_was_refused(shorted: XctRecord, mri: MriRecord, sem: SectionRecord) -> None:
    bad_mri = replace(mri, registration=refusal(mri.registration))
    bad_sem = replace(sem, registration=refusal(sem.registration))
    drawing = link_figure([shorted], [bad_mri], [bad_sem], None, None)
    written = words(drawing.figure)
    assert written.count("MRI registration refused: the runner-up is as good") == 3
    assert "SEM registration refused: the runner-up is as good" in written
    assert drawing.numbers == {}
