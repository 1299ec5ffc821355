"""A table and a configuration from a folder of instruments' files."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import tifffile
import yaml

from spallmap.cli import main
from spallmap.twin import COARSE, write_cell
from spallmap.twin.formats import write_zeiss_tiff

OPEN = "left open: spacing_um"


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("init") / "cell-a"
    write_cell(folder, 3, cell="a", sizes=COARSE, aperture_um=9.0)
    shutil.rmtree(folder / "truth")
    for name in ("acquisitions.tsv", "config.yaml"):
        (folder / name).unlink()
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def table(folder):
    with (folder / "acquisitions.tsv").open(newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def init(folder, capsys, status=0):
    assert main(["init", str(folder)]) == status
    said = capsys.readouterr()
    return " ".join((said.out + said.err).split())


def grey(path, shape=(60, 80), **settings):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(1).integers(0, 200, shape).astype(np.uint8)
    tifffile.imwrite(path, pixels, photometric="minisblack", **settings)


def test_a_whole_cell_is_recognised(drawn, here, capsys):
    shutil.copytree(drawn, here / "my" / "cell-a")
    said = init(Path("my"), capsys)
    keys = ("cell", "state", "modality", "name", "path", "within")
    assert [tuple(row[key] for key in keys) for row in table(here / "my")] == [
        ("cell-a", "pristine", "xct", "scan", "cell-a/xct_pristine", ""),
        ("cell-a", "pristine", "mri", "scan5", "cell-a/mri_pristine/5", ""),
        ("cell-a", "shorted", "xct", "scan", "cell-a/xct_shorted.ome.tif", ""),
        ("cell-a", "shorted", "mri", "scan5", "cell-a/mri_shorted/5", ""),
        ("cell-a", "shorted", "sem", "overview", "cell-a/sem_overview.tif", ""),
        ("cell-a", "shorted", "sem", "detail", "cell-a/sem_detail.tif", "overview"),
        ("cell-a", "shorted", "edx", "elements", "cell-a/edx", "overview"),
    ]
    assert f"rows 1, 7: {OPEN}" in said
    assert "rows 5 to 7: a guess: the state" in said
    assert "rows 6, 7: a guess: that it lies within" in said
    settings = yaml.safe_load((here / "my" / "config.yaml").read_text())
    assert settings == {"acquisitions": "my/acquisitions.tsv", "results": "my/results"}
    assert f"# rows 1, 7: {OPEN}" in (here / "my" / "config.yaml").read_text()
    assert main(["check", "my/config.yaml"]) == 1
    wrong = " ".join(capsys.readouterr().out.split())
    assert wrong.count("ERROR") == wrong.count("column 'spacing_um': found no value") == 2
    text = (here / "my" / "acquisitions.tsv").read_text()
    text = text.replace("xct_pristine\t\t", "xct_pristine\t9.32\t").replace("edx\t\t", "edx\t2\t")
    (here / "my" / "acquisitions.tsv").write_text(text)
    assert main(["check", "my/config.yaml"]) == 0


@pytest.mark.parametrize("name", ["acquisitions.tsv", "config.yaml"])
def test_a_file_that_is_there_is_never_written_over(drawn, here, capsys, name):
    shutil.copytree(drawn, here / "my")
    (here / "my" / name).write_text("mine\n")
    assert f"my/{name}: found a file that is there already" in init(Path("my"), capsys, status=1)
    assert (here / "my" / name).read_text() == "mine\n"
    assert not (here / "my" / {"acquisitions.tsv": "config.yaml"}.get(name, "acquisitions.tsv")).exists()


@pytest.mark.parametrize("kind", ["empty", "missing", "a file", "notes"])
def test_where_nothing_is_found_nothing_is_written(here, capsys, kind):
    if kind != "missing":
        (here / "my").mkdir()
    if kind == "a file":
        (here / "my").rmdir()
        (here / "my").write_text("")
    if kind == "notes":
        (here / "my" / "notes.txt").write_text("x")
    words = {"notes": "notes.txt: no file of an instrument", "missing": "no such folder"}.get(kind, "my")
    assert words in init(Path("my"), capsys, status=1)
    assert not (here / "my" / "acquisitions.tsv").exists()
    assert not (here / "acquisitions.tsv").exists()


def test_states_and_cells_are_read_from_the_names_of_files(here, capsys):
    for cell in ("c07", "c08"):
        for state in ("before", "after"):
            grey(here / "flat" / f"{cell}_{state}_xct.tif", (20, 60, 80))
        grey(here / "flat" / f"{cell}_sem.tif")
    init(Path("flat"), capsys)
    assert [(r["cell"], r["state"], r["modality"], r["name"]) for r in table(here / "flat")] == [
        (cell, state, modality, name)
        for cell in ("c07", "c08")
        for state, modality, name in (
            ("pristine", "xct", "scan"),
            ("shorted", "xct", "scan"),
            ("shorted", "sem", "image"),
        )
    ]


def test_what_no_name_says_is_said(here, capsys):
    grey(here / "my" / "tomo" / "stack.tif", (20, 60, 80))
    said = init(Path("my"), capsys)
    assert table(here / "my")[0]["state"] == "unknown"
    assert "row 1: not known: the state" in said
    assert "row 1: a guess: the modality" in said


def test_slices_are_one_acquisition_however_many(here, capsys):
    for n in range(300):
        grey(here / "my" / "c1" / "before" / f"s_{n:04}.tif", (16, 16))
    init(Path("my"), capsys)
    assert [(r["modality"], r["path"]) for r in table(here / "my")] == [("xct", "c1/before")]


def test_slices_with_a_gap_are_said_once(here, capsys):
    for n in [*range(40), *range(41, 80)]:
        grey(here / "my" / "c1" / f"s_{n:04}.tif", (16, 16))
    grey(here / "my" / "c1-image" / "a.tif")
    said = init(Path("my"), capsys)
    assert len(table(here / "my")) == 1
    assert "Not in the table: 1 of the files and folders" in said


def test_echoes_beside_their_times_are_an_mri(here, capsys):
    for echo in range(3):
        grey(here / "my" / "c1" / "mri" / f"te{echo}.tif", (30, 40))
    (here / "my" / "c1" / "mri" / "echo_times_ms.txt").write_text("2, 6, 10")
    image = nib.Nifti1Image(np.ones((30, 40, 1, 4), np.float32), np.diag([0.02, 0.02, 1, 1]))
    nib.save(image, here / "my" / "c1" / "train.nii")
    (here / "my" / "c1" / "train.nii.echo_times_ms.txt").write_text("2 6 10 14")
    init(Path("my"), capsys)
    rows = table(here / "my")
    assert {(r["modality"], r["path"], r["name"]) for r in rows} == {
        ("mri", "c1/mri", "t2"),
        ("mri", "c1/train.nii", "train"),
    }


def test_an_image_of_a_microscope_is_known_by_its_tag_and_its_size(here, capsys):
    for name, size in (("overview", 1.0), ("a1", 0.1)):
        (here / "my" / "c1").mkdir(parents=True, exist_ok=True)
        write_zeiss_tiff(here / "my" / "c1" / f"{name}.tif", np.full((60, 80), 7, np.uint8), size)
    said = init(Path("my"), capsys)
    assert [(r["name"], r["within"]) for r in table(here / "my")] == [("overview", ""), ("a1", "overview")]
    assert "modality" not in said.split("row 2")[1].split("Written")[0].split("left to")[0]


def test_links_are_followed_once_and_loops_end(here, capsys):
    grey(here / "raw" / "c07" / "scan.tif", (20, 60, 80))
    folder = here / "my"
    folder.mkdir()
    (folder / "real").symlink_to(here / "raw")
    (folder / "again").symlink_to(folder / "real")
    (here / "raw" / "up").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "root").symlink_to("/")
    said = init(Path("my"), capsys)
    assert len(table(folder)) == 1
    assert "root: a link to /, which is looked at already" in said
    assert "self: a link to nothing" in said


def test_a_name_that_no_table_can_hold_is_left_out(here, capsys):
    grey(here / "my" / "good.tif")
    grey(here / "my" / "sample-{a}.tif")
    grey(here / "my" / "tab\there.tif")
    said = init(Path("my"), capsys)
    assert [r["path"] for r in table(here / "my")] == ["good.tif"]
    assert "Not in the table: 2 of the files" in said
    yaml.safe_load((here / "my" / "config.yaml").read_text())


def test_results_of_a_run_are_no_files_of_an_instrument(here, capsys):
    grey(here / "my" / "good.tif")
    grey(here / "my" / "results" / "c1" / "sem-a" / "image.ome.tif")
    (here / "my" / "results" / "logs").mkdir()
    (here / "my" / "results" / "provenance.json").write_text("{}")
    said = init(Path("my"), capsys)
    assert len(table(here / "my")) == 1
    assert "results of spallmap, left out" in said


def test_a_folder_that_is_an_acquisition_itself_gets_its_results_beside_it(here, capsys):
    for n in range(20):
        grey(here / "slices" / f"s_{n:04}.tif", (16, 16))
    init(Path("slices"), capsys)
    assert table(here / "slices")[0]["path"] == "."
    settings = yaml.safe_load((here / "slices" / "config.yaml").read_text())
    assert settings["results"] == "slices-results"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for the superuser")
def test_a_folder_that_may_not_be_written_to_is_left_alone(here, capsys):
    grey(here / "my" / "good.tif")
    (here / "my").chmod(0o500)
    try:
        init(Path("my"), capsys)
    finally:
        (here / "my").chmod(0o700)
    assert table(here)[0]["path"] == "my/good.tif"


def test_a_folder_without_rights_is_taken_for_read_only(here, capsys, monkeypatch):
    grey(here / "my" / "good.tif")
    monkeypatch.setattr(os, "access", lambda path, mode: not (str(path) == "my" and mode & os.W_OK))
    init(Path("my"), capsys)
    assert table(here)[0]["path"] == "my/good.tif"


def test_files_that_are_no_image_are_grouped_and_bounded(here, capsys):
    grey(here / "my" / "good.tif")
    for n in range(2000):
        (here / "my" / f"n{n}.log").write_text("")
    for n in range(40):
        (here / "my" / f"x.e{n}").write_text("")
    (here / "my" / "map.bcf").write_bytes(b"x")
    said = init(Path("my"), capsys)
    assert "n0.log and 1999 more: no file of an instrument" in said
    assert "map.bcf: element maps of Bruker" in said
    assert len(said) < 2500
