"""What the tests of registration pictures need: a known registration, and a figure's words and borders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure
from matplotlib.text import Text

from spallmap.figures import style
from spallmap.frames import AffineMap
from spallmap.registration.diagnostics import Diagnostics
from spallmap.registration.result import Registration, RunnerUp, StandardError

SPACING = (4.0, 4.0, 4.0)
FAR = AffineMap.from_parts(np.eye(3), (0.0, 0.0, 5000.0))
REASONS = (
    "pores and cracks do not agree: correlation 0.12 inside the ceramic, at least 0.3 is needed",
    "another place fits nearly as well: its misfit is 1.02 times as large only",
    "not converged: 40 % of the restarts came back to the same pose",
    "the position is uncertain by more than 1 voxel",
)


def known(matrix: AffineMap, verdict: str = "accepted", **more: object) -> Registration:
    reasons = REASONS if verdict == "refused" else ()
    error = StandardError(1.25, 0.8, None)
    made = Registration(matrix, "known", verdict, reasons, 0.83, RunnerUp(0.55, 320.0, 14.0), error)  # type: ignore[arg-type]
    made = replace(made, diagnostics=Diagnostics(score_is="fraction"))
    return replace(made, **more)  # type: ignore[arg-type]


def words(figure: Figure) -> str:
    texts = [t.get_text() for t in figure.findobj(Text) if isinstance(t, Text)]
    return " ".join(" ".join(texts).replace("\N{NO-BREAK SPACE}", " ").split())


def head(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().replace("\N{NO-BREAK SPACE}", " ").split())


def assert_inside(figure: Figure) -> None:
    """Every text lies within the paper and no panel's title runs into the next panel's."""
    with style.context():
        figure.draw_without_rendering()
    paper = figure.bbox
    for text in figure.findobj(Text):
        if isinstance(text, Text) and text.get_visible() and text.get_text().strip():
            box = text.get_window_extent()
            assert box.x0 >= -1.0, text.get_text()
            assert box.x1 <= paper.x1 + 1.0, text.get_text()
            assert box.y0 >= -1.0, text.get_text()
            assert box.y1 <= paper.y1 + 1.0, text.get_text()
    named = [axes for axes in figure.axes if axes.get_title(loc="left")]
    titles = [axes._left_title.get_window_extent() for axes in named]  # type: ignore[attr-defined]
    for k, one in enumerate(titles):
        assert not any(one.overlaps(other) for other in titles[k + 1 :])
