"""HDF5 and NeXus: which dataset is meant, what its axes say, and what is missing or damaged."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
import tifffile

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume, probe_image
from tests.unit.readers.volume_files import nexus, volume


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


def test_a_group_means_its_signal(tmp_path):
    path, spacing = nexus(tmp_path, volume())
    image = open_image(f"{path}:/entry/result", "xct")
    np.testing.assert_array_equal(image.data, volume())
    assert image.spacing_um == pytest.approx(spacing)
    assert image.meta["axis_names"] == ("z", "y", "x")
    np.testing.assert_array_equal(open_image(f"{path}:/entry/raw/frames", "xct", 1.0).data, volume()[:, ::-1])


@pytest.mark.parametrize("broken", ["unit", "steps", "axis", "length"])
def test_axes_that_do_not_say_the_size_leave_it_open(tmp_path, broken):
    path, _ = nexus(tmp_path, volume())
    with h5py.File(path, "a") as file:
        group = file["entry/result"]
        if broken == "unit":
            group["y"].attrs["units"] = "pixel"
        elif broken == "steps":
            group["y"][3] += 1e-3
        elif broken == "axis":
            group.attrs["axes"] = ["z", ".", "x"]
        else:
            del group["y"]
            group["y"] = np.arange(4.0)
            group["y"].attrs["units"] = "mm"
    assert probe_image(path, "xct").spacing_um is None


def test_older_nexus_marks_the_dataset_itself(tmp_path):
    path = tmp_path / "old.nxs"
    with h5py.File(path, "w") as file:
        file.attrs["default"] = "entry/data"
        file["entry/data/counts"] = volume()
        file["entry/data/counts"].attrs["signal"] = 1
        file["entry/data/counts"].attrs["axes"] = "z:y:x"
        file["entry/other"] = volume()
        for name, length in zip("zyx", volume().shape, strict=True):
            file[f"entry/data/{name}"] = np.arange(length + 1) * 2.5  # edges of the bins
            file[f"entry/data/{name}"].attrs["units"] = np.bytes_(b"um")
    image = open_image(path, "xct")
    assert image.spacing_um == (2.5, 2.5, 2.5)
    np.testing.assert_array_equal(image.data, volume())


def test_a_virtual_dataset_lists_its_files_and_misses_none(tmp_path):
    data = volume()
    layout = h5py.VirtualLayout(shape=data.shape, dtype=data.dtype)
    for k in range(2):
        with h5py.File(tmp_path / f"part{k}.h5", "w") as file:
            file["v"] = data[6 * k : 6 * k + 6]
        layout[6 * k : 6 * k + 6] = h5py.VirtualSource(
            f"part{k}.h5", "v", shape=data[6 * k : 6 * k + 6].shape
        )
    path = tmp_path / "all.h5"
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("v", layout)
    np.testing.assert_array_equal(open_image(path, "xct", 1.0).data, data)
    assert [p.name for p in input_files(path, "xct")] == ["all.h5", "part0.h5", "part1.h5"]
    (tmp_path / "part1.h5").unlink()
    for call in (probe_image, open_image):
        with pytest.raises(InputError, match=r"all\.h5.*part1\.h5"):
            call(path, "xct", 1.0)


def test_a_link_into_another_file_lists_both_and_needs_both(tmp_path):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["v"] = volume()
    path = tmp_path / "master.h5"
    with h5py.File(path, "w") as file:
        file["entry/data"] = h5py.ExternalLink("data.h5", "/v")
    inside = f"{path}:/entry/data"
    np.testing.assert_array_equal(open_image(inside, "xct", 1.0).data, volume())
    assert [p.name for p in input_files(inside, "xct")] == ["master.h5", "data.h5"]
    (tmp_path / "data.h5").unlink()
    with pytest.raises(InputError, match=r"master\.h5.*data\.h5"):
        probe_image(inside, "xct", 1.0)


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
