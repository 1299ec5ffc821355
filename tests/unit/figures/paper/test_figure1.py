from __future__ import annotations

from dataclasses import replace

import pytest

from spallmap.figures import cell_figure
from spallmap.results.records import CrackSurface, XctRecord
from tests.unit.figures.paper.paper_checks import refusal, words


def test_cell_figure_shows_every_state_at_one_place(
    pristine: XctRecord, shorted: XctRecord, surface: CrackSurface
) -> None:
    drawing = cell_figure([pristine, shorted], surface)
    written = words(drawing.figure)
    for part in (
        "pristine, x–z",
        "shorted, x–y",
        "aperture / µm",
        "depth below the interface / µm",
        "one voxel",
    ):
        assert part in written
    sections = drawing.numbers["sections"]
    assert list(sections["state"]) == ["pristine"] * 3 + ["shorted"] * 3
    columns = ["origin_x_um", "origin_y_um", "origin_z_um", "n_rows", "n_columns"]
    assert sections[columns][:3].to_numpy() == pytest.approx(sections[columns][3:].to_numpy())
    # The section z = 220 holds the whole flat crack of 20 x 20 voxels, and 50 x 50 of ceramic less the crack.
    in_crack = sections[(sections.state == "shorted") & (sections.section == "x–y")].iloc[0]
    assert in_crack["crack_um2"] == pytest.approx(400 * 100.0)
    assert in_crack["ceramic_um2"] == pytest.approx((2500 - 400) * 100.0)
    assert drawing.numbers["aperture"]["points"].sum() == 400
    assert len(drawing.numbers["plan"]) == 400


def test_cell_figure_with_a_refused_state_shows_its_own_frame(
    pristine: XctRecord, shorted: XctRecord
) -> None:
    drawing = cell_figure([replace(pristine, registration=refusal(pristine.registration)), shorted])
    assert set(drawing.numbers["sections"].query("state == 'pristine'")["frame"]) == {"own"}
    written = words(drawing.figure)
    assert "registration refused" in written
    assert "No crack was found in the shorted tomogram" in written
