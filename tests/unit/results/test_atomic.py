from __future__ import annotations

import pytest

from spallmap.results.atomic import atomic_path


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
