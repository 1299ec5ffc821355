"""Damaged and unfitting TIFF stacks are reported with the file and the page."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image, open_volume, probe_image
from tests.unit.readers.volume_files import volume


def test_pages_of_unequal_size_or_type_are_refused(tmp_path):
    for name, second in (("size", np.zeros((5, 6), np.uint8)), ("type", np.zeros((5, 7), np.uint16))):
        path = tmp_path / f"{name}.tif"
        with tifffile.TiffWriter(path) as writer:
            for page in (*np.zeros((4, 5, 7), np.uint8), second):
                writer.write(page, metadata=None)
        with pytest.raises(InputError, match=rf"{name}\.tif.*unequal size or type"):
            probe_image(path, "xct", 1.0)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("shape", "dtype"), [((5, 6), "u1"), ((6, 7), "u1"), ((7, 5), "u1"), ((5, 7), "u2"), ((5, 7), "i1")]
)
def test_one_odd_page_in_the_middle_is_refused(tmp_path, compression, shape, dtype):
    """tifffile takes it to be like the first and the last."""
    path = tmp_path / "scan.tif"
    pages = [np.full((5, 7), k, np.uint8) for k in range(9)]
    pages[3] = np.full(shape, 9, dtype)
    with tifffile.TiffWriter(path) as writer:
        for page in pages:
            writer.write(page, metadata=None, compression=compression, photometric="minisblack")
    with pytest.raises(InputError, match=r"scan\.tif"):
        open_image(path, "xct", 1.0)


def test_a_corrupt_page_is_named_when_it_is_read(tmp_path):
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, volume("uint16", (6, 30, 40)), compression="zlib", photometric="minisblack")
    with tifffile.TiffFile(path) as tif:
        start, count = tif.pages[4].dataoffsets[0], tif.pages[4].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start + 20 : start + count] = bytes(count - 20)
    path.write_bytes(content)
    with open_volume(path, 1.0) as source:
        assert source.data[0:4, :, :].shape == (4, 30, 40)
        with pytest.raises(InputError, match=r"scan\.tif, page 4"):
            source.data[3:6, 0:3, 0:3]


@pytest.mark.parametrize("lost", ["whole", "part"])
def test_a_missing_part_of_an_ome_tiff_is_refused(tmp_path, lost):
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:1">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="7" SizeY="9" '
        'SizeZ="4" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        '<TiffData FirstZ="0" IFD="0" PlaneCount="2"><UUID FileName="a.ome.tif">urn:uuid:1</UUID></TiffData>'
        '<TiffData FirstZ="2" IFD="0" PlaneCount="2"><UUID FileName="b.ome.tif">urn:uuid:2</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    for name, uuid in (("a", "1"), ("b", "2")):
        text = xml.replace('UUID="urn:uuid:1">', f'UUID="urn:uuid:{uuid}">')
        data = volume()[: 1 if (name, lost) == ("b", "part") else 2]
        tifffile.imwrite(tmp_path / f"{name}.ome.tif", data, metadata=None, description=text.encode())
    if lost == "whole":
        (tmp_path / "b.ome.tif").unlink()
    with pytest.raises(InputError, match=r"a\.ome\.tif"):
        open_image(tmp_path / "a.ome.tif", "xct", 1.0)
