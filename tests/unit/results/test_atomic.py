from __future__ import annotations

import pytest

from spallmap.results.atomic import atomic_path, replace


def write_half(path, folder: bool) -> None:
    with atomic_path(path) as part:
        if folder:
            part.mkdir()
        (part / "half" if folder else part).write_text("half")
        raise RuntimeError


def test_file_appears_at_the_end(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with atomic_path(path) as part:
        part.write_text("new")
        assert not path.exists()
        assert part.suffix == ".txt"
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_failure_leaves_the_old_one_and_nothing_else(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError):
        write_half(path, folder=False)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_folder_replaces_a_folder(tmp_path):
    path = tmp_path / "v.zarr"
    path.mkdir()
    (path / "left over").write_text("old")
    with atomic_path(path) as part:
        part.mkdir()
        (part / "new").write_text("new")
    assert [p.name for p in path.iterdir()] == ["new"]
    assert [p.name for p in tmp_path.iterdir()] == ["v.zarr"]


def test_failed_folder_leaves_the_old_one(tmp_path):
    path = tmp_path / "v.zarr"
    path.mkdir()
    (path / "kept").write_text("old")
    with pytest.raises(RuntimeError):
        write_half(path, folder=True)
    assert [p.name for p in path.iterdir()] == ["kept"]
    assert [p.name for p in tmp_path.iterdir()] == ["v.zarr"]


def test_what_a_killed_process_left_is_removed_by_the_next_one(tmp_path):
    path = tmp_path / "v.zarr"
    for orphan in (".part-17-v.zarr", ".old-99999-v.zarr"):
        (tmp_path / orphan / "s0").mkdir(parents=True)
    (tmp_path / ".part-3-v.zarr").write_text("half")
    others = {".part-17-a-v.zarr", ".part-17-v.zarr.csv", ".part-x-v.zarr", "part-17-v.zarr"}
    for other in others:
        (tmp_path / other).write_text("another's")
    with atomic_path(path) as part:
        part.mkdir()
    assert {p.name for p in tmp_path.iterdir()} == others | {"v.zarr"}


def test_a_name_is_no_pattern(tmp_path):
    (tmp_path / ".part-1-axb.txt").write_text("another's")
    with atomic_path(tmp_path / "a.b.txt") as part:
        part.write_text("new")
    assert {p.name for p in tmp_path.iterdir()} == {".part-1-axb.txt", "a.b.txt"}


def test_a_late_writer_cannot_replace_a_newer_result(tmp_path):
    path = tmp_path / "a.txt"
    late = tmp_path / ".part-1-a.txt"
    late.write_text("late")
    with atomic_path(path) as part:
        part.write_text("new")
    with pytest.raises(FileNotFoundError):
        replace(late, path)
    assert path.read_text() == "new"
