"""Entries of NRRD and MetaImage headers that libraries seldom write: units, and where the voxels begin."""

from __future__ import annotations

import gzip
import zlib

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from spallmap.readers.info import length_in_um
from tests.unit.readers.volume_files import SPACING_UM, volume

DATA = volume()
RAW = DATA.astype("<u2").tobytes()


def nrrd(path, *lines, encoding="raw", content=RAW):
    fixed = ["type: uint16", "dimension: 3", "sizes: 7 9 11", "endian: little", f"encoding: {encoding}"]
    path.write_bytes("\n".join(["NRRD0004", *fixed, *lines, "", ""]).encode() + content)
    return path


SPACINGS = "spacings: 3 4 5"
DIRECTIONS = "space directions: (3,0,0) (0,4,0) (0,0,5)"
MM = tuple(s * 1000 for s in SPACING_UM)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([SPACINGS], MM),
        ([DIRECTIONS], MM),
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
    path = nrrd(tmp_path / "a.nrrd", SPACINGS, "byte skip: -1", content=b"12345" + RAW)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)
    packed = {"encoding": "gzip", "content": gzip.compress(b"12345" + RAW)}
    path = nrrd(tmp_path / "b.nrrd", SPACINGS, "byte skip: 5", **packed)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)
    refused = [
        nrrd(tmp_path / "c.nrrd", SPACINGS, "byte skip: -1", **packed),
        nrrd(tmp_path / "d.nrrd", SPACINGS, "byte skip: -2", content=b"12345" + RAW),
    ]
    for path in refused:
        with pytest.raises(InputError, match="field 'byte skip'"):
            probe_image(path, "xct")
    cut = nrrd(tmp_path / "e.nrrd", SPACINGS, "byte skip: -1", content=RAW[:-3])
    with pytest.raises(InputError, match=r"e\.nrrd.*bytes"):
        probe_image(cut, "xct")


def mha(path, size, packed=False, start=None, file="LOCAL", content=None):
    """Write a MetaImage; `start` is where the voxels begin, counted from the file's start."""
    content = content or (zlib.compress(RAW) if packed else RAW)
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        "DimSize = 7 9 11",
        f"HeaderSize = {size}",
    ]
    lines += [f"CompressedData = {packed}", f"CompressedDataSize = {len(content)}"] if packed else []
    lines += ["ElementSpacing = 0.003 0.004 0.005", "ElementType = MET_USHORT", f"ElementDataFile = {file}\n"]
    header = "\n".join(lines).encode()
    gap = b"\xff" * (0 if start is None else start - len(header))
    path.write_bytes(header + (gap + content if file == "LOCAL" else b""))
    return path


@pytest.mark.parametrize(
    ("size", "packed", "start"),
    [("0", False, None), ("400", False, 400), ("400", True, 400), ("-1", False, None), ("-1", False, 400)],
)
def test_header_size_of_metaimage_means_what_simpleitk_takes_it_for(tmp_path, size, packed, start):
    path = mha(tmp_path / "a.mha", size, packed, start)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), DATA)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)


def test_header_size_of_a_separate_file(tmp_path):
    (tmp_path / "a.raw").write_bytes(b"12345" + RAW)
    path = mha(tmp_path / "a.mhd", "5", file="a.raw")
    np.testing.assert_array_equal(sitk.GetArrayFromImage(sitk.ReadImage(str(path))), DATA)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)


@pytest.mark.parametrize(
    ("size", "packed"),
    [*((size, False) for size in ("nan", "inf", "-inf", "10", "-2", "400.5")), ("-1", True)],
)
def test_a_header_size_that_cannot_be_is_refused(tmp_path, size, packed):
    path = mha(tmp_path / "a.mha", size, packed, 400)
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match="entry 'HeaderSize'"):
            call(path, "xct")


def test_the_end_of_a_file_that_was_cut_is_no_header(tmp_path):
    path = mha(tmp_path / "a.mha", "-1", content=RAW[:-3])
    with pytest.raises(InputError, match=r"a\.mha.*bytes"):
        probe_image(path, "xct")


@pytest.mark.parametrize(
    ("unit", "um"),
    [
        ("millimeters", 1e3),
        ("Millimetres", 1e3),
        ("microns", 1.0),
        ("micrometres", 1.0),
        ("nanometers", 1e-3),
        ("centimetres", 1e4),
        ("meters", 1e6),
        ("inches", 25400.0),
        ("angstroms", 1e-4),
        ("pixels", None),
    ],
)
def test_units_in_the_plural(unit, um):
    assert length_in_um(1.0, unit) == um
