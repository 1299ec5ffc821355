from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume, probe_image
from tests.unit.readers.volumes.volume_files import volume


def several(folder):
    path = folder / "scan.h5"
    with h5py.File(path, "w") as file:
        file["a/first"] = volume()
        file["b/second"] = volume()[::-1]
        file["b/complex"] = volume() * 1j
        file["line"] = np.arange(5)
    return path


def test_a_dataset_is_named_after_the_file(tmp_path):
    path = several(tmp_path)
    for name, data in (("a/first", volume()), ("b/second", volume()[::-1])):
        image = open_image(f"{path}:/{name}", "xct", 2.0)
        np.testing.assert_array_equal(image.data, data)
        assert image.meta["dataset"] == f"/{name}"
        assert input_files(f"{path}:/{name}", "xct") == (path,)


def test_without_a_name_the_candidates_are_listed(tmp_path):
    with pytest.raises(InputError, match="2 datasets") as caught:
        probe_image(several(tmp_path), "xct", 1.0)
    assert "/a/first (11, 9, 7) uint16, /b/second" in caught.value.allowed
    assert "complex" not in caught.value.allowed


@pytest.mark.parametrize(
    ("inside", "found"),
    [("/none", "/none"), ("/a", "a group"), ("/line", r"\(5,\)"), ("/b/complex", "complex")],
)
def test_a_dataset_that_is_missing_or_no_volume_is_reported_with_the_candidates(tmp_path, inside, found):
    with pytest.raises(InputError, match=found) as caught:
        probe_image(f"{several(tmp_path)}:{inside}", "xct", 1.0)
    assert "/a/first" in caught.value.allowed


def test_a_missing_file_with_a_dataset_is_reported_by_its_own_name(tmp_path):
    with pytest.raises(InputError, match=r"none\.h5: found no such file"):
        probe_image(f"{tmp_path}/none.h5:/a", "xct", 1.0)
    tifffile.imwrite(tmp_path / "a.tif", volume())
    with pytest.raises(InputError, match="no such file"):
        probe_image(f"{tmp_path}/a.tif:/a", "xct", 1.0)


def test_a_damaged_chunk_of_hdf5_is_reported(tmp_path):
    path = tmp_path / "scan.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset(
            "v", data=volume(), chunks=(4, 9, 7), compression="gzip", fletcher32=True
        )
        chunk = dataset.id.get_chunk_info(2)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + 5 : chunk.byte_offset + 25] = bytes(20)
    path.write_bytes(content)
    with open_volume(path, 1.0) as source:
        assert source.data[0:8, :, :].shape == (8, 9, 7)
        with pytest.raises(InputError, match=r"scan\.h5: found damaged data in slices 7 to 9"):
            source.data[7:10, :, :]
