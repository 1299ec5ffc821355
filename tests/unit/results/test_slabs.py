from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from spallmap.blocks import Region
from spallmap.results.ome_zarr import read_volume
from spallmap.results.slabs import WHOLE_SLICES, write_slabs


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
