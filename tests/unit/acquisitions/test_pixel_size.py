"""A comma in the pixel size: two numbers, one with a decimal comma, or a doubt that ends the run."""

from __future__ import annotations

import pytest

from spallmap.acquisitions import check_decimal_comma
from spallmap.errors import InputError


def asked(n_axes, own):
    return lambda: (n_axes, own)


@pytest.mark.parametrize(
    ("text", "modality", "n_axes", "own"),
    [
        ("23,46", "mri", 2, None),
        ("46,23", "mri", 2, None),
        ("46,23", "mri", 2, (23.0, 46.0)),
        ("23,46", "mri", 2, (23.0, 46.0)),
        ("100,200", "mri", 2, None),
        ("31,25", "mri", 2, (31.0, 25.0)),
        ("4,66", "sem", 2, (4.1, 66.0)),
        ("2,2", "edx", 2, (2.0, 2.0)),
        ("4.66", "sem", 2, None),
        ("4", "sem", 2, None),
        ("4, 66", "mri", 2, None),
        ("4.0,66.0", "sem", 2, None),
        ("4.66,4.66", "sem", 2, None),
        ("500,23,46", "mri", 3, None),
        ("5,4.66,4.66", "xct", 3, None),
        ("1.234,5", "mri", 2, (1.234, 5.0)),
    ],
)
def test_numbers_that_can_only_be_meant_so_pass(text, modality, n_axes, own):
    check_decimal_comma("row 1", text, modality, asked(n_axes, own))


@pytest.mark.parametrize(
    ("text", "modality", "n_axes", "own", "single"),
    [
        ("4,66", "sem", 2, None, "4.66"),
        ("4,66", "sem", 2, (4.66, 4.66), "4.66"),
        ("4 ,66", "sem", 2, None, "4.66"),
        ("4,66", "sem", 2, (9.0, 9.0), "4.66"),
        ("4,66", "edx", 2, None, "4.66"),
        ("4,66", "mri", 2, None, "4.66"),
        ("23,4", "mri", 2, None, "23.4"),
        ("0,5", "edx", 2, None, "0.5"),
        ("31,25", "mri", 2, None, "31.25"),
        ("31,25", "mri", 2, (31.25, 31.25), "31.25"),
        ("23,46", "mri", 2, (23.46, 23.46), "23.46"),
        ("23,46", "mri", 3, (23.46, 23.46, 23.46), "23.46"),
        ("39,06", "mri", 2, None, "39.06"),
        ("23,46", "sem", 2, None, "23.46"),
        ("2,2", "sem", 2, None, "2.2"),
        ("2,4", "mri", 2, None, "2.4"),
        ("1.234,5", "mri", 2, None, "1234.5"),
        ("1,234.5", "mri", 2, None, "1234.5"),
    ],
)
def test_a_comma_that_may_be_a_decimal_one_ends_with_both_ways_to_write_it(
    text, modality, n_axes, own, single
):
    with pytest.raises(InputError) as caught:
        check_decimal_comma("row 1", text, modality, asked(n_axes, own))
    assert f"{single} for one number" in caught.value.allowed
    assert "for two" in caught.value.allowed
    assert repr(text) in caught.value.found
    assert caught.value.source_label == "row 1"


def test_the_files_are_asked_only_where_there_is_a_doubt():
    def ask():
        raise AssertionError

    check_decimal_comma("row 1", "4.66", "sem", ask)
    with pytest.raises(AssertionError):
        check_decimal_comma("row 1", "4,66", "sem", ask)
