"""Whatever a person saves as a table, landmarks, a configuration or echo times is read, or an InputError."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.acquisitions import read_acquisitions
from spallmap.configuration import read_schema
from spallmap.errors import InputError
from spallmap.readers.te_sidecar import find_echo_times
from spallmap.user_files.config_file import check_config_file
from spallmap.user_files.landmark_file import read_landmarks

SCHEMA = read_schema(Path(__file__).parents[3] / "workflow" / "schemas" / "acquisitions.schema.yaml")
FUZZ = settings(max_examples=settings().max_examples, deadline=None)

WORDS = st.sampled_from(
    [
        *("cell", "state", "modality", "name", "path", "spacing_um", "axes", "within", "landmarks", "sigma"),
        *("a", "shorted", "mri", "xct", "sem", "edx", "5", "4.66", "4,66", "23,46", "z,y", "-z,r", "z,y,x"),
        *("nan", "inf", "1e999", "-1", "0", "1,5", "", " ", '"', "'", "{a}", "~", "\\", "../..", "a" * 300),
        *("u_um", "v_um", "x_um", "y_um", "z_um", "use", "fit", "check", "\u00a0", "\u2212", "\ufeff"),
        *("t2:", "long_ms: 14", "- &a", "*a", "<<: *a", "[", "{", "!!python/object:os.system x", "#"),
        *("\x00", "\x85", "\u2028"),
    ]
)
LINES = st.lists(st.lists(st.one_of(WORDS, st.text(max_size=12)), max_size=14), max_size=8)
TEXT = st.builds(
    lambda lines, column, row, code: row.join(column.join(line) for line in lines).encode(code, "replace"),
    LINES,
    st.sampled_from(["\t", "\t", ",", ";", " "]),
    st.sampled_from(["\n", "\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
CONTENT = st.one_of(TEXT, st.binary(max_size=200))
TABLE_HEADER = (
    b"cell\tstate\tmodality\tname\tpath\tspacing_um\taxes\twithin\tlandmarks\tunusual\tsigma\tskip_echoes\n"
)
MARKS_HEADER = b"u_um,v_um,x_um,y_um,z_um,use\n"


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("texts") / "file.txt"


@FUZZ
@given(content=CONTENT, with_header=st.booleans())
def test_any_table_is_read_or_an_input_error(file, content, with_header):
    file.write_bytes((TABLE_HEADER if with_header else b"") + content)
    with contextlib.suppress(InputError):
        read_acquisitions(file, SCHEMA)


@FUZZ
@given(content=CONTENT, with_header=st.booleans())
def test_any_landmarks_are_read_or_an_input_error(file, content, with_header):
    file.write_bytes((MARKS_HEADER if with_header else b"") + content)
    with contextlib.suppress(InputError):
        read_landmarks(file)


@FUZZ
@given(content=CONTENT)
def test_any_configuration_is_read_or_an_input_error(file, content):
    file.write_bytes(content)
    with contextlib.suppress(InputError):
        check_config_file(file)


@FUZZ
@given(content=CONTENT, n_echoes=st.integers(1, 6))
def test_any_echo_times_are_read_or_an_input_error(file, content, n_echoes):
    image = file.with_name("image.tif")
    file.with_name("echo_times_ms.txt").write_bytes(content)
    with contextlib.suppress(InputError):
        find_echo_times(image, (image,), [n_echoes], file.parent)
