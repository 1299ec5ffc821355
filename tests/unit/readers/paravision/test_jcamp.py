from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers.paravision.jcamp import MOST_VALUES, Quoted, parse_value, read_records
from spallmap.readers.paravision.parameters import Parameters
from tests.unit.readers.any_bytes import FUZZ

HEAD = "##TITLE=Parameter List, ParaVision 6.0.1\n##JCAMPDX=4.24\n##DATATYPE=Parameter Values\n"


def write(path: Path, records: str | bytes, end: str = "##END=\n") -> Path:
    content = records if isinstance(records, bytes) else records.encode()
    path.write_bytes(HEAD.encode() + content + end.encode())
    return path


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("3", [3]),
        ("-1.5e-3", [-0.0015]),
        ("( 3 )\n1 2\n3", [1, 2, 3]),
        ("(0..2)\n1 .5 2.", [1, 0.5, 2.0]),
        ("( 6 )\n@2*(0.5) @3*(1) 4", [0.5, 0.5, 1, 1, 1, 4]),
        ("( 6 )\n@2*(@2*(1) 2)", [1, 1, 2, 1, 1, 2]),
        ("( 2, 2 )\n1 2 3 4", [1, 2, 3, 4]),
        ("( 65 )\n<Bruker:MSME>", ["Bruker:MSME"]),
        ("( 2, 65 )\n<mm> <m\nm>", ["mm", "mm"]),
        ("( 2 )\nspatial spatial", ["spatial", "spatial"]),
        ("( 65 )\n<a \\> b \\< c>", ["a \\> b \\< c"]),
        ("( 65 )\n<\\>", ["\\"]),
        ("( 2, 65 )\n<\\> <d>", ["\\", "d"]),
        ("( 9 )\n<$$ no comment>\n$$ (a comment", ["$$ no comment"]),
        ("( 2 )\n1\n$$ @vis= 2\n2\n$$ (a) b", [1, 2]),
        ("( 1 )\n(5, <FG_SLICE>, <>, 1, 2)", [[5, "FG_SLICE", "", 1, 2]]),
        ("( 1 )\n(((1 0, 2), 3), <a, (b>, @2*(4))", [[[[1, 0, 2], 3], "a, (b", 4, 4]]),
        ("( 2 )\n@2*((1, 2))", [[1, 2], [1, 2]]),
        ("(1, 2)", [[1, 2]]),
        ("(1, 2)\n$$ (comment) 3", [[1, 2]]),
        ("One_scan", ["One_scan"]),
        ("", []),
    ],
)
def test_values_are_what_they_say(text, items):
    assert parse_value("visu_pars", "Key", text).items == items


def test_a_text_is_never_a_number():
    (item,) = parse_value("visu_pars", "Key", "( 8 )\n<5>").items
    assert isinstance(item, Quoted)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@1000000000*(2)", f"more than {MOST_VALUES} values"),
        ("( 1000000000 )\n@1000000000*(2)", f"more than {MOST_VALUES} values"),
        ("@9999999999999999999999999*(2)", f"more than {MOST_VALUES} values"),
        ("@1000*(@1000*(@1000*(@1000*(1))))", f"more than {MOST_VALUES} values"),
        ("@1000*((@1000*(@1000*(1)), 2))", f"more than {MOST_VALUES} values"),
        ("( 99999999999999999999999 )\n1 2", "2 values of Key where"),
        ("( 99999, 99999, 99999 )\n1 2", "2 values of Key where"),
        ("( 3 )\n1 2", "2 values of Key where ( 3 ) announces 3"),
        ("( 3 )\n1 2 3 4", "4 values of Key where"),
        ("( 3 )", "0 values of Key where"),
        ("( 2 )\n(1, 2)", "1 values of Key where"),
        ("( 2, 65 )\n<mm>", "1 values of Key where"),
        ("(9..2)\n1", "1 values of Key where"),
        ("( 2 )\n1,5 2", "a comma in Key"),
        ("( 1 )\n(1, 2", "not closed"),
        ("( 1 )\n1)", "a bracket too many"),
        ("( 9 )\n<abc", "a text in Key without an end"),
        ("( 9 )\n" + "<" * 5000, "a text in Key without an end"),
        ("( 9 )\n" + "(" * 5000, "more than 16 nested brackets"),
        ("( 9 )\n" + "@2*(" * 5000, "more than 16 nested brackets"),
    ],
)
def test_what_does_not_stand_there_is_refused(text, found):
    with pytest.raises(InputError) as caught:
        parse_value("visu_pars", "Key", text)
    assert found in caught.value.found
    assert caught.value.source_label == "visu_pars"


@pytest.mark.parametrize(
    "word", ["1 ", "<a> ", "(1) ", "\\> ", "<\\>", "$$ c\n", "@3*(1) ", "<\\", "\\\\\\>"]
)
def test_long_values_end_soon(word):
    """Every step forward is paid once: no text is looked through again and again."""
    text = "( 7, 7 )\n" + word * 60_000
    began = time.perf_counter()
    with pytest.raises(InputError):
        parse_value("visu_pars", "Key", text)
    assert time.perf_counter() - began < 20


def test_letters_of_utf8_and_latin1_are_read(tmp_path):
    for encoding in ("utf-8", "latin-1", "utf-8-sig"):
        records = "##$Who=( 20 )\n<Jürgen Müller, µm>\n##$Slope=( 1 )\n2\n".encode(
            encoding.removesuffix("-sig")
        )
        content = HEAD.encode(encoding) + records + b"##END=\n"
        (tmp_path / "visu_pars").write_bytes(content.replace(b"\n", b"\r\n"))
        parameters = Parameters(tmp_path / "visu_pars")
        assert parameters.text("Who") == "Jürgen Müller, µm"
        assert parameters.integer("Slope") == 2


def test_the_last_value_of_a_file_without_an_end_is_not_believed(tmp_path):
    path = write(tmp_path / "visu_pars", "##$A=( 1 )\n7\n##$B=( 1 )\n2", end="")
    parameters = Parameters(path)
    assert parameters.integer("A") == 7
    with pytest.raises(InputError, match=r"no B \(and no end: the file was cut short\)"):
        parameters.integer("B")


def test_two_values_of_one_name_are_refused(tmp_path):
    same = write(tmp_path / "same", "##$A=( 1 )\n7\n##$A=( 1 )\n7\n")
    assert read_records(same).values["A"] == "( 1 )\n7"
    with pytest.raises(InputError, match="two values of A"):
        read_records(write(tmp_path / "other", "##$A=( 1 )\n7\n##$A=( 1 )\n8\n"))


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "without a JCAMP-DX version"),
        (b"no parameters", "without a JCAMP-DX version"),
        (HEAD.encode("utf-16"), "without a JCAMP-DX version"),
        (b"##JCAMPDX=6.1\n##END=\n", "of JCAMP-DX version '6.1'"),
        (HEAD.encode() + b"##$A\n##END=\n", "without '='"),
        (HEAD.encode() + b"".join(b"##$A%d=1\n" % n for n in range(30_000)), "more than 20000 parameters"),
    ],
)
def test_other_files_are_refused(tmp_path, content, found):
    (tmp_path / "visu_pars").write_bytes(content)
    with pytest.raises(InputError, match=found) as caught:
        Parameters(tmp_path / "visu_pars")
    assert caught.value.source_label == str(tmp_path / "visu_pars")


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (Path.mkdir, "a folder"),
        (os.mkfifo, "a pipe"),
        (lambda path: path.symlink_to("gone"), "a link to gone"),
        (lambda path: path.symlink_to(path), "symbolic links"),
        (lambda path: path.open("wb").truncate(100_000_000), "100000000 bytes of text"),
        (lambda path: None, "no visu_pars"),
    ],
)
def test_what_is_no_readable_file_is_refused(tmp_path, make, found):
    make(tmp_path / "visu_pars")
    with pytest.raises(InputError, match=found):
        Parameters(tmp_path / "visu_pars")


WORDS = st.sampled_from(
    [*"()<>,1=é \\\n", "@3*(", "@99999*(", "-2.5e3", "nan", "1e999", "$$", "##$B="],
)
CONTENTS = st.one_of(st.binary(max_size=200), st.lists(WORDS, max_size=40).map(lambda w: "".join(w).encode()))


@FUZZ
@given(text=st.lists(WORDS, max_size=60).map("".join))
def test_any_text_is_a_value_or_an_input_error(text):
    try:
        value = parse_value("visu_pars", "Key", text)
    except InputError as error:
        assert error.source_label == "visu_pars"  # noqa: PT017 - a value is as good
    else:
        assert len(value.items) <= MOST_VALUES


@FUZZ
@given(content=CONTENTS)
def test_any_bytes_are_parameters_or_an_input_error(tmp_path, content):
    path = write(tmp_path / "visu_pars", b"##$A=" + content)
    try:
        parameters = Parameters(path)
        for ask in (
            parameters.numbers,
            parameters.integers,
            parameters.words,
            parameters.structures,
            lambda key: parameters.table(key, 3),
            lambda key: parameters.records(key, int, str),
        ):
            ask("A")
    except InputError as error:
        assert error.source_label.startswith(str(path))  # noqa: PT017 - values are as good
