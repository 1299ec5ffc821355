from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.figures import cell_figure, decay_figure, echo_figure, link_figure, t2_figure
from spallmap.results.records import MriRecord, SectionRecord, XctRecord
from tests.unit.figures.paper.paper_checks import words


@pytest.mark.parametrize("have", ["nothing", "xct", "mri", "sem"])
def test_every_figure_works_with_what_there_is(
    have: str, shorted: XctRecord, mri: MriRecord, sem: SectionRecord
) -> None:
    tomograms = [shorted] if have == "xct" else []
    series = [replace(mri, registration=None)] if have == "mri" else []
    sections = [replace(sem, registration=None)] if have == "sem" else []
    missing = {
        "cell": cell_figure(tomograms),
        "echo": echo_figure(series, tomograms),
        "t2": t2_figure(series),
        "decay": decay_figure(series),
        "link": link_figure(tomograms, series, sections),
    }
    for drawing in missing.values():
        assert words(drawing.figure)
    if have != "mri":
        assert "No MRI of this cell." in words(missing["t2"].figure)
    if have != "xct":
        assert "No tomogram of this cell." in words(missing["cell"].figure)
        assert "There is no tomogram of this cell." in words(missing["link"].figure)


def test_many_slices_show_the_one_with_regions(mri: MriRecord, shorted: XctRecord) -> None:
    stacked = replace(
        mri,
        echoes=np.stack([np.asarray(mri.echoes) * 2.0, mri.echoes, mri.echoes], axis=1),
        spacing_um=(50.0, 20.0, 20.0),
        t2={k: np.stack([v] * 3) for k, v in mri.t2.items()},
        regions=np.stack([np.zeros_like(mri.regions), np.asarray(mri.regions), np.zeros_like(mri.regions)]),
    )
    plane = stacked.plane()
    assert plane.remark == "slice 2 of 3"
    assert plane.registration is not None
    assert mri.registration is not None
    assert plane.registration.map((0, 0, 0)) == pytest.approx(mri.registration.map((0, 0, 50.0)))
    assert "slice 2 of 3" in words(t2_figure([stacked]).figure)
    assert link_figure([shorted], [stacked]).numbers["mri_plane"]["region"].sum() == 6
