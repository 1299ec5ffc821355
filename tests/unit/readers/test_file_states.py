"""A change of a file is seen, and a file that changes while it is read spoils the reading."""

from __future__ import annotations

import os
import time

import pytest

from spallmap.errors import InputError
from spallmap.readers.file_states import files_at_rest, fingerprint

SMALL, LARGE = b"te 2.0", bytes(100_000)


def put(path, content, seconds_ago=100.0):
    path.write_bytes(content)
    moment = time.time() - seconds_ago
    os.utime(path, (moment, moment))


@pytest.mark.parametrize("content", [SMALL, LARGE])
def test_every_change_of_a_file_changes_the_fingerprint(tmp_path, content):
    path = tmp_path / "a"
    put(path, content)
    before = fingerprint([path])
    assert fingerprint([path]) == before
    put(path, content[::-1][:-1] + b"x")
    assert fingerprint([path]) != before
    put(path, content[:-1])
    assert fingerprint([path]) != before
    path.unlink()
    assert fingerprint([path]) != before
    assert fingerprint([]) != fingerprint([path])


def test_a_small_file_counts_by_what_it_says(tmp_path):
    path = tmp_path / "a"
    put(path, SMALL)
    before = fingerprint([path])
    put(path, SMALL, 5.0)
    assert fingerprint([path]) == before
    moment = path.stat()
    path.write_bytes(SMALL.replace(b"2", b"3"))
    os.utime(path, ns=(moment.st_atime_ns, moment.st_mtime_ns))
    assert fingerprint([path]) != before


def test_a_large_file_that_is_replaced_by_an_older_one_is_seen(tmp_path):
    path = tmp_path / "a"
    put(path, LARGE)
    before = fingerprint([path])
    put(path, LARGE, 1_000_000.0)
    assert fingerprint([path]) != before


def test_files_that_change_places_are_seen(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    put(first, b"1")
    put(second, b"2")
    before = fingerprint([first, second])
    first.rename(tmp_path / "c")
    second.rename(first)
    (tmp_path / "c").rename(second)
    assert fingerprint([first, second]) != before


@pytest.mark.parametrize("what", ["changed", "taken away", "added"])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, what):
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        put(path, SMALL)
    with (  # noqa: PT012 (the change belongs to the reading)
        pytest.raises(InputError, match=f"{what} while it was read") as raised,
        files_at_rest(lambda: sorted(tmp_path.iterdir())) as known,
    ):
        assert list(known) == [str(path) for path in paths]
        if what == "changed":
            moment = paths[1].stat()
            paths[1].write_bytes(SMALL[::-1])
            os.utime(paths[1], ns=(moment.st_atime_ns, moment.st_mtime_ns))
        elif what == "added":
            put(tmp_path / "c", SMALL)
        else:
            paths[1].unlink()
    assert raised.value.source_label == str(tmp_path / ("c" if what == "added" else "b"))


def test_files_at_rest_pass_with_their_digests(tmp_path):
    put(tmp_path / "a", b"abc")
    with files_at_rest(lambda: [tmp_path / "a"]) as known:
        pass
    assert known[str(tmp_path / "a")].startswith("ba7816bf8f01cfea")


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


def test_a_slice_that_is_taken_away_is_the_cause_and_not_the_gap(tmp_path):
    for number in (1, 2, 3):
        (tmp_path / f"slice_{number}.tif").write_bytes(b"1234")

    def listed():
        names = sorted(tmp_path.iterdir())
        if len(names) < 3:
            raise InputError(str(tmp_path), "a gap", "slices without gap")
        return names

    with (
        pytest.raises(InputError, match=r"slice_2.tif: found a file that was taken away"),
        files_at_rest(listed),
    ):
        (tmp_path / "slice_2.tif").unlink()


def test_a_file_that_is_added_is_named(tmp_path):
    (tmp_path / "a.tif").write_bytes(b"1234")
    with (
        pytest.raises(InputError, match=r"b.tif: found a file that was added"),
        files_at_rest(lambda: sorted(tmp_path.iterdir())),
    ):
        (tmp_path / "b.tif").write_bytes(b"1234")
