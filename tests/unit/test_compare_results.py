from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from compare_results import main

from spallmap.frames import AffineMap
from spallmap.registration.compose import refused
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.ome_zarr import write_volume
from spallmap.results.registration import write_registration
from spallmap.results.vtk import write_polydata


def write_results(folder: Path, word: str = "fraction") -> None:
    folder.mkdir()
    rng = np.random.default_rng(1)
    pd.DataFrame({"crack": [1, 2], f"air_{word}": [0.25, np.nan]}).to_csv(folder / "cracks.csv", index=False)
    (folder / "t2.json").write_text(json.dumps({f"long_{word}": 0.1, "edges": [1.0, None]}))
    write_ome_tiff(folder / "t2.ome.tif", rng.normal(size=(2, 6, 7)), ("t2_ms", "snr"), (20.0, 40.0))
    write_volume(folder / "labels.ome.zarr", rng.integers(0, 5, (8, 9, 10)).astype(np.uint8), (5.0,) * 3)
    write_polydata(folder / "cracks.vtp", np.eye(3), [[0, 1, 2]], {"crack": [1, 1, 2]})
    registration = refused("no ceramic", AffineMap.from_parts(np.eye(3), (1.0, 2.0, 3.0)))
    write_registration(folder / "to_reference.json", folder / "to_reference.tfm", registration)


def compared(monkeypatch: pytest.MonkeyPatch, before: Path, after: Path, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["compare_results.py", str(before), str(after), *options])
    return main()


def test_equal_results_differ_nowhere_and_renamed_ones_only_by_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, word in (("a", "fraction"), ("b", "fraction"), ("old", "share")):
        write_results(tmp_path / name, word)
    assert compared(monkeypatch, tmp_path / "a", tmp_path / "b") == 0
    assert compared(monkeypatch, tmp_path / "old", tmp_path / "b") == 1
    assert compared(monkeypatch, tmp_path / "old", tmp_path / "b", "--rename", "share=fraction") == 0


def _last_digit_of_a_table(folder: Path) -> None:
    path = folder / "cracks.csv"
    path.write_text(path.read_text().replace("0.25", "0.250000001"))


def _a_voxel(folder: Path) -> None:
    volume = np.random.default_rng(1)
    volume.normal(size=(2, 6, 7))
    voxels = volume.integers(0, 5, (8, 9, 10)).astype(np.uint8)
    voxels[3, 4, 5] += 1
    write_volume(folder / "labels.ome.zarr", voxels, (5.0,) * 3)


def _a_spacing(folder: Path) -> None:
    volume = np.random.default_rng(1)
    volume.normal(size=(2, 6, 7))
    write_volume(folder / "labels.ome.zarr", volume.integers(0, 5, (8, 9, 10)).astype(np.uint8), (5.1,) * 3)


def _a_channel_name(folder: Path) -> None:
    stack = np.random.default_rng(1).normal(size=(2, 6, 7))
    write_ome_tiff(folder / "t2.ome.tif", stack, ("t2_ms", "s0"), (20.0, 40.0))


def _a_triangle(folder: Path) -> None:
    write_polydata(folder / "cracks.vtp", np.eye(3), [[0, 2, 1]], {"crack": [1, 1, 2]})


def _a_reason(folder: Path) -> None:
    registration = refused("no sodium", AffineMap.from_parts(np.eye(3), (1.0, 2.0, 3.0)))
    write_registration(folder / "to_reference.json", folder / "to_reference.tfm", registration)


@pytest.mark.parametrize(
    "change",
    [_last_digit_of_a_table, _a_voxel, _a_spacing, _a_channel_name, _a_triangle, _a_reason],
)
def test_any_change_is_found(
    change: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_results(tmp_path / "a")
    write_results(tmp_path / "b")
    change(tmp_path / "b")
    assert compared(monkeypatch, tmp_path / "a", tmp_path / "b") == 1


def test_a_missing_file_is_a_difference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_results(tmp_path / "a")
    write_results(tmp_path / "b")
    (tmp_path / "b" / "t2.json").unlink()
    assert compared(monkeypatch, tmp_path / "a", tmp_path / "b") == 1
