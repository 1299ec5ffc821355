"""The files that a table names are looked at before any job."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import numpy as np
import pytest
import tifffile

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import InputError, InputGroupError
from spallmap.plan import Plan
from spallmap.preflight import check_figure_cell, check_inputs

SCHEMA = read_schema(Path(__file__).parents[3] / "workflow" / "schemas" / "acquisitions.schema.yaml")
T2 = {"model": "rician", "skip_echoes": 0, "n_coils": 1}
COLUMNS = ("cell", "state", "modality", "name", "path", "spacing_um", "axes", "landmarks")


def plan_of(folder, *rows):
    """Plan of rows: name, path and further values by column; SEM images with pixels of 0.5 um by default."""
    lines = ["\t".join(COLUMNS)]
    for name, path, values in rows:
        defaults = {
            "cell": "c",
            "state": "s",
            "modality": "sem",
            "spacing_um": "0.5",
            "name": name,
            "path": path,
        }
        lines.append("\t".join({**defaults, **values}.get(c, "") for c in COLUMNS))
    (folder / "t.tsv").write_text("\n".join(lines))
    return Plan(read_acquisitions(folder / "t.tsv", SCHEMA))


def checked(folder, *rows):
    return check_inputs(plan_of(folder, *rows), lambda path: False, T2)


def section(path):
    tifffile.imwrite(path, np.arange(1200, dtype=np.uint16).reshape(30, 40))


def test_a_missing_file_is_reported_unless_the_workflow_makes_it(tmp_path):
    plan = plan_of(tmp_path, ("a", "none.tif", {}))
    with pytest.raises(InputError, match=r"row 1 .*'path'.*none\.tif"):
        check_inputs(plan, lambda path: False, T2)
    assert check_inputs(plan, lambda path: path.name == "none.tif", T2) == []


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("~/a.tif", "home folder"),
        ("$HOME/a.tif", "variables"),
        ("%TEMP%/a.tif", "variables"),
        ("C:\\data\\a.tif", "Windows"),
        ("SCAN.tif", "there is 'scan.tif'"),
        ("Pru\u0308fling.tif", "there is 'Prüfling.tif'"),
        ("ein bild.tif", "there is 'ein\\xa0bild.tif' (with U+00A0 NO-BREAK SPACE)"),
        ("scan.tif/inside", "no file or folder"),
    ],
)
def test_a_missing_file_is_reported_with_the_likely_cause(tmp_path, path, hint):
    for name in ("scan.tif", "Prüfling.tif", "ein\u00a0bild.tif"):
        section(tmp_path / name)
    with pytest.raises(InputError) as caught:
        checked(tmp_path, ("a", path, {}))
    assert "column 'path'" in caught.value.source_label
    assert hint in caught.value.found


def test_what_is_no_file_is_reported_with_row_and_column(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling.tif").symlink_to(tmp_path / "nowhere.tif")
    (tmp_path / "loop.tif").symlink_to(tmp_path / "loop.tif")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "socket"))
        kinds = {
            "pipe": "a pipe",
            "dangling.tif": "does not exist",
            "loop.tif": "symbolic links",
            "socket": "a socket",
            "/dev/null": "a device",
            "x" * 300: "name too long",
        }
        with pytest.raises(InputGroupError) as caught:
            checked(tmp_path, *[(f"n{n}", path, {}) for n, path in enumerate(kinds)])
    assert len(caught.value.errors) == len(kinds)
    for number, (error, words) in enumerate(zip(caught.value.errors, kinds.values(), strict=True), start=1):
        assert f"row {number} " in error.source_label
        assert "'path'" in error.source_label
        assert words in error.found


def test_the_name_of_a_slice_that_the_workflow_takes_for_a_pattern_is_reported(tmp_path):
    (tmp_path / "scan").mkdir()
    for n in range(3):
        tifffile.imwrite(tmp_path / "scan" / f"{{a}}{n}.tif", np.full((30, 40), n, np.uint16))
    with pytest.raises(InputError, match=r"row 1 .*'path'.*\{a\}.*wildcard"):
        checked(tmp_path, ("a", "scan", {"modality": "xct", "spacing_um": "4.66"}))


def test_a_size_that_differs_from_the_files_is_said_once_with_its_row(tmp_path):
    for name in ("a.tif", "b.tif"):
        data = np.arange(1200, dtype=np.uint16).reshape(30, 40)
        tifffile.imwrite(
            tmp_path / name, data, ome=True, metadata={"PhysicalSizeX": 4.66, "PhysicalSizeY": 4.66}
        )
    (odd,) = checked(tmp_path, ("a", "a.tif", {"spacing_um": "4.7"}), ("b", "b.tif", {"spacing_um": "9.32"}))
    assert "row 2 (line 3)" in odd.source_label
    assert "4.66, 4.66 um in the files and of 9.32, 9.32 um in the table" in odd.found


def test_a_file_that_stands_twice_is_said(tmp_path):
    section(tmp_path / "a.tif")
    (odd,) = checked(tmp_path, ("a", "a.tif", {}), ("b", "./a.tif", {}))
    assert "row 2" in odd.source_label


MARKS = "u_um,v_um,x_um,y_um,z_um,use\n"


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("1,2,3,4,5,fit\n", ["1 points with use fit", "needs 3"]),
        ("", ["no point"]),
        # voxels of 4.66 um in place of um
        (
            "1,1,20,8,9,fit\n15,2,23,8.1,9.2,check\n2,14,20.2,8.3,11.7,fit\n7,7,21.2,8.2,10,fit\n",
            ["by a factor of 4", "see that all of them are in um"],
        ),
    ],
)
def test_odd_landmarks_are_said(tmp_path, points, words):
    section(tmp_path / "a.tif")
    (tmp_path / "m.csv").write_text(MARKS + points)
    (odd,) = checked(tmp_path, ("a", "a.tif", {"landmarks": "m.csv"}))
    for word in ("row 1", "m.csv", *words):
        assert word in str(odd)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ("1,2,3,4,5,maybe\n", ["m.csv, row 1 (line 2), column use", "'maybe'"]),
        ("1,5,2,5,3,5,4,5,5,5,fit\n", ["m.csv, row 1", "11 values", "1.5, not 1,5"]),
        (
            "1,2,3,4,5,check\n400,2,6,7,8,check\n",
            ["'landmarks'", "m.csv, point 2", "(400, 2)", "19.5 x 14.5 um"],
        ),
        ("1,2,3,4,5,check\n4,2,6,900,8,check\n", ["m.csv, point 2", "(6, 900, 8)", "x_um, y_um, z_um"]),
        ("1,2,.09,.004,0,check\n4,2,.01,.02,.3,check\n", ["0.3, as if in mm", "x_um, y_um, z_um"]),
        ("0,.002,3,4,5,check\n.01,.02,9,9,9,check\n", ["0.02, as if in mm", "u_um, v_um"]),
    ],
)
def test_landmarks_that_cannot_be_meant_are_reported(tmp_path, points, words):
    section(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "ct.tif", np.zeros((20, 30, 40), np.uint16), photometric="minisblack")
    (tmp_path / "m.csv").write_text(MARKS + points)
    with pytest.raises(InputError) as caught:
        checked(
            tmp_path,
            ("a", "a.tif", {"landmarks": "m.csv"}),
            ("ct", "ct.tif", {"modality": "xct", "spacing_um": "4.66"}),
        )
    for word in words:
        assert word in str(caught.value)


def test_landmarks_inside_their_images_pass(tmp_path):
    section(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "ct.tif", np.zeros((20, 30, 40), np.uint16), photometric="minisblack")
    (tmp_path / "m.csv").write_text(
        MARKS + "-.2,0,181.9,0,0,check\n19.6,14.5,165,0,14,fit\n3,4,180,1,4,fit\n0,9,182,0,9,fit\n"
    )
    found = checked(
        tmp_path,
        ("a", "a.tif", {"landmarks": "m.csv"}),
        ("ct", "ct.tif", {"modality": "xct", "spacing_um": "4.66"}),
    )
    assert found == []


def test_a_missing_table_of_landmarks_is_reported(tmp_path):
    section(tmp_path / "a.tif")
    with pytest.raises(InputError, match=r"'landmarks'.*marks\.csv"):
        checked(tmp_path, ("a", "a.tif", {"landmarks": "marks.csv"}))
    os.mkfifo(tmp_path / "marks.csv")
    with pytest.raises(InputError, match=r"marks\.csv: found a pipe"):
        checked(tmp_path, ("a", "a.tif", {"landmarks": "marks.csv"}))


def test_a_cell_of_the_figures_that_the_table_has_not_is_reported(tmp_path):
    plan = plan_of(tmp_path, ("a", "a.tif", {}))
    check_figure_cell(plan, None)
    check_figure_cell(plan, "c")
    with pytest.raises(InputError, match=r"figures\.cell.*'nosuch'.*: c$"):
        check_figure_cell(plan, "nosuch")
