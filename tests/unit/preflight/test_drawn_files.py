"""The demo's folder: what was drawn may be drawn over, nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spallmap.preflight.drawn_files import MARKER, draw_into, foreign_files


def draw(cell):
    (cell / "mri" / "5").mkdir(parents=True)
    (cell / "mri" / "5" / "2dseq").write_bytes(b"samples")
    (cell / "sem.tif").write_bytes(b"image")
    (cell / "unwanted.txt").write_text("left out")


def outputs(folder):
    return [folder / "mri" / "5", folder / "sem.tif"]


@pytest.fixture
def folder(tmp_path):
    draw_into(tmp_path / "demo", outputs(tmp_path / "demo"), draw)
    return tmp_path / "demo"


def test_a_drawing_holds_what_was_wanted_and_its_marker_alone(folder):
    names = {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}
    assert names == {"mri/5/2dseq", "sem.tif", MARKER}
    assert foreign_files(folder) == []


def test_a_file_whose_time_alone_was_set_is_still_the_drawn_one(folder):
    os.utime(folder / "sem.tif", ns=(10**18, 10**18))
    assert foreign_files(folder) == []


@pytest.mark.parametrize("change", ["edited", "added", "same size"])
def test_what_a_user_changed_is_foreign(folder, change):
    file = folder / "mri" / "5" / ("2dseq" if change != "added" else "notes.txt")
    file.write_bytes(b"SAMPLES" if change == "same size" else b"mine")
    assert foreign_files(folder) == [file]


def test_a_folder_of_the_same_name_that_was_not_drawn_is_foreign(tmp_path):
    file = tmp_path / "demo" / "sem.tif"
    file.parent.mkdir()
    file.write_bytes(b"mine")
    assert foreign_files(tmp_path / "demo") == [file]
    assert foreign_files(tmp_path / "none") == []


class KilledError(Exception):
    """Stands for a kill at that moment."""


@pytest.mark.parametrize("moment", ["drawing", "moving"])
def test_a_drawing_that_was_killed_is_made_again(tmp_path, monkeypatch, moment):
    folder = tmp_path / "demo"

    def killed(cell):
        draw(cell)
        raise KilledError

    def killed_at_second(self, target, renamed=Path.rename, seen=[]):  # noqa: B006 (counts the calls)
        seen.append(self)
        if len(seen) == 2:
            raise KilledError
        return renamed(self, target)

    if moment == "moving":
        monkeypatch.setattr(Path, "rename", killed_at_second)
    with pytest.raises(KilledError):
        draw_into(folder, outputs(folder), killed if moment == "drawing" else draw)
    monkeypatch.undo()
    assert foreign_files(folder) == []
    for output in outputs(folder):
        if output.exists():
            # Snakemake removes what a job had begun
            (output / "2dseq").unlink()
            output.rmdir()
    draw_into(folder, outputs(folder), draw)
    assert foreign_files(folder) == []
    assert not list(folder.glob(".unfinished*"))
