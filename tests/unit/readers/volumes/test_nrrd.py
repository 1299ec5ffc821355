from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import (
    FUZZ_EXAMPLES,
    SPACING_UM,
    opened_or_refused,
    volume,
)

DATA = volume()
RAW = DATA.astype("<u2").tobytes()


def nrrd(path, *lines, encoding="raw", content=RAW):
    fixed = ["type: uint16", "dimension: 3", "sizes: 7 9 11", "endian: little", f"encoding: {encoding}"]
    path.write_bytes("\n".join(["NRRD0004", *fixed, *lines, "", ""]).encode() + content)
    return path


SPACINGS = "spacings: 3 4 5"
DIRECTIONS = "space directions: (3,0,0) (0,4,0) (0,0,5)"
IN_MM = "spacings: 0.003 0.004 0.005"
DIRECTIONS_IN_MM = "space directions: (0.003,0,0) (0,0.004,0) (0,0,0.005)"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([IN_MM], SPACING_UM),
        ([DIRECTIONS_IN_MM], SPACING_UM),
        ([SPACINGS, 'units: "um" "um" "um"'], SPACING_UM),
        ([SPACINGS, 'space units: "um" "um" "um"'], SPACING_UM),
        ([DIRECTIONS, 'space units: "microns" "microns" "microns"'], SPACING_UM),
        ([DIRECTIONS, 'space units: "um"'], None),
        ([SPACINGS, 'units: "um"'], None),
        ([SPACINGS, "units: um um um"], None),
        ([SPACINGS, 'space units: "um" "um"'], None),
        ([SPACINGS, 'units: "um" "um" "voxel"'], None),
    ],
)
def test_units_of_nrrd_are_taken_or_leave_the_size_open(tmp_path, lines, expected):
    path = nrrd(tmp_path / "a.nrrd", *lines)
    found = probe_image(path, "xct").spacing_um
    assert found == (None if expected is None else pytest.approx(expected))


def test_byte_skip_of_nrrd(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", IN_MM, "byte skip: -1", content=b"12345" + RAW)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)
    packed = {"encoding": "gzip", "content": gzip.compress(b"12345" + RAW)}
    path = nrrd(tmp_path / "b.nrrd", IN_MM, "byte skip: 5", **packed)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)
    refused = [
        nrrd(tmp_path / "c.nrrd", IN_MM, "byte skip: -1", **packed),
        nrrd(tmp_path / "d.nrrd", IN_MM, "byte skip: -2", content=b"12345" + RAW),
    ]
    for path in refused:
        with pytest.raises(InputError, match="field 'byte skip'"):
            probe_image(path, "xct")
    cut = nrrd(tmp_path / "e.nrrd", IN_MM, "byte skip: -1", content=RAW[:-3])
    with pytest.raises(InputError, match=r"e\.nrrd.*bytes"):
        probe_image(cut, "xct")


def test_a_spacing_in_micrometres_without_a_unit_is_refused_with_the_remedy(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", "spacings: 4.66 4.66 4.66")
    for call in (probe_image, open_image):
        with pytest.raises(
            InputError, match=r"field 'spacings'.*'space units'.*4660, 4660, 4660 um.*spacing_um"
        ):
            call(path, "xct")
    assert open_image(path, "xct", 4.66).spacing_um == (4.66,) * 3
    path = nrrd(tmp_path / "a.nrrd")
    with pytest.raises(InputError, match=r"no pixel size.*no 'spacings'"):
        open_image(path, "xct")


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        (["kinds: RGB-color domain domain"], "field 'kinds'.*RGB-color"),
        (["kinds: domain domain time"], "field 'kinds'.*time"),
        (["sizes: 7 9 10"], "field 'sizes'.*'7 9 11' and '7 9 10'"),
        (["encoding: gzip"], "field 'encoding'"),
        (["byte skip: 2"], r"bytes; allowed: \d+ bytes"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path, lines, found):
    with pytest.raises(InputError, match=rf"a\.nrrd.*{found}"):
        probe_image(nrrd(tmp_path / "a.nrrd", IN_MM, *lines), "xct")


def test_a_header_that_announces_less_than_there_is_is_refused(tmp_path):
    path = nrrd(tmp_path / "a.nrrd", IN_MM, content=RAW + b"\0\0")
    with pytest.raises(InputError, match=rf"{path.stat().st_size} bytes; allowed: .*11 x 9 x 7 voxels"):
        probe_image(path, "xct")
    path = nrrd(tmp_path / "b.nrrd", IN_MM, encoding="gzip", content=gzip.compress(RAW + b"\0\0"))
    with pytest.raises(InputError, match=r"b\.nrrd.*1387 bytes or more when unpacked; allowed: 1386 bytes"):
        open_image(path, "xct")


@pytest.mark.parametrize("sizes", ["1000000000 1000000000 1000000000", "100 100 200", "7 9 " + "9" * 5000])
@pytest.mark.parametrize("encoding", ["raw", "gzip"])
def test_sizes_beyond_what_is_stored_are_refused_at_once(tmp_path, sizes, encoding):
    path = tmp_path / "a.nrrd"
    head = f"NRRD0004\ntype: uint16\ndimension: 3\nsizes: {sizes}\nendian: little\nencoding: {encoding}\n\n"
    path.write_bytes(head.encode() + gzip.compress(RAW))
    with pytest.raises(InputError, match=r"a\.nrrd"):
        probe_image(path, "xct", 4.66)


def test_a_header_without_an_end(tmp_path):
    (tmp_path / "a.nrrd").write_bytes(b"NRRD0004\n" + b"# no end \n" * 100_000)
    with pytest.raises(InputError, match="a header without an end in its first 65536 bytes"):
        probe_image(tmp_path / "a.nrrd", "xct", 4.66)


FIELDS = st.sampled_from(
    [
        "type",
        "dimension",
        "sizes",
        "endian",
        "encoding",
        "spacings",
        "units",
        "space directions",
        "kinds",
        "data file",
        "byte skip",
        "line skip",
        "space units",
        "space",
        "nonsense",
    ]
)
VALUES = st.one_of(
    st.sampled_from(
        ["uint16", "3", "7 9 11", "little", "gzip", "raw", "-1", "nan nan nan", "1e400 1 1", "a.raw"]
    ),
    st.sampled_from(["(0,0,0) (0,1,0) (0,0,1)", "none", '"um" "um" "um"', "0", "1 1 99999999999999999999"]),
    st.text(max_size=12),
)


@settings(max_examples=FUZZ_EXAMPLES, deadline=None)
@given(
    lines=st.lists(st.tuples(FIELDS, VALUES), max_size=8), drop=st.integers(0, 5), tail=st.binary(max_size=40)
)
def test_nothing_but_input_errors_comes_out_of_any_header(tmp_path_factory, lines, drop, tail):
    fixed = ["type: uint16", "dimension: 3", "sizes: 7 9 11", "endian: little", "encoding: raw"]
    written = [line for k, line in enumerate(fixed) if k != drop] + [
        f"{key}: {value}" for key, value in lines
    ]
    text = "\n".join(["NRRD0004", *written, "", ""])
    path = tmp_path_factory.getbasetemp() / "fuzz.nrrd"
    path.write_bytes(text.encode("utf-8", "replace") + RAW + tail)
    opened_or_refused(path)
