"""The table: what is read, and how every mistake is reported."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from spallmap.acquisitions import odd_rows, read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import InputError, InputGroupError

ROOT = Path(__file__).parents[3]
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
    (tmp_path / "scans").mkdir()
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


def test_a_byte_order_mark_alone_and_the_line_ends_of_an_old_mac_are_read(tmp_path):
    path = tmp_path / "acquisitions.tsv"
    path.write_bytes(HEADER.encode() + b"\rc\ts\txct\tscan\ta.tif\r")
    assert read_acquisitions(path, SCHEMA)[0].source_label.endswith("row 1 (line 2)")


def test_empty_lines_and_empty_values_at_the_end_of_a_line_are_no_matter(tmp_path):
    text = f"\n{HEADER}\t\t\n\t\t\n\nc\ts\txct\tscan\ta.tif\nc\ts\txct\tb\ta.tif\t\t\t\t\t\t\t\n\t\n"
    (tmp_path / "acquisitions.tsv").write_text(text)
    rows = read_acquisitions(tmp_path / "acquisitions.tsv", SCHEMA)
    assert [row.source_label.rpartition(", ")[2] for row in rows] == ["row 3 (line 5)", "row 4 (line 6)"]


def test_values_that_a_spreadsheet_has_quoted_are_read(tmp_path):
    path = table(tmp_path, 'c\ts\tmri\tt2\t"a ""b"" c"\t"23,46"\t"-z,y"')
    (row,) = read_acquisitions(path, SCHEMA)
    assert (row.path.name, row.spacing_um, row.axes.names) == ('a "b" c', (23.0, 46.0), ("-z", "y"))


ROW = "c\ts\txct\tscan\ta.tif"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (f"{HEADER}\n{ROW}\n".encode("utf-16"), ["UTF-16", "UTF-8", "tab-separated"]),
        (f"{HEADER}\n{ROW}\n".encode("utf-16-le"), ["UTF-16", "UTF-8", "tab-separated"]),
        (f"{HEADER}\n{ROW}\n".encode("utf-32"), ["UTF-32", "UTF-8", "tab-separated"]),
        (f"{HEADER}\n{ROW.replace('a.tif', 'Prüfling.tif')}\n".encode("cp1252"), ["line 2", "'ü'", "UTF-8"]),
        (f"{HEADER}\n{ROW}\x00\n".encode(), ["line 2", "null byte"]),
        (f"{HEADER}\r\n{ROW}\r\n{ROW}\x0b\n".encode(), ["line 3", "0x0b"]),
        (b"PK\x03\x04" + b"\x14" * 200, ["Excel", "tab-separated"]),
        (b"", ["empty file"]),
        (b"\n \n\t\n", ["empty file"]),
        (f"{HEADER}\n{ROW}\n{HEADER}\n".encode(), ["row 2 (line 3)", "header again"]),
        (f'{HEADER}\nc\ts\txct\tscan\t"a.tif\n{ROW}\n'.encode(), ["row 1 (line 2)", "quotation mark"]),
        (f"{HEADER}\n{ROW}\t{'9' * 200_000}\n".encode(), ["row 1", "characters"]),
        (f"{HEADER}\n{ROW.replace(chr(9), ' ')}\n".encode(), ["row 1", "1 values", "tabs"]),
        (f"{HEADER}\nc\ts\txct\n".encode(), ["row 1", "'name'", "no value"]),
        (f"cell\t\tmodality\n{ROW}\n".encode(), ["column 2", "no name"]),
        (f"{HEADER}\n{ROW}\t4.66\t\u2212z,y,x\n".encode(), ["'axes'", "MINUS SIGN"]),
        (f"{HEADER}\nc\ts\u200b\txct\tscan\ta.tif\n".encode(), ["'state'", "ZERO WIDTH SPACE"]),
        (f"{HEADER}\n{ROW}\t4.66\u00a0um\n".encode(), ["'spacing_um'", "NO-BREAK SPACE"]),
    ],
)
def test_what_is_no_table_is_reported_with_what_it_is_and_what_to_do(tmp_path, content, words):
    (tmp_path / "acquisitions.tsv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_acquisitions(tmp_path / "acquisitions.tsv", SCHEMA)
    for word in ("acquisitions.tsv", *words):
        assert word in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_table_that_cannot_be_opened_is_reported(tmp_path):
    path = tmp_path / "t.tsv"
    path.mkdir()
    with pytest.raises(InputError, match=r"t\.tsv: found a folder"):
        read_acquisitions(path, SCHEMA)
    path.rmdir()
    os.mkfifo(path)
    with pytest.raises(InputError, match=r"t\.tsv: found a pipe"):
        read_acquisitions(path, SCHEMA)
    path.unlink()
    path.symlink_to(path)
    with pytest.raises(InputError, match=r"t\.tsv: found too many levels"):
        read_acquisitions(path, SCHEMA)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"t\.tsv: found a link to .*nowhere, which does not exist"):
        read_acquisitions(path, SCHEMA)
    with pytest.raises(InputError, match="name too long"):
        read_acquisitions(tmp_path / ("x" * 300), SCHEMA)


@pytest.mark.parametrize(
    ("column", "value", "modality", "words"),
    [
        ("spacing_um", "nan", "mri", ["'nan'", "positive"]),
        ("spacing_um", "inf", "mri", ["'inf'"]),
        ("spacing_um", "1e400", "mri", ["'1e400'", "positive"]),
        ("spacing_um", "0,5", "sem", ["'0,5'", "write 0.5"]),
        ("spacing_um", "4,66", "xct", ["2 numbers", "write 4.66"]),
        ("spacing_um", "4,66,4,66", "sem", ["'4,66,4,66'", "decimal points"]),
        ("spacing_um", "5,4.66,4.66", "sem", ["3 numbers", "1 or 2 numbers"]),
        ("sigma", "12,5", "mri", ["'12,5'", "write 12.5"]),
        ("sigma", "nan", "mri", ["'nan'"]),
        ("sigma", "-1", "mri", ["'-1'"]),
        ("sigma", "9" * 400, "mri", ["(400 characters)", "positive"]),
        ("sigma", "3", "sem", ["modality sem"]),
        ("skip_echoes", "1,0", "mri", ["'1,0'", "whole number"]),
        ("skip_echoes", "-1", "mri", ["'-1'"]),
        ("path", "https://example.org/a.tif", "sem", ["address", "on this machine"]),
        ("path", "s3://bucket/a.tif", "sem", ["address"]),
        ("path", "scans/{a}.tif", "sem", ["{a}", "wildcard", "rename"]),
        ("landmarks", "{ marks }.csv", "sem", ["{ marks }", "wildcard"]),
        ("cell", "logs", "sem", ["'logs'", "another name"]),
        ("unusual", "pixel size", "sem", ["'pixel size'", "pixel_size"]),
    ],
)
def test_a_value_that_cannot_be_meant_is_reported_with_row_and_column(
    tmp_path, column, value, modality, words
):
    values = {"cell": "c", "state": "s", "modality": modality, "name": "n", "path": "a.tif", column: value}
    path = table(tmp_path, "\t".join(values.values()), header="\t".join(values))
    with pytest.raises(InputError) as caught:
        read_acquisitions(path, SCHEMA)
    for word in ("row 1 (line 2)", f"'{column}'", *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["CON", "nul", "-a", "_", "1"])
def test_names_that_other_systems_reserve_are_names(tmp_path, name):
    path = table(tmp_path, f"{name}\t{name}\txct\t{name}\ta.tif")
    assert read_acquisitions(path, SCHEMA)[0].cell == name


@pytest.mark.parametrize(
    "name", ["a {1-3} b.tif", "100 %.tif", "it's.tif", "-a.tif", "%s.tif", "[a]*.tif", "{}"]
)
def test_signs_in_a_path_are_kept(tmp_path, name):
    assert read_acquisitions(table(tmp_path, f"c\ts\tsem\tn\t{name}"), SCHEMA)[0].path.name == name


def test_a_link_keeps_its_name(tmp_path):
    (tmp_path / "scan.tif").symlink_to(tmp_path / "store" / "0123")
    assert read_acquisitions(table(tmp_path, "c\ts\tsem\tn\tscan.tif"), SCHEMA)[0].path.name == "scan.tif"


def test_all_wrong_rows_are_reported_at_once_and_no_more_than_can_be_read(tmp_path):
    few = table(tmp_path, *[f"c\ts\txct\tn{n}\ta\t{'x' if n in (3, 5) else '4.66'}" for n in range(8)])
    with pytest.raises(InputGroupError) as caught:
        read_acquisitions(few, SCHEMA)
    assert [e.source_label.partition("row ")[2] for e in caught.value.errors] == [
        "4 (line 5), column 'spacing_um'",
        "6 (line 7), column 'spacing_um'",
    ]
    with pytest.raises(InputGroupError, match="the first 20 errors, and perhaps more") as caught:
        read_acquisitions(table(tmp_path, *[f"c\ts\txct\tn{n}\ta\tx" for n in range(50)]), SCHEMA)
    assert len(str(caught.value).splitlines()) == 21


def test_the_same_file_twice_and_another_spelling_of_a_state_are_odd(tmp_path):
    (tmp_path / "b.tif").symlink_to(tmp_path / "a.tif")
    rows = read_acquisitions(
        table(
            tmp_path,
            "c\tshorted\tsem\tone\ta.tif",
            "c\tShorted\tsem\ttwo\tb.tif",
            "c\tshorted\tsem\tthree\td.tif",
            "c\tshorted\txct\tfour\ta.tif",
        ),
        SCHEMA,
    )
    state, file = odd_rows(rows)
    assert "row 2" in state.source_label
    assert "'state'" in state.source_label
    assert "row 2" in file.source_label
    assert "row 1" in file.found
