from __future__ import annotations

import os

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume, probe_image
from tests.unit.readers.volumes.volume_files import volume

SHAPE = (6, 9, 7)
DATA = volume("uint16", SHAPE)


def xml(
    blocks: str,
    uuid: str = "1",
    slices: int = 6,
    more: str = "",
    size: tuple[int, int] = (7, 9),
    order: str = "XYZCT",
) -> str:
    return (
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{uuid}">{more}'
        f'<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="{order}" Type="uint16" SizeX="{size[0]}" '
        f'SizeY="{size[1]}" SizeZ="{slices}" SizeC="1" SizeT="1" PhysicalSizeX="3" PhysicalSizeY="4" '
        f'PhysicalSizeZ="5"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
    )


def planes(file: str, uuid: str, first: int = 0, count: int = 6, ifd: int = 0) -> str:
    return (
        f'<TiffData FirstZ="{first}" IFD="{ifd}" PlaneCount="{count}">'
        f'<UUID FileName="{file}">urn:uuid:{uuid}</UUID></TiffData>'
    )


def write(path, data, text, **options):
    tifffile.imwrite(
        path, data, metadata=None, description=text.encode(), photometric="minisblack", **options
    )


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_all_planes_in_one_other_file(tmp_path, compression):
    """The named file holds the description and pages of its own, which are not the data."""
    text = planes("data.tif", "2")
    write(tmp_path / "a.ome.tif", np.zeros(SHAPE, np.uint16)[:1], xml(text))
    write(tmp_path / "data.tif", DATA, xml(text, "2"), compression=compression)
    path = tmp_path / "a.ome.tif"
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)
    assert [p.name for p in input_files(path, "xct")] == ["a.ome.tif", "data.tif"]
    with open_volume(path) as source:
        assert source.spacing_um == (5.0, 4.0, 3.0)
        np.testing.assert_array_equal(source.data[2:5, 1:5, 2:6], DATA[2:5, 1:5, 2:6])


def test_two_files_that_name_each_other(tmp_path):
    write(tmp_path / "a.ome.tif", DATA, xml(planes("b.ome.tif", "2"), "1"))
    write(tmp_path / "b.ome.tif", DATA[::-1].copy(), xml(planes("a.ome.tif", "1"), "2"))
    np.testing.assert_array_equal(open_image(tmp_path / "a.ome.tif", "xct").data, DATA[::-1])


def test_planes_in_another_order(tmp_path):
    blocks = "".join(planes("a.ome.tif", "1", first=5 - k, count=1, ifd=k) for k in range(6))
    write(tmp_path / "a.ome.tif", DATA[::-1].copy(), xml(blocks))
    np.testing.assert_array_equal(open_image(tmp_path / "a.ome.tif", "xct").data, DATA)
    with open_volume(tmp_path / "a.ome.tif") as source:
        np.testing.assert_array_equal(source.data[1:2, :, :], DATA[1:2])


def test_other_files_that_cannot_be_read(tmp_path):
    path, other = tmp_path / "a.ome.tif", tmp_path / "b.ome.tif"
    write(path, DATA, xml(planes("b.ome.tif", "2")))
    makers = {
        "no such file": lambda: None,
        "a link to": lambda: other.symlink_to(tmp_path / "nowhere"),
        "a pipe": lambda: os.mkfifo(other),
        "no readable TIFF": lambda: other.write_text("no TIFF, but a text"),
        "a folder": other.mkdir,
        "6 planes from page 0 on in a file of 4 pages": lambda: write(other, DATA[:4], "part"),
        "7x8 pixels of 1": lambda: write(other, DATA[:, :8].copy(), "smaller"),
    }
    for words, make in makers.items():
        make()
        for call in (lambda: probe_image(path, "xct"), lambda: input_files(path, "xct")):
            with pytest.raises(InputError, match=rf"[ab]\.ome\.tif.*{words}"):
                call()
        if other.is_dir() and not other.is_symlink():
            other.rmdir()
        elif other.is_symlink() or other.exists():
            other.unlink()


def test_another_type_in_another_file_is_refused(tmp_path):
    blocks = planes("a.ome.tif", "1", count=3) + planes("b.ome.tif", "2", first=3, count=3)
    write(tmp_path / "a.ome.tif", DATA[:3], xml(blocks))
    write(tmp_path / "b.ome.tif", DATA[3:].astype(np.int16), xml(blocks, "2"))
    with pytest.raises(InputError, match=r"b\.ome\.tif.*uint16, as its OME-XML says"):
        probe_image(tmp_path / "a.ome.tif", "xct")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (xml(planes("a.ome.tif", "1"), slices=2**31), "2147483648 planes"),
        (xml(planes("a.ome.tif", "1"), slices=7), "1 are in no file"),
        (xml(planes("a.ome.tif", "1", count=7)), "7 planes from page 0 on"),
        (xml(planes("a.ome.tif", "1", count=2) * 2), "second time"),
        (xml(planes("a.ome.tif", "1", first=9, count=1)), "FirstZ: found 9"),
        (xml(""), "no TiffData"),
        (xml(planes("a.ome.tif", "1", count=4), slices=4), "2 pages of the size and type"),
        (xml(planes("a.ome.tif", "1"), slices=4), "planes 0 to 5"),
        (xml(planes("a.ome.tif", "1")).replace("uint16", "int16"), "int16, as its OME-XML says"),
        (xml(planes("a.ome.tif", "1")).replace("uint16", "float"), "float, as its OME-XML says"),
        (xml(planes("a.ome.tif", "1")).replace("uint16", "uint8"), "uint8, as its OME-XML says"),
        (xml(planes("a.ome.tif", "1")).replace('SamplesPerPixel="1"', 'SamplesPerPixel="3"'), "of 3 samples"),
        (
            xml(planes("a", "2", count=3) + planes("b", "2", first=3, count=3)),
            "a.*beside|under one UUID|planes in a",
        ),
        (xml(planes("/etc/passwd", "2")), "same folder"),
        (xml(planes("../b.ome.tif", "2")), "same folder"),
        (xml(planes("C:\\\\b.ome.tif", "2")), "same folder"),
        (xml(planes("a.ome.tif", "1"), size=(9, 7)), "7x9 pixels of 1"),
        (xml(planes("a.ome.tif", "1"), order="ZYXCT"), "DimensionOrder"),
        (xml(planes("a.ome.tif", "1")).replace('SizeZ="6"', 'SizeZ="six"'), "SizeZ: found 'six'"),
        (xml(planes("a.ome.tif", "1")).replace("</Image>", ""), "XML that cannot be read"),
        ('<!DOCTYPE a [<!ENTITY b "c">]>' + xml(planes("a.ome.tif", "1")), "an entity"),
        ("<OME>" + "<a>" * 70 + "</a>" * 70 + "</OME>", "65 deep"),
        ('<OME><BinaryOnly MetadataFile="m.companion.ome" UUID="urn:uuid:2"/></OME>', "m.companion.ome"),
        ("<OME></OME>", "no Image"),
    ],
)
def test_descriptions_that_lie_are_refused(tmp_path, text, words):
    write(tmp_path / "a.ome.tif", DATA, text)
    for modality in ("xct", "sem"):
        with pytest.raises(InputError, match=rf"a\.ome\.tif.*{words}"):
            probe_image(tmp_path / "a.ome.tif", modality)


def test_the_second_image_has_its_own_pixel_size(tmp_path):
    """A preview as the first image of an OME-TIFF, with a size of its own."""
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as writer:
        sizes = {f"PhysicalSize{axis}": 40.0 for axis in "XY"}
        writer.write(np.zeros((10, 12), np.uint8), metadata={"axes": "YX"} | sizes)
        sizes = {f"PhysicalSize{axis}": 2.0 for axis in "XY"}
        writer.write(np.ones((100, 120), np.uint16), metadata={"axes": "YX"} | sizes)
    image = open_image(tmp_path / "a.ome.tif", "sem")
    assert image.data.shape == (100, 120)
    assert image.spacing_um == (2.0, 2.0)
