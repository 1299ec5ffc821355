"""Parts of volumes that are missing or were cut are reported, never read as zeros or as foreign memory."""

from __future__ import annotations

import h5py
import numcodecs
import numpy as np
import pytest
import zarr

from spallmap.blocks import whole
from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume
from tests.unit.readers.volume_files import volume

DATA = volume()
BLOSC = numcodecs.Blosc(cname="zstd")


def ome(path, zarr_format, lead, **options):
    """Write one level with zarr itself."""
    group = zarr.open_group(str(path), mode="w", zarr_format=zarr_format)
    shape, chunks = (1,) * lead + DATA.shape, (1,) * lead + (4, 5, 6)
    packed = BLOSC if zarr_format == 2 else zarr.codecs.BloscCodec()
    options = {"dtype": "<u2", "compressors": packed, "chunks": chunks, **options}
    array = group.create_array("0", shape=shape, **options)
    array[...] = DATA.reshape(shape)
    axes = [{"name": name} for name in "tc"[2 - lead :]] + [{"name": n, "unit": "micrometer"} for n in "zyx"]
    scale = {"type": "scale", "scale": [1.0] * lead + [5.0, 4.0, 3.0]}
    scales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": [scale]}]}]
    if zarr_format == 2:
        group.attrs["multiscales"] = [{"version": "0.4", **scales[0]}]
    else:
        group.attrs["ome"] = {"version": "0.5", "multiscales": scales}


ARRAYS = {
    "2 dots": (2, 0, {"chunk_key_encoding": {"name": "v2", "separator": "."}}),
    "2 slashes tc": (2, 2, {"chunk_key_encoding": {"name": "v2", "separator": "/"}}),
    "2 big-endian": (2, 0, {"dtype": ">u2"}),
    "2 order F": (2, 1, {"order": "F"}),
    "2 filtered": (2, 1, {"filters": [numcodecs.Delta("<u2")]}),
    "3": (3, 0, {}),
    "3 tc": (3, 2, {}),
    "3 long c": (3, 1, {"chunks": (3, 4, 5, 6)}),
    "3 dots": (3, 1, {"chunk_key_encoding": {"name": "default", "separator": "."}}),
    "3 old keys": (3, 1, {"chunk_key_encoding": {"name": "v2", "separator": "."}}),
    "3 big-endian": (3, 1, {"serializer": zarr.codecs.BytesCodec(endian="big")}),
    "3 transposed": (3, 0, {"filters": [zarr.codecs.TransposeCodec(order=(2, 1, 0))]}),
}


@pytest.mark.parametrize("kind", ARRAYS)
def test_a_cut_blosc_chunk_is_reported_in_every_layout(tmp_path, kind):
    zarr_format, lead, options = ARRAYS[kind]
    path = tmp_path / "a.zarr"
    ome(path, zarr_format, lead, **options)
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)
    chunks = [p for p in (path / "0").rglob("*") if p.is_file() and p.suffix != ".json"]
    chunks = sorted(p for p in chunks if not p.name.startswith(".z"))
    assert len(chunks) == 12
    whole_chunk = chunks[0].read_bytes()
    for length in (len(whole_chunk) // 2, len(whole_chunk) - 1, 7, 0):
        chunks[0].write_bytes(whole_chunk[:length])
        with open_volume(path) as source:
            with pytest.raises(InputError, match=r"a\.zarr.*cut short"):
                _ = source.data[whole(DATA.shape)]
            np.testing.assert_array_equal(source.data[4:11, 5:9, 0:7], DATA[4:11, 5:9])
    chunks[0].unlink()
    np.testing.assert_array_equal(open_image(path, "xct").data[:4, :5, :6], 0)


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
