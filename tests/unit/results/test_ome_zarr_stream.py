"""Volumes written slab by slab are the same as volumes written at once, and never half there."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
import zarr
from scipy import ndimage

from spallmap.blocks import grown, tiles, whole
from spallmap.errors import InputError
from spallmap.readers import input_files, open_image, open_volume
from spallmap.results.ome_zarr import VolumeWriter, open_zarr, pyramid, read_volume, write_volume

SHAPE = (150, 71, 90)


def halved_by_scipy(fine: np.ndarray) -> np.ndarray:
    """Binomial smoothing of the whole volume, then every second sample."""
    coarse = fine.astype(np.float32)
    for axis in range(3):
        smooth = ndimage.correlate1d(coarse, np.array([0.25, 0.5, 0.25]), axis=axis, mode="nearest")
        coarse = smooth[tuple(slice(None, None, 2 if a == axis else 1) for a in range(3))]
    return (np.rint(coarse) if fine.dtype.kind in "ui" else coarse).astype(fine.dtype)


def random_volume(dtype: str, shape: tuple[int, ...] = SHAPE) -> np.ndarray:
    rng = np.random.default_rng(23)
    if np.dtype(dtype).kind == "f":
        return (rng.standard_normal(shape) * 1000).astype(dtype)
    limits = np.iinfo(dtype)
    return rng.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def slabs(n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    cuts = [0]
    while cuts[-1] < n:
        cuts.append(min(n, cuts[-1] + int(rng.integers(1, 90))))
    return list(pairwise(cuts))


@pytest.mark.parametrize("dtype", ["uint16", "uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize("shape", [SHAPE, (64, 64, 64), (65, 3, 129), (1, 5, 70), (129, 66, 2)])
def test_slabs_of_any_thickness_give_the_pyramid_of_the_whole(tmp_path, dtype, shape):
    data = random_volume(dtype, shape)
    expected = [data]
    while max(expected[-1].shape) >= 64:
        expected.append(halved_by_scipy(expected[-1]))
    rng = np.random.default_rng(sum(shape))
    for threads in (1, 2):
        path = tmp_path / f"{threads}.ome.zarr"
        with VolumeWriter(path, shape, dtype, (5.0, 4.0, 3.0), threads=threads) as writer:
            for start, stop in slabs(shape[0], rng):
                writer.write(start, data[start:stop])
        group = zarr.open_group(str(path), mode="r")
        assert len(group.attrs["ome"]["multiscales"][0]["datasets"]) == len(expected)
        for number, level in enumerate(expected):
            stored = np.asarray(group[f"s{number}"][...])  # by zarr, not by our own reading
            assert stored.dtype == np.dtype(dtype)
            np.testing.assert_array_equal(stored, level)
            np.testing.assert_array_equal(read_volume(path, number).data, level)
    for made, level in zip(pyramid(data), expected, strict=True):
        np.testing.assert_array_equal(made, level)


def test_labels_keep_their_values_and_are_small(tmp_path):
    labels = np.ones((200, 200, 200), np.int32)
    labels[:, :60] = 4
    labels[90:93, 100:150, 20:180] = 17
    labels[:64, :, :64] = 0
    with VolumeWriter(tmp_path / "l.ome.zarr", labels.shape, "int32", (1, 1, 1), labels=True) as writer:
        for start in range(0, 200, 7):
            writer.write(start, labels[start : start + 7])
    for level in range(2):
        stored = read_volume(tmp_path / "l.ome.zarr", level).data
        np.testing.assert_array_equal(stored, labels[:: 2**level, :: 2**level, :: 2**level])
    files = [p for p in (tmp_path / "l.ome.zarr").rglob("*") if p.is_file()]
    assert sum(p.stat().st_size for p in files) < labels.nbytes / 50
    assert not (tmp_path / "l.ome.zarr" / "s0" / "c" / "0" / "0" / "0").exists()  # zeros are not written


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
    for number, level in enumerate(pyramid(data)):
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
