from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from spallmap.report.page_tables import cell_text, flatten, heading, table_view


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (np.nan, "–"), (True, "yes"), (np.bool_(False), "no"), (3, "3"), (16.2149, "16.21"),
     (1234567.8, "1234568"), (2.0, "2"), (1.23456e-5, "1.235e-05"), ("x", "x")],
)  # fmt: skip
def test_cells_read_well(value: object, text: str) -> None:
    assert cell_text(value) == text


def test_headings_carry_units() -> None:
    assert heading("area_um2") == "area / µm²"
    assert heading("t2_se_ms") == "T2, standard error / ms"
    assert heading("touches_top") == "touches top"
    assert heading("ms") == "ms"


def test_long_tables_say_what_is_left_out() -> None:
    view = table_view(pd.DataFrame({"k": range(30)}), "numbers", max_rows=10)
    assert (len(view.rows), view.left_out) == (10, 20)


def test_nested_parameters_are_laid_out() -> None:
    tree = {"a": {"b": 1, "c": []}, "d": [1, 2], "e": [{"f": None}], "g": {}}
    assert flatten(tree) == [("a.b", "1"), ("a.c", "–"), ("d", "1, 2"), ("e.1.f", "–"), ("g", "–")]
