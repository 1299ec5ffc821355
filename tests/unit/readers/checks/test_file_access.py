from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable, entries, read_text_bytes, reported

AS_ROOT = os.geteuid() == 0


def dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


def pipe(path: Path) -> None:
    os.mkfifo(path)


def listener(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


BROKEN = [
    (dangling, r"a link to nowhere, which does not exist"),
    (loop, r"too many levels of symbolic links"),
    (pipe, r"a pipe"),
    (listener, r"a socket"),
    (device, r"a device"),
]


@pytest.mark.parametrize(("make", "words"), BROKEN)
def test_what_is_no_file_is_named(tmp_path, make, words, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a socket's name may not be long
    make(Path("echo3.tif"))
    for call in (check_readable, read_text_bytes):
        with pytest.raises(InputError, match=rf"echo3\.tif: found {words}; allowed: "):
            call(Path("echo3.tif"))


@pytest.mark.parametrize(("make", "words"), BROKEN)
def test_nothing_that_is_wanted_is_dropped_from_a_folder(tmp_path, make, words, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("echo1.tif", "echo2.tif", "notes.txt"):
        Path(name).touch()
    Path("echo0.tif").mkdir()
    listed = entries(Path(), lambda path: path.suffix == ".tif")
    assert [path.name for path in listed] == ["echo1.tif", "echo2.tif"]
    make(Path("notes.lnk"))
    assert entries(Path(), lambda path: path.suffix == ".tif") == listed
    make(Path("echo3.tif"))
    with pytest.raises(InputError, match=rf"echo3\.tif: found {words}"):
        entries(Path(), lambda path: path.suffix == ".tif")


@pytest.mark.skipif(AS_ROOT, reason="root may read everything")
def test_rights_are_asked_for(tmp_path):
    (tmp_path / "a.tif").touch(mode=0o200)
    with pytest.raises(InputError, match=r"a\.tif: found a file that may not be read"):
        check_readable(tmp_path / "a.tif")


@pytest.mark.parametrize(
    ("name", "words"),
    [("a" * 300, "name too long"), ("a\0b", "null byte"), ("gone", "no such file or folder")],
)
def test_names_that_lead_nowhere(tmp_path, name, words):
    with pytest.raises(InputError, match=words):
        check_readable(tmp_path / name)


def test_a_text_is_read_to_its_limit_and_not_beyond(tmp_path):
    path = tmp_path / "times.txt"
    path.write_bytes(b"2 6.5 11")
    assert read_text_bytes(path, largest=8) == b"2 6.5 11"
    with pytest.raises(InputError, match=r"times\.txt: found 8 bytes of text; allowed: .* at most 7 bytes"):
        read_text_bytes(path, largest=7)
    with pytest.raises(InputError, match="a folder"):
        read_text_bytes(tmp_path)


def test_only_what_the_system_says_is_turned_into_words(tmp_path):
    with pytest.raises(ValueError, match="of another kind"), reported(tmp_path):
        raise ValueError("of another kind")
