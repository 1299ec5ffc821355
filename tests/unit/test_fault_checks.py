"""The checks of the benchmark of faults find what they are there to find."""

from __future__ import annotations

import json
import shutil

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from fault_checks import compare, half_written, orphans, same_bytes
from PIL import Image

from spallmap.results.documents import write_text
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.ome_zarr import write_volume
from spallmap.results.vtk import write_polydata


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "one"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "t2.log").write_text("no result")
    pd.DataFrame({"crack": [1, 2]}).to_csv(folder / "cracks.csv", index=False)
    (folder / "t2.json").write_text(json.dumps({"n": 1}))
    write_ome_tiff(folder / "t2.ome.tif", np.arange(24.0).reshape(1, 4, 6), ("t2_ms",), (20.0, 40.0))
    write_volume(folder / "labels.ome.zarr", np.arange(24, dtype=np.uint8).reshape(2, 3, 4), (5.0,) * 3)
    write_polydata(folder / "cracks.vtp", np.eye(3), [[0, 1, 2]], {"crack": [1, 1, 2]})
    write_text(folder / "report.html", "<html><body>whole</body></html>\n")
    Image.fromarray(np.random.default_rng(1).integers(0, 255, (40, 40), np.uint8)).save(folder / "a.png")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    figure.savefig(folder / "figure1.pdf")
    plt.close(figure)
    np.savez(folder / "0.npz", a=np.arange(100))
    return folder


def test_whole_results_are_well(results, tmp_path):
    shutil.copytree(results, tmp_path / "other")
    assert half_written(results) == []
    assert orphans(results) == []
    stable = same_bytes(results, tmp_path / "other")
    assert {"t2.json", "figure1.pdf", "logs/t2.log"} <= stable
    assert compare(results, tmp_path / "other", stable) == []


@pytest.mark.parametrize(
    "name",
    ["cracks.csv", "t2.json", "t2.ome.tif", "cracks.vtp", "report.html", "a.png", "figure1.pdf", "0.npz"],
)
def test_a_file_that_is_cut_short_is_found(results, name):
    data = (results / name).read_bytes()
    (results / name).write_bytes(data[: 2 * len(data) // 3 + 1])
    (said,) = half_written(results)
    assert said.startswith(f"{name}: ")


def test_a_chunk_that_is_cut_short_is_found(results):
    (chunk,) = [p for p in (results / "labels.ome.zarr" / "s0").rglob("*") if p.is_file() and p.name == "0"]
    chunk.write_bytes(chunk.read_bytes()[:20])
    (said,) = half_written(results)
    assert said.startswith("labels.ome.zarr: ")


def test_what_a_killed_job_left_is_found_but_is_no_result(results):
    (results / ".part-17-t2.json").write_text("{")
    (results / ".old-17-labels.ome.zarr").mkdir()
    assert orphans(results) == [".old-17-labels.ome.zarr", ".part-17-t2.json"]
    assert half_written(results) == []


def test_other_numbers_other_bytes_and_other_files_are_found(results, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(results, other)
    stable = same_bytes(results, other)
    (other / "t2.json").write_text(json.dumps({"n": 2}))
    (other / "report.html").write_text("<html></html>")
    (other / "new.txt").write_text("")
    (other / "cracks.csv").unlink()
    found = compare(results, other, stable)
    assert "t2.json/n: 1 and 2" in found
    assert "report.html: other bytes" in found
    assert "new.txt: new" in found
    assert "cracks.csv: only in one" in found
    assert compare(results, other, set(), common=True) == ["t2.json/n: 1 and 2"]
