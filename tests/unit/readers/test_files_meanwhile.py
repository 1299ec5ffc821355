"""Files that change while they are read: the change is the cause, whatever a reader says of half a file."""

from __future__ import annotations

import pytest

from spallmap.errors import InputError
from spallmap.readers.file_states import files_at_rest


def read_half(path, change):
    with files_at_rest(lambda: sorted(path.parent.iterdir())):
        change()
        raise InputError(str(path), "half a file", "a whole one")


def test_a_reader_that_stumbles_over_a_change_is_not_the_cause(tmp_path):
    path = tmp_path / "2dseq"
    path.write_bytes(b"1234")
    with pytest.raises(InputError, match="changed while it was read") as caught:
        read_half(path, lambda: path.write_bytes(b"12"))
    assert "half a file" in str(caught.value.__cause__)
    with pytest.raises(InputError, match="taken away while it was read"):
        read_half(path, path.unlink)


def test_a_reader_that_stumbles_over_a_file_at_rest_is_the_cause(tmp_path):
    path = tmp_path / "2dseq"
    path.write_bytes(b"1234")
    with pytest.raises(InputError, match="half a file"):
        read_half(path, lambda: None)


def test_a_fault_of_the_program_stays_one(tmp_path):
    path = tmp_path / "2dseq"
    path.write_bytes(b"1234")
    with pytest.raises(ZeroDivisionError), files_at_rest(lambda: [path]):
        1 / 0  # noqa: B018


def test_a_folder_that_is_taken_away_is_named(tmp_path):
    path = tmp_path / "scan" / "2dseq"
    path.parent.mkdir()
    path.write_bytes(b"1234")
    with pytest.raises(InputError, match="2dseq"), files_at_rest(lambda: [path]):
        path.rename(tmp_path / "elsewhere")
