"""Nothing beyond what is asked for is read or held."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from spallmap.readers import open_volume, probe_image
from spallmap.readers.volumes import raw, tiff_planes, zarr_chunks
from tests.unit.readers.volume_files import LAYOUTS, volume

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


def test_only_the_strips_that_a_region_touches_are_read(tmp_path, monkeypatch):
    data = volume("uint16", (6, 64, 40))
    path = tmp_path / "scan.tif"
    tifffile.imwrite(path, data, compression="zlib", rowsperstrip=8, photometric="minisblack")
    read = []
    original = tiff_planes.read_exactly  # type: ignore[attr-defined]

    def counted(descriptor, n_bytes, offset):
        read.append(n_bytes)
        return original(descriptor, n_bytes, offset)

    monkeypatch.setattr(tiff_planes, "read_exactly", counted)
    with open_volume(path, 1.0) as source:
        part = source.data[2:4, 10:20, 3:5]
    np.testing.assert_array_equal(part, data[2:4, 10:20, 3:5])
    assert len(read) == 4  # two slices of two strips


def test_no_file_stays_open(tmp_path):
    for name, write in LAYOUTS.items():
        (tmp_path / name).mkdir()
        path, _ = write(tmp_path / name, volume())
        if not name.startswith("OME-Zarr"):  # zarr keeps an event loop
            with open_volume(path, 1.0) as source:
                source.data[0:3, :, :]
            opened = [os.path.realpath(fd) for fd in Path("/proc/self/fd").iterdir()]
            assert not any(str(tmp_path) in file for file in opened), name
