from __future__ import annotations

import numpy as np
import tifffile

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
