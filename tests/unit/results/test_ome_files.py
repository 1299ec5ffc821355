from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile
import zarr
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.readers import open_image
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.ome_zarr import pyramid, read_volume, write_volume


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(11)


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


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_volume_round_trip_and_replacement(tmp_path, rng, dtype):
    path = tmp_path / "v.ome.zarr"
    write_volume(path, np.zeros((80, 70, 10), np.uint8), (1, 1, 1))
    volume = (rng.random((19, 130, 67)) * 50000).astype(dtype)
    write_volume(path, volume, (5.0, 4.66, 4.0))
    image = read_volume(path)
    np.testing.assert_array_equal(image.data, volume)
    assert image.data.dtype == volume.dtype
    assert image.spacing_um == (5.0, 4.66, 4.0)
    ome = zarr.open_group(str(path), mode="r").attrs["ome"]
    assert ome["version"] == "0.5"
    assert [a["unit"] for a in ome["multiscales"][0]["axes"]] == ["micrometer"] * 3
    assert [d["path"] for d in ome["multiscales"][0]["datasets"]] == ["s0", "s1", "s2"]
    assert read_volume(path, 2).spacing_um == (20.0, 18.64, 16.0)
    assert read_volume(path, 2).data.shape == (5, 33, 17)
    for bad in (3, -1):
        with pytest.raises(InputError, match="0 to 2"):
            read_volume(path, bad)


def test_coarse_levels_lie_on_the_fine_ones():
    """A smooth blob keeps its centre of mass in um on every level."""
    grid = np.indices((90, 101, 120))
    centre = np.array([41.3, 50.2, 60.7])
    distance2 = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
    blob = (60000 * np.exp(-distance2 / (2 * 9.0**2))).astype(np.uint16)
    for n, level in enumerate(pyramid(blob)):
        np.testing.assert_allclose(np.array(ndimage.center_of_mass(level)) * 2**n, centre, atol=0.02)


def test_label_levels_hold_labels_alone(tmp_path, rng):
    labels = rng.choice([0, 7, 90], (70, 30, 66)).astype(np.int32)
    write_volume(tmp_path / "l.ome.zarr", labels, (1, 1, 1), labels=True)
    coarse = read_volume(tmp_path / "l.ome.zarr", 1).data
    np.testing.assert_array_equal(coarse, labels[::2, ::2, ::2])
    assert "image-label" in zarr.open_group(str(tmp_path / "l.ome.zarr"), mode="r").attrs["ome"]


def test_the_reference_reader_understands_the_volume(tmp_path, rng):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    volume = rng.integers(0, 9, (20, 90, 65)).astype(np.uint8)
    write_volume(tmp_path / "v.ome.zarr", volume, (5.0, 4.0, 3.0))
    (node,) = Reader(parse_url(tmp_path / "v.ome.zarr"))()
    np.testing.assert_array_equal(np.asarray(node.data[0]), volume)
    scales = [t[0]["scale"] for t in node.metadata["coordinateTransformations"]]
    assert scales == [[5.0, 4.0, 3.0], [10.0, 8.0, 6.0]]


def test_what_is_no_volume_is_refused(tmp_path):
    with pytest.raises(InputError, match="no readable volume"):
        read_volume(tmp_path / "none.ome.zarr")
    zarr.create_group(str(tmp_path / "empty.ome.zarr"))
    with pytest.raises(InputError, match="no readable volume"):
        read_volume(tmp_path / "empty.ome.zarr")
    with pytest.raises(ValueError, match="three axes"):
        write_volume(tmp_path / "v.ome.zarr", np.zeros((3, 3)), (1, 1))
