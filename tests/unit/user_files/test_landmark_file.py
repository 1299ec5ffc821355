"""Landmarks are read as they stand, and a mistake is reported with its file, row and column."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from spallmap.errors import InputError, InputGroupError
from spallmap.landmarks import COLUMNS
from spallmap.user_files.landmark_file import read_landmarks

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
        (["1,2,3,4,5,fit", "1,2,3,4,five,fit"], HEADER, "row 2 (line 3), column z_um", "'five'"),
        (["1,2,,4,5,fit"], HEADER, "row 1 (line 2), column x_um", "no value"),
        (["1,inf,3,4,5,fit"], HEADER, "row 1 (line 2), column v_um", "inf"),
        (["1,2,nan,4,5,fit"], HEADER, "row 1 (line 2), column x_um", "nan"),
        (["1,2,1e999,4,5,fit"], HEADER, "row 1 (line 2), column x_um", "1e999"),
        (["1_0,2,3,4,5,fit"], HEADER, "row 1 (line 2), column u_um", "1_0"),
        (["1,2,3,4,5,fit", "6,7,8,9,1,perhaps"], HEADER, "row 2 (line 3), column use", "'perhaps'"),
        (["1,2,3,4,5"], HEADER, "row 1 (line 2), column use", "no value"),
        (["1,2,3,4,fit"], "u_um,v_um,x_um,y_um,use", "header (line 1)", "z_um"),
        (["1,2,3,4,5,fit,x"], f"{HEADER},note", "header (line 1), column 7", "note"),
        (["1,5,2,5,3,5,4,5,5,5,fit"], HEADER, "row 1 (line 2)", "11 values"),
        (["1,2,3,4,5,0,fit"], HEADER, "row 1 (line 2)", "7 values"),
        (['"1,5",2,3,4,5,fit'], HEADER, "row 1 (line 2), column u_um", "'1,5'"),
        (["1;2;3;4;5;fit"], HEADER.replace(",", ";"), "header (line 1)", "semicolons"),
        (["1\t2\t3\t4\t5\tfit"], HEADER.replace(",", "\t"), "header (line 1)", "tabs"),
        (["1,2,3,4,5,fit", "1,2,6,7,8,check"], HEADER, "row 2 (line 3), columns u_um, v_um", "row 1"),
        (["1,2,3,4,5,fit", "6,7,3,4,5.0,fit"], HEADER, "row 2 (line 3), columns x_um, y_um, z_um", "row 1"),
    ],
)
def test_a_mistake_is_reported_with_its_file_row_and_column(tmp_path, rows, header, source, found):
    path = written(tmp_path, *rows, header=header)
    with pytest.raises(InputError) as caught:
        read_landmarks(path)
    assert caught.value.source_label == f"{path}, {source}"
    assert found in caught.value.found


def test_a_decimal_comma_is_answered_with_the_number_that_is_meant(tmp_path):
    with pytest.raises(InputError, match=r"with a decimal point: 1\.5"):
        read_landmarks(written(tmp_path, '"1,5",2,3,4,5,fit'))
    with pytest.raises(InputError, match=r"1\.5, not 1,5"):
        read_landmarks(written(tmp_path, "1,5,2,5,3,5,4,5,5,5,fit"))


def test_all_wrong_rows_are_reported(tmp_path):
    with pytest.raises(InputGroupError) as caught:
        read_landmarks(written(tmp_path, "1,2,3,4,x,fit", "1,2,3,4,5,fit", "6,7,8,9,1,maybe"))
    assert len(caught.value.errors) == 2


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "an empty file"),
        (b'u_um\n"1', "no column 'v_um'"),
        (b"\xff\xfe\x00", "UTF-16"),
        (f"{HEADER}\n1,2,3,4,5,fit\n".encode("utf-16-be"), "UTF-16"),
        (f'{HEADER}\n"1,2,3,4,5,fit\n1,2,3,4,5,fit\n'.encode(), "quotation mark"),
        (None, "no such file"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, word):
    path = tmp_path / "marks.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"marks\.csv") as caught:
        read_landmarks(path)
    assert word in str(caught.value)


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(InputError, match="found a folder"):
        read_landmarks(tmp_path)
    os.mkfifo(tmp_path / "marks.csv")
    with pytest.raises(InputError, match=r"marks\.csv: found a pipe"):
        read_landmarks(tmp_path / "marks.csv")
