"""Landmarks are read as they stand, and a mistake is reported with its file, row and column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.landmarks import COLUMNS, read_landmarks

HEADER = ",".join(COLUMNS)


def written(folder: Path, *rows: str, header: str = HEADER) -> Path:
    path = folder / "marks.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_points_come_in_the_order_of_the_table(tmp_path):
    marks = read_landmarks(written(tmp_path, "1,2,3,4,5,fit", "6, 7, 8, 9, 10, check", "1.5,0,-2e3,0,0,fit"))
    np.testing.assert_array_equal(marks.own_um, [(1, 2, 0), (6, 7, 0), (1.5, 0, 0)])
    np.testing.assert_array_equal(marks.reference_um, [(3, 4, 5), (8, 9, 10), (-2000, 0, 0)])
    assert marks.check.tolist() == [False, True, False]
    assert marks.n_fit == 2


def test_columns_may_stand_in_any_order_and_a_table_may_be_empty(tmp_path):
    marks = read_landmarks(written(tmp_path, "fit,5,4,3,2,1", header=",".join(reversed(COLUMNS))))
    np.testing.assert_array_equal(marks.own_um, [(1, 2, 0)])
    assert read_landmarks(written(tmp_path)).own_um.shape == (0, 3)


@pytest.mark.parametrize(
    ("rows", "header", "source", "found"),
    [
        (["1,2,3,4,5,fit", "1,2,3,4,five,fit"], HEADER, "row 2, column z_um", "'five'"),
        (["1,2,,4,5,fit"], HEADER, "row 1, column x_um", "nan"),
        (["1,inf,3,4,5,fit"], HEADER, "row 1, column v_um", "inf"),
        (["1,2,3,4,5,fit", "1,2,3,4,5,perhaps"], HEADER, "row 2, column use", "'perhaps'"),
        (["1,2,3,4,fit"], "u_um,v_um,x_um,y_um,use", "header", "z_um"),
        (["1,2,3,4,5,fit,x"], f"{HEADER},note", "header", "note"),
    ],
)
def test_a_mistake_is_reported_with_its_file_row_and_column(tmp_path, rows, header, source, found):
    path = written(tmp_path, *rows, header=header)
    with pytest.raises(InputError) as caught:
        read_landmarks(path)
    assert caught.value.source_label == f"{path}, {source}"
    assert found in caught.value.found


@pytest.mark.parametrize("content", [b"", b'u_um\n"1', b"\xff\xfe\x00", None])
def test_what_is_no_table_is_named(tmp_path, content):
    path = tmp_path / "marks.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"marks\.csv"):
        read_landmarks(path)
