"""Volumes that are computed while they are written, and what the jobs of a crack search hand on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.results.crack_search_parts import (
    read_candidates,
    read_thresholds,
    write_candidates,
    write_thresholds,
)
from spallmap.results.ome_zarr import read_volume
from spallmap.results.slabs import WHOLE_SLICES, write_slabs
from spallmap.tomography import TOO_LITTLE, Candidates, Thresholds


@pytest.mark.parametrize("block", [(64, 256, 256), (7, 20, 300), WHOLE_SLICES])
@pytest.mark.parametrize("threads", [1, 2])
def test_a_computed_volume_is_what_was_computed(
    tmp_path: Path, block: tuple[int, int, int], threads: int
) -> None:
    volume = np.random.default_rng(1).integers(0, 60_000, (130, 40, 70), dtype=np.uint16)
    seen = []

    def compute(region: Region) -> np.ndarray:
        seen.append(region)
        return volume[region]

    path = tmp_path / "v.ome.zarr"
    write_slabs(path, volume.shape, "uint16", (4.0, 4.0, 4.0), compute, threads=threads, block=block)
    back = read_volume(path)
    assert back.spacing_um == (4.0, 4.0, 4.0)
    assert np.array_equal(back.data, volume)
    assert all(s.stop - s.start <= n for region in seen for s, n in zip(region, block, strict=True))


def test_nothing_is_left_of_a_volume_that_failed(tmp_path: Path) -> None:
    def compute(region: Region) -> np.ndarray:
        if region[0].start:
            raise ArithmeticError("slice 64")
        return np.zeros((64, 8, 9), dtype=np.uint16)

    with pytest.raises(ArithmeticError):
        write_slabs(tmp_path / "v.ome.zarr", (100, 8, 9), "uint16", (1.0, 1.0, 1.0), compute)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n", [0, 40])
def test_ridge_voxels_come_back_as_they_were(tmp_path: Path, n: int) -> None:
    rng = np.random.default_rng(2)
    whole = Candidates(
        rng.integers(0, 2000, (n, 3), dtype=np.int32),
        rng.normal(size=(n, 3)).astype(np.float32),
        rng.random(n).astype(np.float32),
        rng.random(n).astype(np.float32),
        rng.random(n) < 0.5,
        rng.integers(0, 2000, (3 * n, 3), dtype=np.int32),
    )
    write_candidates(tmp_path / "0.npz", whole)
    back = read_candidates(tmp_path / "0.npz")
    for name in ("index", "normal", "response", "distance", "skims", "cores"):
        assert np.array_equal(getattr(back, name), getattr(whole, name))
        assert getattr(back, name).dtype == getattr(whole, name).dtype


def test_thresholds_come_back_as_they_were(tmp_path: Path) -> None:
    for thresholds in (TOO_LITTLE, Thresholds((0.1, 0.02, 1 / 3), 2.6, 4.1, 150, "pristine scan")):
        write_thresholds(tmp_path / "t.json", thresholds)
        assert read_thresholds(tmp_path / "t.json") == thresholds


def test_damaged_parts_are_named(tmp_path: Path) -> None:
    (tmp_path / "0.npz").write_bytes(b"PK\x03\x04 cut")
    (tmp_path / "t.json").write_text('{"weights": [1.0], "low": "x"}')
    with pytest.raises(InputError, match=r"0\.npz"):
        read_candidates(tmp_path / "0.npz")
    with pytest.raises(InputError, match=r"t\.json"):
        read_thresholds(tmp_path / "t.json")
