"""A block-averaged copy of a volume of any size, and what one pass over all voxels shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, map_blocks
from spallmap.errors import InputError

# Voxels read at a time: large enough that reading is not held up by its calls, 32 MB of 16-bit grey.
SLAB_VOXELS = 16_000_000
# Tiles along each side of a slice whose means are kept slice by slice: some thousand to a body, 33 MB for
# 2 000 slices.
TILES = 64


@dataclass(frozen=True)
class Coarse:
    """A block-averaged copy with the statistics of all voxels.

    Parameters
    ----------
    values : ndarray of float32, shape (nz // fz, ny // fy, nx // fx)
        Mean grey of each block; the remainder at the far end of an axis is left out.
    factor : tuple of int
        Voxels of a block along z, y and x.
    lowest, highest : float
        Least and greatest grey of all voxels.
    tiles : ndarray of float32, shape (nz, my, mx)
        Mean grey of larger tiles of every single slice, some 64 along a side.
    at_ends : ndarray of int64, shape (nz, 2)
        How many voxels of each slice have the least and the greatest grey of all.
    moments : ndarray, shape (nz, 2)
        Mean and standard deviation of each slice.
    """

    values: NDArray[np.float32]
    factor: tuple[int, int, int]
    lowest: float
    highest: float
    tiles: NDArray[np.float32]
    at_ends: NDArray[np.int64]
    moments: NDArray[np.float64]

    @property
    def n_lowest(self) -> int:
        """How many voxels have the least grey."""
        return int(self.at_ends[:, 0].sum())

    @property
    def n_highest(self) -> int:
        """How many voxels have the greatest grey."""
        return int(self.at_ends[:, 1].sum())


def coarse_copy(
    source: Sliceable,
    max_voxels: int,
    least_factor: int = 1,
    source_label: str = "tomogram",
    threads: int = 1,
) -> Coarse:
    """Average blocks of a volume in one pass over its slices.

    Sums run within one block in a fixed order, so that nothing depends on how the volume is read. Of whole
    numbers `skimage.transform.downscale_local_mean` gives the same copy, from a volume in memory and without
    the extremes; of single precision it adds up in single precision.

    Parameters
    ----------
    source : Sliceable, shape (nz, ny, nx)
        Grey values of any real type.
    max_voxels : int
        The copy has about this many voxels at most.
    least_factor : int
        Smallest edge of a block; an axis of fewer than eight blocks is left as it is.
    source_label : str
        What to call the volume in an error.
    threads : int
        Number of threads.

    Returns
    -------
    Coarse
        The copy.

    Raises
    ------
    InputError
        If a voxel is NaN or infinite; the first such slice is named.
    """
    nz, ny, nx = source.shape
    factor = _block_factor(source.shape, max_voxels, least_factor)
    fz, fy, fx = factor
    coarse = np.zeros((nz // fz, ny // fy, nx // fx), dtype=np.float32)
    ty, tx = (max(1, round(n / TILES)) for n in coarse.shape[1:])
    tiles = np.zeros((nz, coarse.shape[1] // ty, coarse.shape[2] // tx), dtype=np.float32)

    measures, counts = np.zeros((nz, 4)), np.zeros((nz, 2), dtype=np.int64)

    def work(region: Region) -> int:
        slab = native(np.asarray(source[region]))
        first, last = region[0].start, region[0].stop
        whole_blocks = min(slab.shape[0], coarse.shape[0] * fz - first) // fz
        sums = np.zeros((max(whole_blocks, 0), *coarse.shape[1:]))
        own = np.zeros((slab.shape[0], *tiles.shape[1:]))
        bad = _reduce(slab, fz, fy, fx, sums, ty, tx, own, measures[first:last], counts[first:last])
        if whole_blocks > 0:
            coarse[first // fz : first // fz + whole_blocks] = sums / (fz * fy * fx)
        tiles[first:last] = own / (fy * fx * ty * tx)
        return first + bad if bad >= 0 else -1

    for bad in map_blocks(work, slabs(source.shape, fz), threads):
        if bad >= 0:
            raise InputError(
                source_label,
                f"NaN or infinite grey values, the first in slice {bad}",
                "finite grey values in every voxel: give those outside the field of view the grey of air",
            )
    lowest, highest = float(measures[:, 0].min()), float(measures[:, 1].max())
    at_ends = np.where(measures[:, :2] == [lowest, highest], counts, 0)
    mean, square = measures[:, 2] / (ny * nx), measures[:, 3] / (ny * nx)
    moments = np.column_stack([mean, np.sqrt(np.maximum(square - mean**2, 0.0))])
    return Coarse(coarse, factor, lowest, highest, tiles, at_ends, moments)


def _block_factor(shape: tuple[int, ...], max_voxels: int, least: int = 1) -> tuple[int, int, int]:
    """Edges of the blocks that bring a volume to a size; an axis of few samples is left as it is.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along each axis.
    max_voxels : int
        Size of the copy.
    least : int
        Smallest edge.

    Returns
    -------
    tuple of int
        Along z, y and x.
    """
    step = max(least, int(np.ceil((float(np.prod(shape)) / max_voxels) ** (1.0 / 3.0) - 1e-9)))
    fz, fy, fx = (step if n >= 8 * step else 1 for n in shape)
    return fz, fy, fx


def slabs(
    shape: tuple[int, ...], multiple: int = 1, start: int = 0, stop: int | None = None
) -> Iterator[Region]:
    """Cut a volume into slabs of whole slices.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels along each axis.
    multiple : int
        Every slab but the last begins and ends at a multiple of this many slices after `start`.
    start, stop : int
        First slice, and the one after the last; everything where absent.

    Yields
    ------
    tuple of slice
        Regions.
    """
    nz, ny, nx = shape
    stop = nz if stop is None else stop
    step = max(1, SLAB_VOXELS // (ny * nx) // multiple) * multiple
    for z in range(start, stop, step):
        yield slice(z, min(z + step, stop)), slice(0, ny), slice(0, nx)


def native(values: NDArray[Any]) -> NDArray[Any]:
    """Return values in a type that compiled functions know: native byte order, at least 32 bits if float.

    Parameters
    ----------
    values : ndarray
        Real values.

    Returns
    -------
    ndarray
        The same values.
    """
    kind = values.dtype
    if kind.kind == "f" and kind.itemsize not in (4, 8):
        return values.astype(np.float32 if kind.itemsize < 4 else np.float64)
    return values if kind.isnative else values.astype(kind.newbyteorder("="))


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _reduce(
    slab: NDArray[Any],
    fz: int,
    fy: int,
    fx: int,
    sums: NDArray[np.float64],
    ty: int,
    tx: int,
    tiles: NDArray[np.float64],
    measures: NDArray[np.float64],
    counts: NDArray[np.int64],
) -> int:
    """Add up blocks and tiles, and measure each slice; give the first bad slice, or -1.

    The measures are least and greatest grey, which are counted too, the sum and the sum of squares.
    """
    kz, ky, kx = sums.shape
    my, mx = tiles.shape[1:]
    for k in range(slab.shape[0]):
        low = slab[k, 0, 0]
        high = slab[k, 0, 0]
        n_low = 0
        n_high = 0
        whole = 0.0
        squares = 0.0
        for j in range(slab.shape[1]):
            total = 0.0
            for i in range(slab.shape[2]):
                v = slab[k, j, i]
                total += v
                squares += float(v) * float(v)
                if v < low:
                    low = v
                    n_low = 0
                if v > high:
                    high = v
                    n_high = 0
                n_low += v == low
                n_high += v == high
            if not np.isfinite(total):
                return k
            whole += total
            if j >= ky * fy:
                continue
            row = j // fy // ty
            for c in range(kx):
                part = 0.0
                for i in range(c * fx, (c + 1) * fx):
                    part += slab[k, j, i]
                if k < kz * fz:
                    sums[k // fz, j // fy, c] += part
                column = c // tx
                if row < my and column < mx:
                    tiles[k, row, column] += part
        measures[k, 0] = low
        measures[k, 1] = high
        measures[k, 2] = whole
        measures[k, 3] = squares
        counts[k, 0] = n_low
        counts[k, 1] = n_high
    return -1
