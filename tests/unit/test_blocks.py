from __future__ import annotations

import threading
import time

import numpy as np
import pytest

from spallmap.blocks import grown, inner, map_blocks, read_padded, shape_of, tiles, whole


@pytest.mark.parametrize("size", [4, (3, 50, 7), 100])
def test_tiles_cover_a_region_once(size: int | tuple[int, int, int]) -> None:
    region = (slice(2, 13), slice(0, 9), slice(5, 21))
    count = np.zeros((15, 12, 22), dtype=int)
    for tile in tiles(region, size):
        assert all(n <= m for n, m in zip(shape_of(tile), np.broadcast_to(size, 3), strict=True))
        count[tile] += 1
    expected = np.zeros_like(count)
    expected[region] = 1
    assert np.array_equal(count, expected)


def test_a_padded_read_is_numpys_edge_padding() -> None:
    volume = np.random.default_rng(1).integers(0, 100, (6, 7, 8))
    padded = np.pad(volume, 3, mode="edge")
    for region in (whole(volume.shape), (slice(0, 2), slice(3, 7), slice(2, 5))):
        z, y, x = (slice(s.start, s.stop + 6) for s in region)
        assert np.array_equal(read_padded(volume, region, 3), padded[z, y, x])


def test_a_region_is_found_again_in_a_larger_one() -> None:
    volume = np.arange(6 * 7 * 8).reshape(6, 7, 8)
    region = (slice(1, 3), slice(0, 7), slice(6, 8))
    outer = grown(region, 2, volume.shape)
    assert outer == (slice(0, 5), slice(0, 7), slice(4, 8))
    assert np.array_equal(volume[outer][inner(region, outer)], volume[region])


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_order_and_few_blocks_are_under_way(threads: int) -> None:
    started, lock = [], threading.Lock()

    def work(k: int) -> int:
        with lock:
            started.append(k)
        time.sleep(0.002 * (k % 3))
        return k * k

    taken = 0
    for k, value in enumerate(map_blocks(work, iter(range(40)), threads)):
        taken += 1
        assert value == k * k
        assert len(started) - taken <= 2 * threads
    assert taken == 40


def test_an_error_in_a_block_reaches_the_caller() -> None:
    def work(k: int) -> int:
        if k == 5:
            raise ArithmeticError("block 5")
        return k

    with pytest.raises(ArithmeticError, match="block 5"):
        list(map_blocks(work, range(20), 2))
