"""Where results would go is checked before anything is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spallmap.acquisitions import Acquisition
from spallmap.axes import AxesPrior
from spallmap.errors import InputError
from spallmap.preflight import check_results_folder


def acquisition(path):
    return Acquisition("c", "s", "mri", "m", Path(path), None, AxesPrior.parse("z,y"), None, None, "row 1")


@pytest.mark.parametrize(
    ("given", "short"),
    [
        ("results", "results"),
        ("./a//b/", "a/b"),
        ("-a", "-a"),
        ("a b'\" %s", "a b'\" %s"),
        ("../out", "../out"),
    ],
)
def test_a_folder_that_can_be_made_is_written_the_shortest_way(tmp_path, monkeypatch, given, short):
    monkeypatch.chdir(tmp_path)
    assert check_results_folder(given, []) == short
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("results", "word"),
    [
        ("results{a}", "braces"),
        ("out\nput", "line breaks"),
        ("~/results", "'~'"),
        ("$HOME/results", "variables"),
        ("s3://bucket/results", "address"),
        ("/", "root"),
        ("x" * 300, "name too long"),
        ("file", "a file"),
        ("file/results", "a file"),
        ("pipe", "a pipe"),
        ("dangling", "does not exist"),
    ],
)
def test_a_folder_that_cannot_be_used_is_reported(tmp_path, monkeypatch, results, word):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(InputError) as caught:
        check_results_folder(results, [])
    assert word in str(caught.value)


def test_a_folder_of_somebody_else_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)
    with pytest.raises(InputError, match=r"'results'.*may not write to"):
        check_results_folder(str(tmp_path / "a" / "b"), [])


def test_results_stay_out_of_what_the_instruments_wrote(tmp_path):
    raw = tmp_path / "raw" / "5"
    raw.mkdir(parents=True)
    (tmp_path / "link").symlink_to(raw)
    for results in (raw, raw / "results", tmp_path / "link"):
        with pytest.raises(InputError, match=r"'results'.*lies inside.*row 1"):
            check_results_folder(str(results), [acquisition(raw)])
    for results in (tmp_path / "raw", tmp_path, tmp_path / "raw" / "5-results"):
        assert check_results_folder(str(results), [acquisition(raw)]) == str(results)


def test_an_acquisition_where_its_results_are_written_is_reported(tmp_path):
    raw = tmp_path / "results" / "c" / "s" / "mri-m" / "scan"
    with pytest.raises(InputError, match=r"row 1, column 'path'.*outside the results"):
        check_results_folder(str(tmp_path / "results"), [acquisition(raw)])


def test_a_path_that_leaves_no_room_for_the_results_names_is_reported():
    deep = "/".join(["d" * 250] * 11)
    with pytest.raises(InputError, match=r"'results'.*bytes; allowed: at most 2500 bytes"):
        check_results_folder(deep, [])
    assert len(check_results_folder("/tmp/" + "/".join(["d" * 250] * 9), [])) > 2200


@pytest.mark.parametrize("name", [".snakemake", "out/logs", "out/c/s/mri-m"])
def test_what_another_user_made_there_is_reported(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    row = acquisition(tmp_path / "raw")
    Path(name).mkdir(parents=True)
    assert check_results_folder("out", [row]) == "out"
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).match(f"*{Path(name).name}"))
    with pytest.raises(InputError, match=rf"{Path(name).name} of an earlier run, which you may not write to"):
        check_results_folder("out", [row])
    Path(name).rmdir()
    assert check_results_folder("out", [row]) == "out"
