"""Every level of a pyramid is that of the whole volume, however the slices came."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import zarr
from scipy import ndimage

from spallmap.results.ome_zarr import VolumeWriter, read_volume, write_volume
from tests.unit.results.random_volumes import SHAPE, levels_by_scipy, random_volume


def test_coarse_levels_lie_on_the_fine_ones(tmp_path):
    """A smooth blob keeps its centre of mass in um on every level."""
    grid = np.indices((90, 101, 120))
    centre = np.array([41.3, 50.2, 60.7])
    distance2 = sum((g - c) ** 2 for g, c in zip(grid, centre, strict=True))
    blob = (60000 * np.exp(-distance2 / (2 * 9.0**2))).astype(np.uint16)
    write_volume(tmp_path / "b.ome.zarr", blob, (1, 1, 1))
    for n in range(2):
        level = read_volume(tmp_path / "b.ome.zarr", n).data
        np.testing.assert_allclose(np.array(ndimage.center_of_mass(level)) * 2**n, centre, atol=0.02)


def test_label_levels_hold_labels_alone(tmp_path, rng):
    labels = rng.choice([0, 7, 90], (70, 30, 66)).astype(np.int32)
    write_volume(tmp_path / "l.ome.zarr", labels, (1, 1, 1), labels=True)
    coarse = read_volume(tmp_path / "l.ome.zarr", 1).data
    np.testing.assert_array_equal(coarse, labels[::2, ::2, ::2])
    assert "image-label" in zarr.open_group(str(tmp_path / "l.ome.zarr"), mode="r").attrs["ome"]


def slabs(n: int, rng: np.random.Generator) -> list[tuple[int, int]]:
    cuts = [0]
    while cuts[-1] < n:
        cuts.append(min(n, cuts[-1] + int(rng.integers(1, 90))))
    return list(pairwise(cuts))


@pytest.mark.parametrize("dtype", ["uint16", "uint8", "int16", "int32", "float32"])
@pytest.mark.parametrize("shape", [SHAPE, (64, 64, 64), (65, 3, 129), (1, 5, 70), (129, 66, 2)])
def test_slabs_of_any_thickness_give_the_pyramid_of_the_whole(tmp_path, dtype, shape):
    data = random_volume(dtype, shape)
    expected = levels_by_scipy(data)
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
