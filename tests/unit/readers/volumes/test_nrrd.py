from __future__ import annotations

import gzip

import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import SPACING_UM, volume

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
