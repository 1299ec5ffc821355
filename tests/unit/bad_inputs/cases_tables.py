"""Bad tables of acquisitions and of landmarks, checked as before any job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tifffile

from tests.unit.bad_inputs.case import Cases, either, reads, refused
from tests.unit.bad_inputs.cases_images import picture
from tests.unit.bad_inputs.cases_mri import scan
from tests.unit.bad_inputs.spoilt import SPOIL
from tests.unit.readers.volumes.volume_files import tiff_folder, volume

CASES = Cases()
COLUMNS = (
    "cell", "state", "modality", "name", "path", "spacing_um", "axes", "within", "landmarks", "unusual",
    "sigma", "skip_echoes",
)  # fmt: skip
MARKS = "u_um,v_um,x_um,y_um,z_um,use\n10,20,5,6,7,fit\n30,21,9,25,9,fit\n12,40,3,8,27,fit\n5,6,7,8,9,check\n"


def row(**said: str) -> dict[str, str]:
    return {"cell": "a", "state": "shorted", **said}


def rows(folder: Path) -> list[dict[str, str]]:
    """Write the files of a right table and give its rows."""
    scan(folder)
    tiff_folder(folder, volume())
    tifffile.imwrite(folder / "sem.tif", picture(), metadata=None)
    return [
        row(modality="xct", name="ct", path="slices", spacing_um="4.66"),
        row(modality="mri", name="na", path="5"),
        row(modality="sem", name="overview", path="sem.tif", spacing_um="0.5"),
    ]


def text_of(table: list[dict[str, str]]) -> str:
    lines = ["\t".join(COLUMNS)] + ["\t".join(r.get(c, "") for c in COLUMNS) for r in table]
    return "\n".join(lines) + "\n"


def write(folder: Path, content: str | bytes) -> Any:
    path = folder / "acquisitions.tsv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return (path,)


whole = reads(lambda s: len(s["rows"]) == 3)

for label, change, right in (
    ("as it should be", lambda t: t, whole),
    ("trailing tabs", lambda t: t.replace("\n", "\t\t\n"), whole),
    ("a byte order mark and CRLF", lambda t: "\ufeff" + t.replace("\n", "\r\n"), whole),
    ("UTF-16", lambda t: t.encode("utf-16"), refused("UTF-8")),
    ("UTF-16 without a mark", lambda t: t.encode("utf-16-le"), refused("UTF-8")),
    ("cp1252", lambda t: t.replace("overview", "übersicht").encode("cp1252"), refused("UTF-8")),
    ("semicolons", lambda t: t.replace("\t", ";"), refused("tab")),
    ("commas", lambda t: t.replace("\t", ","), refused("tab")),
    ("an unknown column", lambda t: t.replace("within", "inside", 1), refused("inside")),
    ("a column twice", lambda t: t.replace("within", "axes", 1), refused("axes", "twice")),
    ("a null byte", lambda t: t.replace("overview", "over\0view"), refused("overview|null|over")),
    (
        "a field of 200 000 letters",
        lambda t: t.replace("sem.tif", "s" * 200_000),
        refused("row 3", "200033 characters"),
    ),
    ("a quote that is not closed", lambda t: t.replace("slices", '"slices'), refused("slices|quote")),
    ("nothing", lambda t: "", refused("empty")),
    ("a header alone", lambda t: t.splitlines()[0], refused("row")),
    ("a value too many", lambda t: t.replace("0.5", "0.5\t\t\t\t\t\t\t\t\tx"), refused("values")),
):

    @CASES.add("text of tables", label, right, change=change)
    def table_text(folder: Path, change: Any) -> Any:
        return write(folder, change(text_of(rows(folder))))


for label, number, column, value, words in (
    ("a decimal comma", 2, "spacing_um", "4,66", r"4\.66"),
    ("a decimal comma below one", 2, "spacing_um", "0,5", r"0\.5"),
    ("a decimal comma for a tomogram", 0, "spacing_um", "4,66", "4"),
    ("a thousands separator", 0, "spacing_um", "1.234,5", "spacing_um"),
    ("not a number", 0, "spacing_um", "nan", "nan"),
    ("infinite", 0, "spacing_um", "inf", "inf"),
    ("too large for a number", 0, "spacing_um", "1e999", "spacing_um|1e999|inf"),
    ("zero", 0, "spacing_um", "0", "spacing_um"),
    ("negative", 0, "spacing_um", "-4.66", "spacing_um"),
    ("in nanometres", 0, "spacing_um", "4660", "pixel size"),
    ("in millimetres", 0, "spacing_um", "0.00466", "pixel size"),
    ("with its unit", 0, "spacing_um", "4.66 um", "spacing_um"),
    ("four numbers", 0, "spacing_um", "1,2,3,4", "spacing_um"),
    ("three axes for an image", 1, "axes", "z,y,x", "axes"),
    ("an unknown direction", 1, "axes", "q,y", "axes"),
    ("one direction twice", 1, "axes", "y,y", "axes"),
    ("two axes for a volume", 0, "axes", "z,y", "axes"),
    ("an unknown modality", 1, "modality", "nmr", "modality"),
    ("a name with a slash", 1, "name", "a/b", "name"),
    ("a cell with a space", 1, "cell", "a b", "cell"),
    ("a name too long for a file", 1, "name", "na-" * 40 + "na", "up to 64 signs"),
    ("a name that repeats itself", 1, "name", "x" + "-0" * 20, "15 times in a row"),
    ("a file that is not there", 2, "path", "gone.tif", "gone.tif"),
    ("an address", 2, "path", "https://example.org/sem.tif", "path|local|file"),
    ("a name of 300 letters", 2, "path", "a" * 300, "path|name"),
    ("an SEM image that does not exist", 2, "within", "nowhere", "within"),
    ("an image within itself", 2, "within", "overview", "within"),
    ("an unknown word", 1, "unusual", "everything", "unusual"),
    ("a decimal comma in sigma", 1, "sigma", "12,5", "sigma"),
    ("a sigma of zero", 1, "sigma", "0", "sigma"),
    ("a sigma that is no number", 1, "sigma", "nan", "sigma"),
    ("a sigma for an SEM image", 2, "sigma", "3", "sigma"),
    ("echoes to skip: -1", 1, "skip_echoes", "-1", "skip_echoes"),
    ("echoes to skip: 1.5", 1, "skip_echoes", "1.5", "skip_echoes"),
    ("all echoes skipped", 1, "skip_echoes", "5", "echo"),
    ("landmarks that are not there", 2, "landmarks", "marks.csv", "marks.csv"),
):

    @CASES.add("values of tables", label, refused(words), number=number, column=column, value=value)
    def table_value(folder: Path, number: int, column: str, value: str) -> Any:
        table = rows(folder)
        table[number][column] = value
        return write(folder, text_of(table))


@CASES.add("values of tables", "a name twice", refused("again|twice"))
def name_twice(folder: Path) -> Any:
    table = rows(folder)
    return write(folder, text_of([*table, table[0]]))


@CASES.add("table against files", "9.32 over 4.66 in the table's check", reads(None, "46.*23|23.*46"))
def size_against_file(folder: Path) -> Any:
    table = rows(folder)
    table[1]["spacing_um"] = "23,46"
    return write(folder, text_of(table))


for how, spoil in SPOIL.items():

    @CASES.add("parts that cannot be read", f"the table is {how}", refused("acquisitions.tsv"), spoil=spoil)
    def spoilt_table(folder: Path, spoil: Any) -> Any:
        (path,) = write(folder, text_of(rows(folder)))
        spoil(path)
        return (path,)

    @CASES.add("parts that cannot be read", f"the landmarks are {how}", refused("marks.csv"), spoil=spoil)
    def spoilt_marks(folder: Path, spoil: Any) -> Any:
        opened = marks(folder, MARKS)
        spoil(folder / "marks.csv")
        return opened


def marks(folder: Path, text: str | bytes) -> Any:
    (folder / "marks.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    table = rows(folder)
    table[2]["landmarks"] = "marks.csv"
    return write(folder, text_of(table))


for label, text, right in (
    ("as they should be", MARKS, whole),
    (
        "one side in voxels",
        MARKS.replace("25", "6").replace("27,fit", "6,fit").replace(",8,9,", ",6,7,"),
        reads(None, "factor of"),
    ),
    ("decimal commas", MARKS.replace("10,20,5", "10,5,20,1,5,3"), refused("marks.csv", "row|line")),
    ("semicolons", MARKS.replace(",", ";"), refused("marks.csv")),
    ("semicolons and decimal commas", MARKS.replace(",", ";").replace("10;", "10,5;"), refused("marks.csv")),
    ("a value too few", MARKS.replace("10,20,", "10,"), refused("marks.csv", "row|line")),
    ("not a number", MARKS.replace("10,20", "10,nan"), refused("marks.csv", "nan")),
    ("infinite", MARKS.replace("10,20", "10,inf"), refused("marks.csv", "inf")),
    ("a word", MARKS.replace("10,20", "10,far"), refused("marks.csv", "far")),
    ("an unknown use", MARKS.replace("check", "test"), refused("marks.csv", "test")),
    ("no header", MARKS.split("\n", 1)[1], refused("marks.csv")),
    ("another header", MARKS.replace("u_um", "u"), refused("marks.csv", "u_um")),
    ("a header alone", MARKS.splitlines()[0], either(refused("marks.csv"), reads(None, "marks.csv"))),
    ("UTF-16", MARKS.encode("utf-16"), refused("marks.csv", "UTF-8")),
):

    @CASES.add("landmarks", label, right, text=text)
    def landmark_text(folder: Path, text: str | bytes) -> Any:
        return marks(folder, text)
