from __future__ import annotations

import zlib

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813

from spallmap.errors import InputError
from spallmap.readers import open_image, probe_image
from tests.unit.readers.volumes.volume_files import volume

DATA = volume()
RAW = DATA.astype("<u2").tobytes()


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
