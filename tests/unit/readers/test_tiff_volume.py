from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image


@pytest.fixture
def volume() -> np.ndarray:
    return np.random.default_rng(3).integers(0, 60000, (12, 9, 7)).astype(np.uint16)


@pytest.fixture
def folder(tmp_path, volume):
    path = tmp_path / "scan"
    path.mkdir()
    for number, plane in enumerate(volume):
        tifffile.imwrite(path / f"s1_{number}.tif", plane)
    return path


def test_folder_is_read_in_the_order_of_its_numbers(folder, volume):
    (folder / "log.txt").write_text("not a slice")
    (folder / "._s1_0.tif").write_bytes(b"a file manager's shadow")
    image = open_image(folder, "xct", 4.66)
    np.testing.assert_array_equal(image.data, volume)
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


def test_unequal_slices_are_named(folder):
    tifffile.imwrite(folder / "s1_4.tif", np.zeros((9, 8), np.uint16))
    with pytest.raises(InputError, match=r"s1_4\.tif.*9x8 uint16"):
        open_image(folder, "xct", 1)
    tifffile.imwrite(folder / "s1_4.tif", np.zeros((9, 7), np.uint8))
    with pytest.raises(InputError, match=r"s1_4\.tif.*9x7 uint8"):
        open_image(folder, "xct", 1)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_cut_slice_is_named(folder, volume, compression):
    path = folder / "s1_4.tif"
    tifffile.imwrite(path, volume[4], compression=compression)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match=r"s1_4\.tif"):
        open_image(folder, "xct", 1)


def test_broken_compressed_bytes_are_named(folder, volume):
    path = folder / "s1_4.tif"
    tifffile.imwrite(path, volume[4], compression="zlib")
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


def test_ome_tiff_spacing_with_units(tmp_path, volume):
    path = tmp_path / "v.ome.tif"
    sizes = {
        "PhysicalSizeX": 4660,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 4.7,
        "PhysicalSizeYUnit": "µm",
    }
    metadata = {"axes": "ZYX", **sizes, "PhysicalSizeZ": 0.005, "PhysicalSizeZUnit": "mm"}
    tifffile.imwrite(path, volume, metadata=metadata)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, volume)
    assert image.spacing_um == pytest.approx((5.0, 4.7, 4.66))
    assert open_image(path, "xct", (1, 2, 3)).spacing_um == (1.0, 2.0, 3.0)


def test_ome_tiff_in_pixels_has_no_size(tmp_path, volume):
    metadata = {"axes": "ZYX"} | {f"PhysicalSize{a}": 2.0 for a in "XYZ"}
    metadata |= {f"PhysicalSize{a}Unit": "pixel" for a in "XYZ"}
    tifffile.imwrite(tmp_path / "v.ome.tif", volume, metadata=metadata)
    with pytest.raises(InputError, match="no pixel size"):
        open_image(tmp_path / "v.ome.tif", "xct")


@pytest.mark.parametrize("unit", ["um", "micron", "\\u00B5m"])
def test_imagej_spacing(tmp_path, volume, unit):
    path = tmp_path / "v.tif"
    metadata = {"axes": "ZYX", "spacing": 3.0, "unit": unit}
    tifffile.imwrite(path, volume, imagej=True, resolution=(1 / 2.0, 1 / 2.5), metadata=metadata)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, volume)
    assert image.spacing_um == pytest.approx((3.0, 2.5, 2.0))


def test_plain_resolution_tags_are_no_pixel_size(tmp_path, volume):
    tifffile.imwrite(
        tmp_path / "v.tif", volume, resolution=(72, 72), resolutionunit="INCH", photometric="minisblack"
    )
    assert probe_image(tmp_path / "v.tif", "xct").spacing_um is None


@pytest.mark.parametrize("kind", [{"bigtiff": True}, {"compression": "zlib"}, {"metadata": None}])
def test_multi_page_files(tmp_path, volume, kind):
    path = tmp_path / "v.tif"
    tifffile.imwrite(path, volume, photometric="minisblack", **kind)
    np.testing.assert_array_equal(open_image(path, "xct", 2).data, volume)


@pytest.mark.parametrize(
    "kind", [{"ome": True}, {"imagej": True}, {"bigtiff": True}, {"compression": "zlib"}, {"metadata": None}]
)
@pytest.mark.parametrize("fraction", [0.3, 0.6, 0.95])
def test_cut_multi_page_files_are_refused(tmp_path, volume, kind, fraction):
    path = tmp_path / ("v.ome.tif" if "ome" in kind else "v.tif")
    tifffile.imwrite(path, volume, photometric="minisblack", **kind)
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
