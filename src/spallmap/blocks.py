"""Volumes of any size, read and worked on block by block."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise, product
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

# Slices along z, y and x with a start and a stop and no step.
Region = tuple[slice, slice, slice]

# Edge of a block: with a halo of 10 voxels at each side it is read 1.3 times, and its float32 copies take
# 40 MB each.
BLOCK_VOXELS = 192

T = TypeVar("T")
R = TypeVar("R")


class Sliceable(Protocol):
    """A volume (z, y, x) that can be read in parts: an array in memory, on disk, or a file's reader.

    Indexing with three slices that have a start and a stop and no step gives an array in memory. Several
    threads may read at once.

    Examples
    --------
    >>> volume: Sliceable = np.zeros((4, 5, 6), np.uint16)
    >>> volume[0:2, 1:3, 0:6].shape
    (2, 2, 6)
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along z, y and x."""
        ...

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels."""
        ...

    def __getitem__(self, region: Region, /) -> NDArray[Any]:
        """Read a part."""
        ...


def whole(shape: Sequence[int]) -> Region:
    """Return the region that is everything.

    Parameters
    ----------
    shape : sequence of int
        Number of voxels along z, y and x.

    Returns
    -------
    tuple of slice
        From 0 to the end along each axis.

    Examples
    --------
    >>> whole((2, 3, 4))
    (slice(0, 2, None), slice(0, 3, None), slice(0, 4, None))
    """
    nz, ny, nx = shape
    return slice(0, nz), slice(0, ny), slice(0, nx)


def shape_of(region: Region) -> tuple[int, int, int]:
    """Return the number of voxels of a region along each axis.

    Parameters
    ----------
    region : tuple of slice
        The region.

    Returns
    -------
    tuple of int
        Along z, y and x.

    Examples
    --------
    >>> shape_of((slice(2, 5), slice(0, 3), slice(1, 2)))
    (3, 3, 1)
    """
    z, y, x = region
    return z.stop - z.start, y.stop - y.start, x.stop - x.start


def grown(region: Region, halo: int, shape: Sequence[int]) -> Region:
    """Grow a region to all sides, as far as the volume reaches.

    Parameters
    ----------
    region : tuple of slice
        The region.
    halo : int
        Voxels added at each side.
    shape : sequence of int
        Number of voxels of the volume along z, y and x.

    Returns
    -------
    tuple of slice
        The larger region.

    Examples
    --------
    >>> grown((slice(2, 5), slice(0, 3), slice(3, 4)), 2, (6, 9, 4))
    (slice(0, 6, None), slice(0, 5, None), slice(1, 4, None))
    """
    z, y, x = (
        slice(max(0, s.start - halo), min(n, s.stop + halo)) for s, n in zip(region, shape, strict=True)
    )
    return z, y, x


def inner(region: Region, outer: Region) -> Region:
    """Return where a region lies in a larger one.

    Parameters
    ----------
    region, outer : tuple of slice
        The first inside the second.

    Returns
    -------
    tuple of slice
        Indices into an array that holds `outer`.

    Examples
    --------
    >>> inner((slice(2, 5), slice(0, 3), slice(3, 4)), (slice(0, 6), slice(0, 5), slice(1, 4)))
    (slice(2, 5, None), slice(0, 3, None), slice(2, 3, None))
    """
    z, y, x = (slice(s.start - o.start, s.stop - o.start) for s, o in zip(region, outer, strict=True))
    return z, y, x


def tiles(region: Region, size: int | Sequence[int] = BLOCK_VOXELS) -> list[Region]:
    """Cut a region into blocks that cover it once, in C order.

    Parameters
    ----------
    region : tuple of slice
        What to cut.
    size : int or sequence of int
        Largest number of voxels of a block along each axis.

    Returns
    -------
    list of tuple of slice
        Blocks of nearly equal size.

    Examples
    --------
    >>> for block in tiles(whole((1, 4, 5)), 3):
    ...     print(shape_of(block))
    (1, 2, 2)
    (1, 2, 3)
    (1, 2, 2)
    (1, 2, 3)
    """
    sizes = (size,) * 3 if isinstance(size, int) else tuple(size)
    cuts = []
    for s, most in zip(region, sizes, strict=True):
        n = s.stop - s.start
        parts = max(1, -(-n // most))
        edges = [s.start + n * k // parts for k in range(parts + 1)]
        cuts.append([slice(a, b) for a, b in pairwise(edges)])
    return [(z, y, x) for z, y, x in product(*cuts)]


def read_padded(source: Sliceable, region: Region, halo: int) -> NDArray[Any]:
    """Read a region with a halo; beyond the volume its outermost voxels are repeated.

    Parameters
    ----------
    source : Sliceable
        The volume.
    region : tuple of slice
        The part that is wanted.
    halo : int
        Voxels added at each side.

    Returns
    -------
    ndarray
        Larger than the region by twice the halo along each axis.

    Examples
    --------
    >>> volume = np.arange(8).reshape(2, 2, 2)
    >>> read_padded(volume, (slice(0, 1), slice(0, 1), slice(0, 1)), 1)[1].tolist()
    [[0, 0, 1], [0, 0, 1], [2, 2, 3]]
    """
    there = grown(region, halo, source.shape)
    missing = [
        (halo - (s.start - t.start), halo - (t.stop - s.stop)) for s, t in zip(region, there, strict=True)
    ]
    values = np.asarray(source[there])
    return np.pad(values, missing, mode="edge") if np.any(missing) else values


def map_blocks(function: Callable[[T], R], blocks: Iterable[T], threads: int = 1) -> Iterator[R]:
    """Apply a function to blocks on several threads, results in the blocks' order.

    No more than twice as many blocks as threads are under way or wait to be taken, so that memory does not
    grow with the volume.

    Parameters
    ----------
    function : callable
        Of one block; what it spends its time in releases the interpreter's lock.
    blocks : iterable
        The blocks.
    threads : int
        Number of threads; with 1 everything happens in the caller's.

    Yields
    ------
    object
        One result a block.

    Examples
    --------
    >>> volume = np.arange(24).reshape(2, 3, 4)
    >>> slices = tiles(whole(volume.shape), (1, 3, 4))
    >>> [int(total) for total in map_blocks(lambda block: volume[block].sum(), slices, threads=2)]
    [66, 210]
    """
    if threads <= 1:
        yield from map(function, blocks)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[R]] = deque()
        for block in blocks:
            waiting.append(pool.submit(function, block))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
