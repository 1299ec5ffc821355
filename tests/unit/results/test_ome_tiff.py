from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_image
from spallmap.results.ome_tiff import channel, read_stack, write_ome_tiff


@pytest.mark.parametrize("dtype", ["float32", "uint16", "int32", "uint8"])
def test_ome_tiff_round_trip(tmp_path, rng, dtype):
    data = (rng.random((3, 5, 7)) * 200).astype(dtype)
    if dtype == "float32":
        data[0, 0, 0] = np.nan
    path = tmp_path / "a.ome.tif"
    write_ome_tiff(path, data, ("t2_ms", "s0", "status"), (23.0, 46.0))
    with tifffile.TiffFile(path) as tif:
        assert tif.series[0].axes == "CYX"
        np.testing.assert_array_equal(tif.asarray(), data)
        image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]["Pixels"]
    assert [c["Name"] for c in image["Channel"]] == ["t2_ms", "s0", "status"]
    assert (image["PhysicalSizeX"], image["PhysicalSizeY"]) == (46.0, 23.0)
    assert (image["PhysicalSizeXUnit"], image["PhysicalSizeYUnit"]) == ("µm", "µm")


def test_ome_tiff_of_slices_keeps_its_axes(tmp_path, rng):
    data = rng.random((2, 4, 5, 6)).astype(np.float32)
    write_ome_tiff(tmp_path / "a.ome.tif", data, ("a", "b"), (3.0, 2.0, 1.0))
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tif:
        assert tif.series[0].axes == "CZYX"
        np.testing.assert_array_equal(tif.asarray(), data)


def test_volume_written_as_ome_tiff_is_read_by_the_front_door(tmp_path, rng):
    data = rng.integers(0, 900, (1, 4, 5, 6)).astype(np.uint16)
    write_ome_tiff(tmp_path / "a.ome.tif", data, ("grey",), (3.0, 2.0, 1.0))
    image = open_image(tmp_path / "a.ome.tif", "xct")
    np.testing.assert_array_equal(image.data, data[0])
    assert image.spacing_um == (3.0, 2.0, 1.0)


def test_labels_are_narrowed_and_equal_content_gives_equal_bytes(tmp_path):
    labels = np.arange(12, dtype=np.int64).reshape(1, 3, 4)
    for name in ("a", "b"):
        write_ome_tiff(tmp_path / f"{name}.ome.tif", labels, ("region",), (1.0, 1.0))
    assert tifffile.imread(tmp_path / "a.ome.tif").dtype == np.int32
    assert (tmp_path / "a.ome.tif").read_bytes() == (tmp_path / "b.ome.tif").read_bytes()
    assert sitk.ReadImage(str(tmp_path / "a.ome.tif")).GetSize() == (4, 3)
    with pytest.raises(ValueError, match="do not fit"):
        write_ome_tiff(tmp_path / "c.ome.tif", labels + 2**40, ("region",), (1.0, 1.0))


@pytest.mark.parametrize(
    ("shape", "names", "spacing"),
    [((3, 4), ("a",), (1.0,)), ((2, 3, 4), ("a",), (1.0, 1.0)), ((1, 3, 4), ("a",), (1.0, 1.0, 1.0))],
)
def test_ome_tiff_refuses_what_does_not_fit(tmp_path, shape, names, spacing):
    with pytest.raises(ValueError, match=r"axes|names"):
        write_ome_tiff(tmp_path / "a.ome.tif", np.zeros(shape), names, spacing)
    with pytest.raises(ValueError, match="complex"):
        write_ome_tiff(tmp_path / "a.ome.tif", np.zeros((1, 3, 4), complex), ("a",), (1.0, 1.0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(1, 6, 7), (3, 6, 7), (2, 4, 6, 7), (4, 1, 6, 7)])
def test_a_stack_comes_back(tmp_path, shape):
    data = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    names = tuple(f"channel {k}" for k in range(shape[0]))
    spacing = (7.0, 23.0, 46.0)[-(len(shape) - 1) :]
    write_ome_tiff(tmp_path / "a.ome.tif", data, names, spacing)
    stack = read_stack(tmp_path / "a.ome.tif")
    assert stack.spacing_um == spacing
    np.testing.assert_array_equal(stack.data, data)
    np.testing.assert_array_equal(channel(stack, names[-1]), data[-1])
    with pytest.raises(KeyError, match="channel 0"):
        channel(stack, "t2")


def test_a_plain_tiff_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="OME"):
        read_stack(tmp_path / "a.tif")
