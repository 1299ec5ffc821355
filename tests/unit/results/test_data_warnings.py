from __future__ import annotations

import logging

import pytest

from spallmap.errors import DataWarning, InputError
from spallmap.results.data_warnings import read_warnings, write_warnings

ODD = (
    DataWarning("raw/a.tif", "sizes of 4.66 and 9.32 µm", "the table's is used"),
    DataWarning("raw/5", "3 % of the samples clipped", "left out"),
)


def test_warnings_come_back_in_their_order_and_stand_in_the_log(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, logger="spallmap"):
        write_warnings(tmp_path / "warnings.json", ODD)
    assert read_warnings(tmp_path / "warnings.json") == ODD
    assert [record.getMessage() for record in caplog.records] == [str(one) for one in ODD]


def test_a_file_of_warnings_that_is_cut_short_is_reported(tmp_path):
    write_warnings(tmp_path / "warnings.json", ODD)
    text = (tmp_path / "warnings.json").read_text()
    (tmp_path / "warnings.json").write_text(text[: len(text) // 2])
    with pytest.raises(InputError, match=r"warnings\.json"):
        read_warnings(tmp_path / "warnings.json")
