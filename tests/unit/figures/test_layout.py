from __future__ import annotations

import numpy as np
from matplotlib.layout_engine import ConstrainedLayoutEngine

from spallmap.figures import style
from spallmap.figures.layout import RepeatableLayout


def nested() -> bytes:
    """A figure of three rows of which two hold subfigures, as the T2 figure has them."""
    with style.context():
        figure = style.new_figure("double", 120.0)
        rows = figure.subfigures(3, 1, squeeze=False, height_ratios=[4, 4, 3]).ravel()
        for row in rows[:2]:
            left, right = row.subfigures(1, 2, width_ratios=(1.3, 1.0))
            left.subplots(1, 2)
            right.subplots().set_xlabel("T2 (ms)")
        rows[2].subplots(1, 2)
    return style.pdf_bytes(figure)


def test_a_layout_is_the_same_wherever_the_solver_s_numbers_lie_in_memory():
    assert len({nested() for _ in range(4)}) == 1


def test_the_plain_layout_is_not(monkeypatch):
    """So the test above tries what it says; two draws differ as a rule, and twenty always did."""
    monkeypatch.setattr(RepeatableLayout, "execute", ConstrainedLayoutEngine.execute)
    first = nested()
    assert any(nested() != first for _ in range(20))


def test_an_edge_at_zero_has_no_sign():
    with style.context():
        figure = style.new_figure("single", 40.0)
        left = figure.subfigures(1, 2, squeeze=False)[0, 0]
        left.subplots()
        figure.draw_without_rendering()
    corner = left.bbox_relative.p0
    assert corner.tolist() == [0.0, 0.0]
    assert not np.signbit(corner).any()
