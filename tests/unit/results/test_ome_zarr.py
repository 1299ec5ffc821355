"""Volumes come back as they were written, are never half there, and are read by others."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import zarr

from spallmap.blocks import grown, tiles, whole
from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume
from spallmap.results.ome_zarr import VolumeWriter, open_zarr, read_volume, write_volume
from tests.unit.results.random_volumes import levels_by_scipy, random_volume


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_volume_round_trip_and_replacement(tmp_path, rng, dtype):
    path = tmp_path / "v.ome.zarr"
    write_volume(path, np.zeros((80, 70, 10), np.uint8), (1, 1, 1))
    volume = (rng.random((19, 130, 67)) * 50000).astype(dtype)
    write_volume(path, volume, (5.0, 4.66, 4.0))
    image = read_volume(path)
    np.testing.assert_array_equal(image.data, volume)
    assert image.data.dtype == volume.dtype
    assert image.spacing_um == (5.0, 4.66, 4.0)
    ome = zarr.open_group(str(path), mode="r").attrs["ome"]
    assert ome["version"] == "0.5"
    assert [a["unit"] for a in ome["multiscales"][0]["axes"]] == ["micrometer"] * 3
    assert [d["path"] for d in ome["multiscales"][0]["datasets"]] == ["s0", "s1", "s2"]
    assert read_volume(path, 2).spacing_um == (20.0, 18.64, 16.0)
    assert read_volume(path, 2).data.shape == (5, 33, 17)
    for bad in (3, -1):
        with pytest.raises(InputError, match="0 to 2"):
            read_volume(path, bad)


def test_the_reference_reader_understands_the_volume(tmp_path, rng):
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    volume = rng.integers(0, 9, (20, 90, 65)).astype(np.uint8)
    write_volume(tmp_path / "v.ome.zarr", volume, (5.0, 4.0, 3.0))
    (node,) = Reader(parse_url(tmp_path / "v.ome.zarr"))()
    np.testing.assert_array_equal(np.asarray(node.data[0]), volume)
    scales = [t[0]["scale"] for t in node.metadata["coordinateTransformations"]]
    assert scales == [[5.0, 4.0, 3.0], [10.0, 8.0, 6.0]]


def test_what_is_no_volume_is_refused(tmp_path):
    with pytest.raises(InputError, match="no readable volume"):
        read_volume(tmp_path / "none.ome.zarr")
    zarr.create_group(str(tmp_path / "empty.ome.zarr"))
    with pytest.raises(InputError, match="no readable volume"):
        read_volume(tmp_path / "empty.ome.zarr")
    with pytest.raises(ValueError, match="three axes"):
        write_volume(tmp_path / "v.ome.zarr", np.zeros((3, 3)), (1, 1))


def test_nothing_is_left_of_a_volume_that_failed_and_the_old_one_stays(tmp_path):
    path = tmp_path / "v.ome.zarr"
    old = random_volume("uint8", (5, 6, 7))
    write_volume(path, old, (1, 1, 1))

    def half() -> None:
        with VolumeWriter(path, (9, 6, 7), "uint8", (1, 1, 1)) as writer:
            writer.write(0, random_volume("uint8", (4, 6, 7)))
            raise RuntimeError("stopped")

    with pytest.raises(RuntimeError, match="stopped"):
        half()
    with (
        pytest.raises(ValueError, match="4 slices written of 9"),
        VolumeWriter(path, (9, 6, 7), "uint8", (1, 1, 1)) as writer,
    ):
        writer.write(0, random_volume("uint8", (4, 6, 7)))
    assert [p.name for p in tmp_path.iterdir()] == ["v.ome.zarr"]
    np.testing.assert_array_equal(read_volume(path).data, old)


@pytest.mark.parametrize(
    ("start", "slab", "words"),
    [
        (1, np.zeros((2, 6, 7), np.uint8), "0 come next"),
        (0, np.zeros((2, 6, 8), np.uint8), "shape"),
        (0, np.zeros((10, 6, 7), np.uint8), "shape"),
        (0, np.zeros((2, 6, 7), np.float32), "float32"),
        (0, np.zeros((6, 7), np.uint8), "shape"),
    ],
)
def test_slabs_that_do_not_fit_are_refused(tmp_path, start, slab, words):
    with (
        pytest.raises(ValueError, match=words),
        VolumeWriter(tmp_path / "v.ome.zarr", (9, 6, 7), "uint8", (1, 1, 1)) as writer,
    ):
        writer.write(start, slab)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ValueError, match="inside the writer's block"):
        VolumeWriter(tmp_path / "v.ome.zarr", (9, 6, 7), "uint8", (1, 1, 1)).write(0, slab)


def test_memory_does_not_grow_with_the_number_of_slices(tmp_path):
    shape = (1024, 64, 64)
    slab = random_volume("uint16", (16, *shape[1:]))
    write_volume(tmp_path / "imports.ome.zarr", slab, (1, 1, 1))
    tracemalloc.start()
    try:
        with VolumeWriter(tmp_path / "v.ome.zarr", shape, "uint16", (1, 1, 1), threads=2) as writer:
            for start in range(0, shape[0], 16):
                writer.write(start, slab)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < np.prod(shape) * 2 / 4


def test_regions_of_every_level_read_on_threads(tmp_path):
    data = random_volume("uint16")
    write_volume(tmp_path / "v.ome.zarr", data, (5.0, 4.0, 3.0))
    for number, level in enumerate(levels_by_scipy(data)):
        source = open_zarr(tmp_path / "v.ome.zarr", number)
        assert source.spacing_um == pytest.approx([s * 2**number for s in (5.0, 4.0, 3.0)])
        assert (source.data.shape, source.data.dtype) == (level.shape, np.dtype("uint16"))
        blocks = [grown(b, 3, level.shape) for b in tiles(whole(level.shape), 50)]
        with ThreadPoolExecutor(2) as pool:
            for block, part in zip(blocks, pool.map(source.data.__getitem__, blocks), strict=True):
                np.testing.assert_array_equal(part, level[block])


def test_our_volumes_are_inputs_too_and_a_source_can_be_written(tmp_path):
    data = random_volume("uint16", (70, 20, 30))
    first, second = tmp_path / "a.ome.zarr", tmp_path / "b.ome.zarr"
    write_volume(first, data, (5.0, 4.0, 3.0))
    with open_volume(first) as source:
        assert source.info.format == "OME-Zarr 0.5"
        write_volume(second, source.data, source.spacing_um)
    image = open_image(second, "xct")
    np.testing.assert_array_equal(image.data, data)
    assert image.spacing_um == (5.0, 4.0, 3.0)
    assert set(input_files(second, "xct")) == {p for p in second.rglob("*") if p.is_file()}


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_chunk_is_reported(tmp_path, damage):
    path = tmp_path / "v.ome.zarr"
    write_volume(path, random_volume("uint16", (70, 20, 30)), (1, 1, 1))
    chunk = path / "s0" / "c" / "1" / "0" / "0"
    content = chunk.read_bytes()
    chunk.write_bytes(content[:-9] if damage == "cut" else (path / "s1" / "c" / "0" / "0" / "0").read_bytes())
    source = open_zarr(path)
    assert source.data[0:64, :, :].shape == (64, 20, 30)
    with pytest.raises(InputError, match=r"v\.ome\.zarr/s0.*slices 60 to 69.*c/1/0/0"):
        source.data[60:70, :, :]


@pytest.mark.parametrize("codec", ["zstd", "none", "big"])
def test_other_layouts_of_zarr_are_read_as_well(tmp_path, codec):
    from zarr.codecs import BytesCodec, ZstdCodec

    data = random_volume("uint16", (30, 20, 10))
    path = tmp_path / "v.ome.zarr"
    write_volume(path, data, (1.0, 2.0, 3.0))
    group = zarr.open_group(str(path), mode="a")
    del group["s0"]
    options = {
        "zstd": {"compressors": ZstdCodec(level=1)},
        "none": {"compressors": None},
        "big": {"serializer": BytesCodec(endian="big"), "compressors": None},
    }[codec]
    group.create_array("s0", data=data, chunks=(8, 8, 8), **options)
    source = open_zarr(path)
    np.testing.assert_array_equal(source.data[3:20, 5:6, 0:9], data[3:20, 5:6, 0:9])
    assert source.data[0:1, 0:1, 0:1].dtype == np.dtype("uint16")
