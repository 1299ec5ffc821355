from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.figures import echo_figure
from spallmap.results.records import MriRecord, XctRecord
from tests.unit.figures.paper.paper_checks import refusal, words


def test_echo_figure_holds_the_images_numbers(
    mri_pristine: MriRecord, mri: MriRecord, shorted: XctRecord
) -> None:
    drawing = echo_figure([mri_pristine, mri], [shorted])
    written = words(drawing.figure)
    for part in ("pristine, 2 ms", "18 ms", "electrodes (tomogram)", "magnitude / a.u."):
        assert part in written
    table = drawing.numbers["echoes"]
    assert len(table) == 2 * 5 * 600
    first = table.query("state == 'shorted' and te_ms == 2")["magnitude"].to_numpy()
    assert first == pytest.approx(np.asarray(mri.echoes[0]).ravel())


def test_echo_figure_says_when_nothing_may_be_projected(mri: MriRecord, shorted: XctRecord) -> None:
    written = words(echo_figure([replace(mri, registration=refusal(mri.registration))], [shorted]).figure)
    assert "registration refused" in written
    assert "electrodes (tomogram)" not in written
