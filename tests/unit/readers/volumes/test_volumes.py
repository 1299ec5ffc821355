"""Every format of tomograms: values, spacing, order of axes, threads; and damage, reported with its file."""

from __future__ import annotations

import os
import tempfile
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
import tifffile

from spallmap.blocks import read_padded, tiles, whole
from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume, probe_image
from spallmap.readers.volumes import raw, tiff_planes
from spallmap.readers.volumes.ngff import zarr_chunks
from tests.unit.readers.volumes.volume_files import (
    LAYOUTS,
    SHAPE,
    itk,
    nifti,
    ome_tiff,
    replace_in,
    volume,
)


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


def test_blocks_cover_a_volume_that_is_read_through_its_source(tmp_path):
    data = volume("uint16", (40, 33, 50))
    path, _ = ome_tiff(compression="zlib")(tmp_path, data)
    with open_volume(path) as source:
        back = np.empty_like(data)
        for block in tiles(whole(source.data.shape), (16, 10, 50)):
            back[block] = source.data[block]
    np.testing.assert_array_equal(back, data)


SINGLE = [name for name in LAYOUTS if not name.startswith(("OME-Zarr", "TIFF folder", "vgi"))]


@pytest.mark.parametrize("layout", SINGLE)
@pytest.mark.parametrize("fraction", [0.3, 0.9])
def test_a_file_that_was_cut_short_is_named(tmp_path, layout, fraction):
    path, _ = LAYOUTS[layout](tmp_path, volume("uint16", (11, 30, 40)))
    bulk = max((p for p in tmp_path.iterdir() if p.is_file()), key=lambda p: p.stat().st_size)
    content = bulk.read_bytes()
    bulk.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(InputError, match=bulk.name.replace(".", r"\.")):
        open_image(path, "xct", 1.0)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii.gz"])
def test_a_broken_compressed_stream_is_reported(tmp_path, suffix):
    writer = nifti(suffix) if suffix == ".nii.gz" else itk(suffix, True)
    path, _ = writer(tmp_path, volume("uint16", (11, 30, 40)))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = b"\xff" * 400
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"scan\{suffix}"):
        open_image(path, "xct", 1.0)


def test_no_room_to_unpack_is_reported(tmp_path, monkeypatch):
    path, _ = itk(".mha", True)(tmp_path, volume())
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: (tmp_path / "full").open("w+b", buffering=0))
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"scan\.mha.*No space left.*TMPDIR"):
        open_image(path, "xct")


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    """The unpacked copy of a compressed file goes when the volume is closed."""
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    path, _ = itk(".mha", True)(tmp_path, volume())
    with open_volume(path) as source:
        np.testing.assert_array_equal(source.data[whole(source.data.shape)], volume())
    assert list(scratch.iterdir()) == []


BIG = (96, 256, 256)


@pytest.mark.parametrize(
    "layout",
    ["TIFF folder", "OME-BigTIFF zlib", "ImageJ", "mha", "mhd compressed", "nii.gz", "HDF5", "vgi", "txm"],
)
def test_a_slab_of_a_big_volume_does_not_hold_the_whole(tmp_path, layout):
    data = volume("uint16", BIG)
    path, _ = LAYOUTS[layout](tmp_path, data)
    probe_image(path, "xct")  # imports are not counted
    with open_volume(path, 1.0):
        pass
    tracemalloc.start()
    try:
        with open_volume(path, 1.0) as source:
            slab = source.data[40:44, :, :]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(slab, data[40:44])
    assert slab.nbytes <= peak < data.nbytes / 3


def test_headers_alone_are_read_by_a_probe(tmp_path, monkeypatch):
    """Reading any voxel would fail here."""
    paths = [
        LAYOUTS[name](tmp_path / name, volume())[0] for name in LAYOUTS if (tmp_path / name).mkdir() is None
    ]

    def refuse(*_arguments, **_options):
        raise AssertionError("voxels were read")

    monkeypatch.setattr(raw, "read_exactly", refuse)
    monkeypatch.setattr(raw, "_unpack", refuse)
    monkeypatch.setattr(tiff_planes, "read_exactly", refuse)
    monkeypatch.setattr(zarr_chunks._Chunks, "_one", refuse)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    monkeypatch.setattr(h5py.Dataset, "__getitem__", _axes_alone(h5py.Dataset.__getitem__))
    for path in paths:
        assert probe_image(path, "xct").shape == (11, 9, 7)


def _axes_alone(original):
    def get(self, index, **options):
        assert self.ndim == 1
        return original(self, index, **options)

    return get


def test_no_file_stays_open(tmp_path):
    for name, write in LAYOUTS.items():
        (tmp_path / name).mkdir()
        path, _ = write(tmp_path / name, volume())
        if not name.startswith("OME-Zarr"):  # zarr keeps an event loop
            with open_volume(path, 1.0) as source:
                source.data[0:3, :, :]
            opened = [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
            assert not any(str(tmp_path) in file for file in opened), name


@pytest.mark.parametrize(
    ("layout", "old", "new", "found"),
    [
        ("mhd", "DimSize = 7 9 11", "DimSize = 7 9", "DimSize"),
        ("mhd", "MET_USHORT", "MET_STRING", "MET_STRING"),
        ("mhd", "ElementType", "ElementNumberOfChannels = 3\nElementType", r"3 channel"),
        ("mhd", "BinaryData = True", "BinaryData = False", "text"),
        ("mhd", "ElementSpacing = 0.003", "ElementSpacing = -0.003", "ElementSpacing"),
        ("mhd", "1 0 0 0 1 0 0 0 1", "1 0 0 0.5 1 0 0 0 1", "right angles"),
        ("mhd", "ElementDataFile = scan.raw", "ElementDataFile = LIST", "LIST"),
        ("mhd", "ElementDataFile = scan.raw", "", "no entry ElementDataFile"),
        ("nhdr", "sizes: 7 9 11", "sizes: 7 9 x", "sizes"),
        ("nhdr", "dimension: 3", "dimension: 4", "4 dimensions"),
        ("nhdr", "unsigned short", "block", "block"),
        ("nhdr", "encoding: raw", "encoding: ascii", "ascii"),
        ("nhdr", "endian: little", "endian: middle", "endian"),
        ("nhdr", "(0,0.0040000000000000001,0)", "(0.003,0.004,0)", "right angles"),
        ("nhdr", "NRRD0004", "nothing", "begins with NRRD"),
    ],
)
def test_headers_that_cannot_be_used_are_reported_with_the_entry(tmp_path, layout, old, new, found):
    path, _ = LAYOUTS[layout](tmp_path, volume())
    replace_in(path, old, new)
    with pytest.raises(InputError, match=found):
        probe_image(path, "xct", 1.0)


@pytest.mark.parametrize("suffix", [".mha", ".nrrd", ".nii"])
def test_one_millimetre_all_round_is_what_nobody_set(tmp_path, suffix):
    """Libraries write that spacing where they know none; a pixel size is never guessed."""
    path = tmp_path / f"scan{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(volume()), str(path))
    assert probe_image(path, "xct").spacing_um is None
    with pytest.raises(InputError, match="no pixel size"):
        open_image(path, "xct")


def test_units_of_metaimage_and_nrrd(tmp_path):
    path, _ = itk(".mhd")(tmp_path, volume())
    replace_in(path, "ObjectType", "DistanceUnits = cm\nObjectType")
    assert probe_image(path, "xct").spacing_um == pytest.approx((50.0, 40.0, 30.0))
    path, _ = itk(".nhdr")(tmp_path, volume())
    replace_in(path, "kinds:", 'space units: "nm" "nm" "nm"\nkinds:')
    tiny = probe_image(path, "xct", unusual=("pixel_size", "field_of_view"))
    assert tiny.spacing_um == pytest.approx((5e-6, 4e-6, 3e-6))
    text = path.read_text().splitlines()
    kept = [line for line in text if not line.startswith("space")]
    path.write_text("\n".join([*kept, "spacings: 1.1 1.2 1.3", 'units: "um" "um" "um"']) + "\n")
    assert probe_image(path, "xct").spacing_um == pytest.approx((1.3, 1.2, 1.1))
    path.write_text(path.read_text() + "space: left-anterior-superior\n")
    assert probe_image(path, "xct").meta["slices_reversed"] is True
