"""The table: what is read, and how every mistake is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from spallmap.acquisitions import check_files, read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import DataWarning, InputError

ROOT = Path(__file__).parents[2]
SCHEMA = read_schema(ROOT / "workflow" / "schemas" / "acquisitions.schema.yaml")
HEADER = "cell\tstate\tmodality\tname\tpath\tspacing_um\taxes\twithin\tlandmarks"


def table(tmp_path, *rows, header=HEADER):
    path = tmp_path / "acquisitions.tsv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_a_row_is_read_with_its_defaults(tmp_path):
    (row,) = read_acquisitions(table(tmp_path, "c-1\tshorted\tmri\tt2\tscans/5\t23,46\t\t\t"), SCHEMA)
    assert row.id == "c-1/shorted/mri-t2"
    assert row.spacing_um == (23.0, 46.0)
    assert row.axes.names == ("z", "y")
    assert row.path == tmp_path / "scans" / "5"
    assert row.within is None


def test_paths_are_relative_to_the_tables_folder_and_short_below_the_working_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    path = table(tmp_path / "config", "c\ts\txct\tscan\t../demo/a.tif\t\t\t\t")
    assert read_acquisitions(path, SCHEMA)[0].path == Path("demo/a.tif")


def test_a_dataset_named_after_its_file_is_kept_apart_from_what_has_to_be_on_the_disk(tmp_path, monkeypatch):
    (tmp_path / "config").mkdir()
    lines = ("c\ts\txct\ta\t../scans/x.nxs:/entry/../entry/data\t\t\t\t", "c\ts\txct\tb\tb.tif\t\t\t\t")
    path = table(tmp_path / "config", *lines)
    monkeypatch.chdir(tmp_path)
    first, second = read_acquisitions(path, SCHEMA)
    assert first.path == Path("scans/x.nxs:/entry/../entry/data")
    assert first.file == Path("scans/x.nxs")
    assert second.path == second.file == Path("config/b.tif")
    asked, probed = [], []
    check_files([first], lambda file: not asked.append(file), probed.append)
    assert (asked, probed) == ([Path("scans/x.nxs")], [])
    with pytest.raises(InputError, match=r"no file or folder scans/x\.nxs;"):
        check_files([first], lambda file: False, probed.append)
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "x.nxs").touch()
    check_files([first], lambda file: False, probed.append)
    assert probed == [first]
    monkeypatch.chdir(tmp_path / "scans")
    assert read_acquisitions(path, SCHEMA)[0].file == Path("x.nxs")


def test_columns_may_stand_in_any_order_and_optional_ones_may_be_absent(tmp_path):
    path = table(tmp_path, "a.tif\tscan\txct\tshorted\tc", header="path\tname\tmodality\tstate\tcell")
    assert read_acquisitions(path, SCHEMA)[0].key == ("c", "shorted", "xct", "scan")


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        (["c;s;xct;scan;a.tif"], "cell;state;modality;name;path", ["semicolons", "tabs", "line 1"]),
        (["c,s,xct,scan,a.tif"], "cell,state,modality,name,path", ["commas", "tabs"]),
        (
            ["c\ts\txct\tscan\ta\tx"],
            "cell\tstate\tmodality\tname\tpath\tvoxel",
            ["'voxel'", "spacing_um", "column 6"],
        ),
        (["c\ts\txct\tscan"], "cell\tstate\tmodality\tname", ["'path'", "needed"]),
        (["c\ts\txct\tscan\ta\tb"], "cell\tstate\tmodality\tname\tpath\tpath", ["twice"]),
        ([], HEADER, ["no rows"]),
        (["c\ts\txct\tscan\ta\t\t\t\t\tmore"], HEADER, ["row 1 (line 2)", "10 values", "9 values"]),
        (["c d\ts\txct\tscan\ta\t\t\t\t"], HEADER, ["row 1", "'cell'", "'c d'", "letters"]),
        (["c\ts\tct\tscan\ta\t\t\t\t"], HEADER, ["'modality'", "'ct'", "mri, xct, sem, edx"]),
        (["c\ts\txct\t\ta\t\t\t\t"], HEADER, ["'name'", "no value"]),
        (["c\ts\txct\tscan\ta\t-4.66\t\t\t"], HEADER, ["'spacing_um'", "-4.66", "positive"]),
        (["c\ts\txct\tscan\ta\t0\t\t\t"], HEADER, ["'spacing_um'", "positive"]),
        (["c\ts\txct\tscan\ta\t4.66um\t\t\t"], HEADER, ["'spacing_um'", "4.66um"]),
        (["c\ts\txct\tscan\ta\t\tz,y\t\t"], HEADER, ["'axes'", "2 axes", "z,y,x"]),
        (["c\ts\tsem\tscan\ta\t\tz,q\t\t"], HEADER, ["'axes'", "z,q"]),
        (["c\ts\txct\tscan\ta\t\t\t\t", "c\ts\txct\tscan\tb\t\t\t\t"], HEADER, ["row 2", "'name'", "row 1"]),
        (["c\ts\tsem\td\ta\t\t\toverview\t"], HEADER, ["'within'", "'overview'", "SEM image of cell 'c'"]),
        (["c\ts\txct\td\ta\t\t\to\t"], HEADER, ["'within'", "modality xct"]),
        (["c\ts\tsem\ta\ta\t\t\tb\t", "c\ts\tsem\tb\tb\t\t\ta\t"], HEADER, ["'within'", "circle"]),
    ],
)
def test_a_mistake_is_reported_with_its_source_what_was_found_and_what_is_allowed(
    tmp_path, rows, header, words
):
    with pytest.raises(InputError) as caught:
        read_acquisitions(table(tmp_path, *rows, header=header), SCHEMA)
    message = str(caught.value)
    assert "acquisitions.tsv" in message
    for word in words:
        assert word in message


def test_a_missing_table_and_one_that_is_not_text(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_acquisitions(tmp_path / "none.tsv", SCHEMA)
    (tmp_path / "bad.tsv").write_bytes(b"cell\tstate\xff\xfe\n")
    with pytest.raises(InputError, match="UTF-8"):
        read_acquisitions(tmp_path / "bad.tsv", SCHEMA)


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    path = tmp_path / "acquisitions.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"\r\nc\ts\txct\tscan\ta.tif\t\t\t\t\r\n\r\n")
    assert read_acquisitions(path, SCHEMA)[0].name == "scan"


def test_missing_files_are_reported_before_any_job_unless_the_workflow_makes_them(tmp_path):
    path = table(tmp_path, "c\ts\txct\tscan\tnone.tif\t\t\t\t")
    rows = read_acquisitions(path, SCHEMA)
    probed = []

    def probe(acquisition):
        probed.append(acquisition)
        return [DataWarning("none.tif", "nothing", "look at it")]

    with pytest.raises(InputError, match=r"row 1 .*'path'.*none\.tif"):
        check_files(rows, lambda p: False, probe)
    assert check_files(rows, lambda p: True, probe) == []
    (tmp_path / "none.tif").touch()
    (odd,) = check_files(rows, lambda p: False, probe)
    assert odd.advice == "look at it"
    assert probed == rows


def test_a_missing_landmark_file_is_reported(tmp_path):
    (tmp_path / "a.tif").touch()
    rows = read_acquisitions(table(tmp_path, "c\ts\tsem\to\ta.tif\t\t\t\tmarks.csv"), SCHEMA)
    with pytest.raises(InputError, match=r"'landmarks'.*marks\.csv"):
        check_files(rows, lambda p: False, lambda a: [])
