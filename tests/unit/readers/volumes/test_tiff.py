from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume, probe_image
from tests.unit.readers.volumes.volume_files import SHAPE, volume


def test_ome_tiff_over_several_files(tmp_path):
    """Two files of one image, as OME's own TiffData entries name them."""
    data = volume()
    names = ["part_0.ome.tif", "part_1.ome.tif"]
    cut = 6
    ids = ["11111111-0000-0000-0000-000000000000", "22222222-0000-0000-0000-000000000000"]
    blocks = "".join(
        f'<TiffData FirstC="0" FirstT="0" FirstZ="{k}" IFD="{k if k < cut else k - cut}" PlaneCount="1">'
        f'<UUID FileName="{names[k >= cut]}">urn:uuid:{ids[k >= cut]}</UUID></TiffData>'
        for k in range(SHAPE[0])
    )
    for number, part in enumerate((data[:cut], data[cut:])):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{ids[number]}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            f'DimensionOrder="XYZCT" Type="uint16" SizeX="7" SizeY="9" SizeZ="11" SizeC="1" SizeT="1" '
            f'PhysicalSizeX="3" PhysicalSizeY="4" PhysicalSizeZ="5">'
            f'<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
        )
        tifffile.imwrite(
            tmp_path / names[number], part, metadata=None, description=xml.encode(), compression="zlib"
        )
    path = tmp_path / names[0]
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, data)
    assert image.spacing_um == (5.0, 4.0, 3.0)
    assert [p.name for p in input_files(path, "xct")] == names
    with open_volume(path) as source:
        np.testing.assert_array_equal(source.data[4:8, 1:5, 2:6], data[4:8, 1:5, 2:6])


def test_imagej_hyperstack_whose_further_pages_have_no_header(tmp_path):
    """Over 4 GB ImageJ writes one page, with all slices behind it; here a small file of that kind."""
    data = volume()
    path = tmp_path / "big.tif"
    description = "ImageJ=1.53t\nimages=11\nslices=11\nunit=micron\nspacing=5.0\n"
    tifffile.imwrite(
        path, data[0], metadata=None, description=description, resolution=(1 / 3, 1 / 4), byteorder=">"
    )
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages[0].dataoffsets[0]
    content = path.read_bytes()
    at_end = offset + data[0].nbytes == len(content)
    assert at_end
    path.write_bytes(content[:offset] + data.astype(">u2").tobytes())
    with tifffile.TiffFile(path) as tif:
        assert len(tif.pages) == 1
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, data)
    assert image.spacing_um == pytest.approx((5.0, 4.0, 3.0))


@pytest.fixture
def stack() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 60000, (12, 9, 7)).astype(np.uint16)


@pytest.fixture
def folder(tmp_path, stack):
    path = tmp_path / "scan"
    path.mkdir()
    for number, plane in enumerate(stack):
        tifffile.imwrite(path / f"s1_{number}.tif", plane)
    return path


def test_folder_is_read_in_the_order_of_its_numbers(folder, stack):
    (folder / "log.txt").write_text("not a slice")
    (folder / "._s1_0.tif").write_bytes(b"a file manager's shadow")
    image = open_image(folder, "xct", 4.66)
    np.testing.assert_array_equal(image.data, stack)
    assert image.data.dtype == np.uint16
    assert image.spacing_um == (4.66, 4.66, 4.66)
    assert [p.name for p in input_files(folder, "xct")][:3] == ["s1_0.tif", "s1_1.tif", "s1_2.tif"]
    info = probe_image(folder, "xct")
    assert (info.shape, info.dtype, info.spacing_um) == ((12, 9, 7), "uint16", None)


def test_gap_double_and_stranger_are_named(folder):
    (folder / "s1_5.tif").rename(folder / "kept.txt")
    with pytest.raises(InputError, match=r"s1_6\.tif next after s1_4\.tif"):
        probe_image(folder, "xct")
    (folder / "kept.txt").rename(folder / "s1_05.tif")
    tifffile.imwrite(folder / "s1_5.tif", np.zeros((9, 7), np.uint16))
    with pytest.raises(InputError, match="next after"):
        probe_image(folder, "xct")
    (folder / "s1_05.tif").unlink()
    tifffile.imwrite(folder / "preview.tif", np.zeros((9, 7), np.uint16))
    with pytest.raises(InputError, match=r"preview\.tif"):
        probe_image(folder, "xct")


def test_two_numbers_that_change_are_refused(folder):
    (folder / "s1_3.tif").rename(folder / "s2_3.tif")
    with pytest.raises(InputError, match="2 numbers change"):
        probe_image(folder, "xct")


def test_names_that_announce_how_many_there_are(tmp_path):
    for number in range(1, 5):
        tifffile.imwrite(tmp_path / f"slice_{number}_of_5.tif", np.zeros((9, 7), np.uint16))
    with pytest.raises(InputError, match=r"found 4 slices.*all 5 slices"):
        probe_image(tmp_path, "xct")
    tifffile.imwrite(tmp_path / "slice_5_of_5.tif", np.zeros((9, 7), np.uint16))
    assert probe_image(tmp_path, "xct").shape == (5, 9, 7)


def test_unequal_slices_are_named(folder):
    tifffile.imwrite(folder / "s1_4.tif", np.zeros((9, 8), np.uint16))
    with pytest.raises(InputError, match=r"s1_4\.tif.*9x8 uint16"):
        open_image(folder, "xct", 1)
    tifffile.imwrite(folder / "s1_4.tif", np.zeros((9, 7), np.uint8))
    with pytest.raises(InputError, match=r"s1_4\.tif.*9x7 uint8"):
        open_image(folder, "xct", 1)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_cut_slice_is_named(folder, stack, compression):
    path = folder / "s1_4.tif"
    tifffile.imwrite(path, stack[4], compression=compression)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"s1_4\.tif"):
        open_image(folder, "xct", 1)


def test_broken_compressed_bytes_are_named(folder, stack):
    path = folder / "s1_4.tif"
    tifffile.imwrite(path, stack[4], compression="zlib")
    content = bytearray(path.read_bytes())
    content[-40:-10] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"s1_4\.tif"):
        open_image(folder, "xct", 1)


def test_one_slice_is_no_volume(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((5, 6), np.uint8))
    with pytest.raises(InputError, match="stack"):
        probe_image(tmp_path / "a.tif", "xct", 1)
    with pytest.raises(InputError, match=r"1 TIFF slice"):
        probe_image(tmp_path, "xct", 1)


def test_ome_tiff_spacing_with_units(tmp_path, stack):
    path = tmp_path / "v.ome.tif"
    sizes = {
        "PhysicalSizeX": 4660,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 4.7,
        "PhysicalSizeYUnit": "µm",
    }
    metadata = {"axes": "ZYX", **sizes, "PhysicalSizeZ": 0.005, "PhysicalSizeZUnit": "mm"}
    tifffile.imwrite(path, stack, metadata=metadata)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, stack)
    assert image.spacing_um == pytest.approx((5.0, 4.7, 4.66))
    assert open_image(path, "xct", (1, 2, 3)).spacing_um == (1.0, 2.0, 3.0)


def test_ome_tiff_in_pixels_has_no_size(tmp_path, stack):
    metadata = {"axes": "ZYX"} | {f"PhysicalSize{a}": 2.0 for a in "XYZ"}
    metadata |= {f"PhysicalSize{a}Unit": "pixel" for a in "XYZ"}
    tifffile.imwrite(tmp_path / "v.ome.tif", stack, metadata=metadata)
    with pytest.raises(InputError, match="no pixel size"):
        open_image(tmp_path / "v.ome.tif", "xct")


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_imagej_spacing(tmp_path, stack, unit):
    path = tmp_path / "v.tif"
    metadata = {"axes": "ZYX", "spacing": 3.0, "unit": unit}
    tifffile.imwrite(path, stack, imagej=True, resolution=(1 / 2.0, 1 / 2.5), metadata=metadata)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, stack)
    assert image.spacing_um == pytest.approx((3.0, 2.5, 2.0))


def test_plain_resolution_tags_are_no_pixel_size(tmp_path, stack):
    tifffile.imwrite(
        tmp_path / "v.tif", stack, resolution=(72, 72), resolutionunit="INCH", photometric="minisblack"
    )
    assert probe_image(tmp_path / "v.tif", "xct").spacing_um is None


@pytest.mark.parametrize("kind", [{"bigtiff": True}, {"compression": "zlib"}, {"metadata": None}])
def test_multi_page_files(tmp_path, stack, kind):
    path = tmp_path / "v.tif"
    tifffile.imwrite(path, stack, photometric="minisblack", **kind)
    np.testing.assert_array_equal(open_image(path, "xct", 2).data, stack)


@pytest.mark.parametrize(
    "kind", [{"ome": True}, {"imagej": True}, {"bigtiff": True}, {"compression": "zlib"}, {"metadata": None}]
)
@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.95])
def test_cut_multi_page_files_are_refused(tmp_path, stack, kind, fraction):
    path = tmp_path / ("v.ome.tif" if "ome" in kind else "v.tif")
    tifffile.imwrite(path, stack, photometric="minisblack", **kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(InputError, match=r"v\.(ome\.)?tif"):
        open_image(path, "xct", 2)


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [((4, 6, 5, 3), {"photometric": "rgb"}), ((2, 3, 6, 5), {"ome": True, "metadata": {"axes": "CZYX"}})],
)
def test_colours_and_channels_are_no_stack(tmp_path, shape, arguments):
    path = tmp_path / ("v.ome.tif" if "ome" in arguments else "v.tif")
    tifffile.imwrite(path, np.zeros(shape, np.uint8), **arguments)
    with pytest.raises(InputError, match="axes"):
        probe_image(path, "xct", 1)


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
        start, count = tif.pages[5].dataoffsets[0], tif.pages[5].databytecounts[0]
    content = bytearray(path.read_bytes())
    content[start + 20 : start + count] = bytes(count - 20)
    path.write_bytes(content)
    with open_volume(path, 1.0) as source:
        assert source.data[0:4, :, :].shape == (4, 30, 40)
        with pytest.raises(InputError, match=r"scan\.tif, page 5"):
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
