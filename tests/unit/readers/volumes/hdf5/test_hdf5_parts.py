"""Parts of datasets that are missing or were cut are reported, never read as zeros."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, probe_image
from tests.unit.readers.volumes.volume_files import volume

DATA = volume()


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


def virtual(path, shape, *pieces, maxshape=None):
    """Put a dataset together from (where to, source file, name, source shape, where from)."""
    layout = h5py.VirtualLayout(shape, DATA.dtype, maxshape=maxshape)
    for into, file, name, of, take in pieces:
        source = h5py.VirtualSource(file, name, of, maxshape=(None, *of[1:]) if maxshape else None)
        layout[into] = source if take is None else source[take]
    with h5py.File(path, "w") as file:
        file.create_virtual_dataset("v", layout)


@pytest.fixture
def sources(tmp_path):
    with h5py.File(tmp_path / "s.h5", "w") as file:
        file.create_dataset("even", data=DATA[::2], maxshape=(None, 9, 7))
        file["odd"] = DATA[1::2]
        file["all"] = DATA
        file["few"] = DATA[:3]
    return tmp_path


EVEN = (slice(0, None, 2), "s.h5", "even", (6, 9, 7), None)
ODD = (slice(1, None, 2), "s.h5", "odd", (5, 9, 7), None)


def test_virtual_datasets_that_are_whole_are_read(sources):
    virtual(sources / "a.h5", DATA.shape, EVEN, ODD)
    virtual(sources / "b.h5", DATA.shape, (slice(0, 11), "a.h5", "v", DATA.shape, None))
    endless = slice(0, h5py.h5s.UNLIMITED)
    virtual(sources / "c.h5", (6, 9, 7), (endless, "s.h5", "even", (6, 9, 7), endless), maxshape=(None, 9, 7))
    thirds = [(slice(k, None, 3), "s.h5", "all", DATA.shape, slice(k, None, 3)) for k in (0, 1, 2)]
    virtual(sources / "d.h5", DATA.shape, *thirds)
    for name, expected in (("a", DATA), ("b", DATA), ("c", DATA[::2]), ("d", DATA)):
        np.testing.assert_array_equal(open_image(sources / f"{name}.h5", "xct", 1.0).data, expected)
    names = [p.name for p in input_files(sources / "b.h5", "xct")]
    assert names == ["b.h5", "a.h5", "s.h5"]


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([EVEN], "378 of 693 samples"),
        ([EVEN, EVEN], "378 of 693 samples"),
        ([(slice(0, 10), "s.h5", "all", DATA.shape, slice(0, 10))], "630 of 693 samples"),
        ([EVEN, (slice(1, None, 2), "s.h5", "none", (5, 9, 7), None)], "no dataset none in .*s.h5"),
        ([EVEN, (slice(1, None, 2), "s.h5", "few", (5, 9, 7), None)], "few in .*s.h5 of shape"),
        ([EVEN, (slice(1, None, 2), "s.h5", "few", (6, 9, 7), slice(1, 6))], "few in .*s.h5 of shape"),
        ([EVEN, (slice(1, None, 2), "t.h5", "odd", (5, 9, 7), None)], "no file .*t.h5"),
        ([EVEN, (slice(1, None, 2), "u.h5", "odd", (5, 9, 7), None)], "no readable HDF5 file .*u.h5"),
        ([(slice(0, 11), "half.h5", "v", DATA.shape, None)], "378 of 693 samples"),
        ([(slice(0, 11), "loop.h5", "v", DATA.shape, None)], "from itself"),
    ],
)
def test_a_virtual_dataset_with_a_gap_is_refused(sources, pieces, found):
    (sources / "u.h5").write_bytes(b"no HDF5")
    virtual(sources / "half.h5", DATA.shape, EVEN)
    virtual(sources / "loop.h5", DATA.shape, (slice(0, 11), "a.h5", "v", DATA.shape, None))
    virtual(sources / "a.h5", DATA.shape, *pieces)
    with pytest.raises(InputError, match=found):
        open_image(sources / "a.h5", "xct", 1.0)


def external(folder, monkeypatch, name="x.raw", n_bytes=DATA.nbytes):
    folder.mkdir()
    (folder / "x.raw").write_bytes(DATA.tobytes()[:n_bytes])
    monkeypatch.chdir(folder)
    with h5py.File("e.h5", "w") as file:
        file.create_dataset("d", DATA.shape, DATA.dtype, external=[(name, 0, DATA.nbytes)])


@pytest.mark.parametrize("inside", ["", ":/d"])
def test_external_storage_stands_beside_the_file_wherever_the_work_is_done(tmp_path, monkeypatch, inside):
    external(tmp_path / "sub", monkeypatch)
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.raw").write_bytes(bytes(DATA.nbytes))
    for folder, path in ((other, f"../sub/e.h5{inside}"), (tmp_path, f"sub/e.h5{inside}")):
        monkeypatch.chdir(folder)
        np.testing.assert_array_equal(open_image(path, "xct", 1.0).data, DATA)
        assert [p.name for p in input_files(path, "xct")] == ["e.h5", "x.raw"]


def test_external_storage_that_is_cut_or_belongs_to_a_part_is_refused(tmp_path, monkeypatch):
    external(tmp_path / "cut", monkeypatch, n_bytes=DATA.nbytes - 2)
    with pytest.raises(InputError, match=rf"{DATA.nbytes - 2} bytes in .*x\.raw"):
        open_image(tmp_path / "cut" / "e.h5", "xct", 1.0)
    external(tmp_path / "sub", monkeypatch)
    virtual(tmp_path / "sub" / "v.h5", DATA.shape, (slice(0, 11), "e.h5", "d", DATA.shape, None))
    with pytest.raises(InputError, match=r"a part in .*e\.h5 with external storage x\.raw"):
        open_image(tmp_path / "sub" / "v.h5", "xct", 1.0)
    external(tmp_path / "abs", monkeypatch, name=str(tmp_path / "abs" / "x.raw"))
    virtual(tmp_path / "abs" / "v.h5", DATA.shape, (slice(0, 11), "e.h5", "d", DATA.shape, None))
    np.testing.assert_array_equal(open_image(tmp_path / "abs" / "v.h5", "xct", 1.0).data, DATA)
