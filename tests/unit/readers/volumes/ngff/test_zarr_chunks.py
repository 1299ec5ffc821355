"""Chunks that were cut are reported, never read as zeros or as foreign memory."""

from __future__ import annotations

import resource
import zlib

import numcodecs
import numpy as np
import pytest
import zarr

from spallmap.blocks import whole
from spallmap.errors import InputError
from spallmap.readers import open_image, open_volume
from spallmap.readers.volumes import packed_size
from tests.unit.readers.volumes.volume_files import volume

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


def bomb(kind, n_bytes):
    zeros = bytes(1 << 24)
    if kind in ("gzip", "zlib"):
        packer = zlib.compressobj(9, zlib.DEFLATED, 31 if kind == "gzip" else 15)
        return b"".join([packer.compress(zeros) for _ in range(n_bytes >> 24)]) + packer.flush()
    if kind == "zstd":
        return numcodecs.Zstd(9).encode(bytes(n_bytes))
    if kind == "lz4":
        return numcodecs.LZ4().encode(bytes(n_bytes))
    if kind == "lzma":
        return numcodecs.LZMA(preset=0).encode(bytes(n_bytes))
    if kind == "bz2":
        return numcodecs.BZ2(1).encode(bytes(n_bytes))
    return BLOSC.encode(bytes(n_bytes))


PACKERS = {
    "blosc": BLOSC,
    "zstd": numcodecs.Zstd(),
    "gzip": numcodecs.GZip(),
    "zlib": numcodecs.Zlib(),
    "lz4": numcodecs.LZ4(),
    "bz2": numcodecs.BZ2(),
    "lzma": numcodecs.LZMA(),
}


@pytest.mark.parametrize("kind", PACKERS)
def test_a_chunk_that_holds_more_than_it_announces_is_refused_unpacked(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(packed_size, "_HARMLESS", 0)
    path = tmp_path / "a.zarr"
    ome(path, 2, 0, compressors=PACKERS[kind], filters=[numcodecs.Delta("<u2")])
    np.testing.assert_array_equal(open_image(path, "xct").data, DATA)
    (path / "0" / "0.0.0").write_bytes(bomb(kind, 1 << 26))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open_volume(path) as source, pytest.raises(InputError, match=r"a\.zarr.*(in a chunk of|can need)"):
        _ = source.data[whole(DATA.shape)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kB


@pytest.mark.parametrize("kind", ["blosc", "zstd", "gzip"])
def test_a_file_that_is_larger_than_any_chunk_is_not_read(tmp_path, kind):
    path = tmp_path / "a.zarr"
    ome(path, 2, 0, compressors=PACKERS[kind])
    with (path / "0" / "0.0.0").open("r+b") as file:
        file.truncate(1 << 34)
    with open_volume(path) as source, pytest.raises(InputError, match=r"a\.zarr.*can need"):
        _ = source.data[whole(DATA.shape)]


@pytest.mark.parametrize(
    "options",
    [
        {"compressors": zarr.codecs.ZstdCodec(checksum=True)},
        {"compressors": zarr.codecs.GzipCodec()},
        {"compressors": [zarr.codecs.BloscCodec(), zarr.codecs.Crc32cCodec()]},
        {"compressors": [zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()]},
        {"compressors": None},
        {"shards": (8, 10, 12)},
        {"shards": (8, 10, 12), "compressors": zarr.codecs.ZstdCodec()},
    ],
)
def test_other_packers_of_zarr_3_are_read_without_a_warning(tmp_path, options):
    path = tmp_path / "a.zarr"
    ome(path, 3, 0, **options)
    image = open_image(path, "xct")
    np.testing.assert_array_equal(image.data, DATA)
    assert image.warnings == ()
