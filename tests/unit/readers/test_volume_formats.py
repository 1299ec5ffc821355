"""Every format of tomograms: values, spacing, order of axes, parts, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tifffile

from spallmap.blocks import read_padded, tiles, whole
from spallmap.readers import input_files, open_image, open_volume, probe_image
from tests.unit.readers.ole_writer import write_ole
from tests.unit.readers.volume_files import LAYOUTS, SHAPE, itk, ome_tiff, txm_streams, volume


@pytest.fixture(params=LAYOUTS)
def written(request, tmp_path):
    data = volume()
    path, spacing = LAYOUTS[request.param](tmp_path, data)
    return path, spacing, data


def test_values_spacing_and_axes(written):
    path, spacing, data = written
    given = (50.0, 40.0, 30.0)
    info = probe_image(path, "xct")
    assert (info.shape, info.axes, info.dtype) == (SHAPE, ("z", "y", "x"), "uint16")
    assert info.spacing_um == (None if spacing is None else pytest.approx(spacing, rel=1e-6))
    image = open_image(path, "xct", given if spacing is None else None)
    np.testing.assert_array_equal(image.data, data)
    assert image.data.dtype == np.dtype("uint16")
    assert image.spacing_um == pytest.approx(given if spacing is None else spacing, rel=1e-6)
    with open_volume(path, given) as source:
        assert source.spacing_um == given
        assert (source.data.shape, source.data.dtype) == (SHAPE, np.dtype("uint16"))


def test_parts_are_cuts_of_the_whole_on_two_threads(written):
    path, _, data = written
    rng = np.random.default_rng(7)
    regions = []
    for _ in range(40):
        starts = [int(rng.integers(0, n)) for n in SHAPE]
        stops = [int(rng.integers(s, n)) + 1 for s, n in zip(starts, SHAPE, strict=True)]
        regions.append(tuple(slice(a, b) for a, b in zip(starts, stops, strict=True)))
    with open_volume(path, 1.0) as source, ThreadPoolExecutor(2) as pool:
        for region, part in zip(regions, pool.map(lambda r: source.data[r], regions), strict=True):
            np.testing.assert_array_equal(part, data[region])
            assert part.flags.c_contiguous
        halo = read_padded(source.data, (slice(0, 3), slice(2, 9), slice(6, 7)), 2)
        np.testing.assert_array_equal(halo, np.pad(data, 2, mode="edge")[0:7, 2:13, 6:11])
        assert source.data[2:2, :, :].shape == (0, 9, 7)
        with pytest.raises(ValueError, match="step"):
            source.data[::2, :, :]


def test_all_files_are_listed(written):
    path, _, _ = written
    listed = input_files(path, "xct")
    beside = [p for p in path.parent.rglob("*") if p.is_file()]
    assert sorted(listed) == sorted(beside)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "int32"])
@pytest.mark.parametrize(
    "layout", ["BigTIFF", "mha", "mhd compressed", "nrrd", "nii", "HDF5", "OME-Zarr 0.5"]
)
def test_types_are_kept(tmp_path, layout, dtype):
    data = volume(dtype) / (7 if dtype.startswith("f") else 1)
    data = data.astype(dtype)
    path, _ = LAYOUTS[layout](tmp_path, data)
    image = open_image(path, "xct", 1.0)
    assert image.data.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(image.data, data)


def test_more_than_a_hundred_slices_of_a_txm_stand_in_several_storages(tmp_path):
    data = volume("float32", (203, 4, 5))
    write_ole(tmp_path / "a.txm", txm_streams(data))
    np.testing.assert_array_equal(open_image(tmp_path / "a.txm", "xct").data, data)


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


ROTATION = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nhdr", ".nii", ".nii.gz"])
@pytest.mark.parametrize(("rotation", "mirrored"), [(ROTATION, False), (np.diag([1.0, 1.0, -1.0]), True)])
def test_rotations_stay_as_stored_and_mirror_images_have_their_slices_reversed(
    tmp_path, suffix, rotation, mirrored
):
    data = volume()
    path, spacing = itk(suffix, rotation=rotation)(tmp_path, data)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, data[::-1] if mirrored else data)
    assert image.meta["slices_reversed"] is mirrored
    assert image.spacing_um == pytest.approx(spacing, rel=1e-6)
    with open_volume(path) as source:
        part = (slice(1, 4), slice(2, 7), slice(0, 3))
        np.testing.assert_array_equal(source.data[part], image.data[part])


def test_blocks_cover_a_volume_that_is_read_through_its_source(tmp_path):
    data = volume("uint16", (40, 33, 50))
    path, _ = ome_tiff(compression="zlib")(tmp_path, data)
    with open_volume(path) as source:
        back = np.empty_like(data)
        for block in tiles(whole(source.data.shape), (16, 10, 50)):
            back[block] = source.data[block]
    np.testing.assert_array_equal(back, data)
