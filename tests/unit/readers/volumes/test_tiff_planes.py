from __future__ import annotations

import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import open_volume
from spallmap.readers.volumes import tiff_planes
from tests.unit.readers.volumes.volume_files import volume


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
        read.clear()
        part = source.data[2:4, 10:20, 3:5]
    np.testing.assert_array_equal(part, data[2:4, 10:20, 3:5])
    assert len(read) == 4  # two slices of two strips


def test_a_slice_that_vanishes_while_the_volume_is_open_is_named(tmp_path):
    for number, plane in enumerate(volume("uint16", (4, 20, 30))):
        tifffile.imwrite(tmp_path / f"{number}.tif", plane)
    with open_volume(tmp_path, 1.0) as source:
        (tmp_path / "3.tif").unlink()
        assert source.data[0:3, :, :].shape == (3, 20, 30)
        with pytest.raises(InputError, match=r"3\.tif: found no such file"):
            source.data[0:4, :, :]


def test_slices_stored_in_different_ways_are_read_alike(tmp_path):
    data = volume("uint16", (6, 20, 30))
    ways = [
        {"byteorder": ">"},
        {"compression": "zlib"},
        {"rowsperstrip": 3},
        {"bigtiff": True},
        {"tile": (16, 16), "compression": "jpeg2000"},
        {"compression": "lzw", "predictor": True},
    ]
    for first in range(len(ways)):
        folder = tmp_path / f"from {first}"
        folder.mkdir()
        for number, plane in enumerate(data):
            tifffile.imwrite(folder / f"{number}.tif", plane, **ways[(number + first) % len(ways)])
        with open_volume(folder, 1.0) as source:
            np.testing.assert_array_equal(source.data[:, :, :], data)
            np.testing.assert_array_equal(source.data[1:5, 4:17, 2:9], data[1:5, 4:17, 2:9])
