"""The levels of a pyramid, written as slabs arrive.

Sample (i, j, k) of level n lies on sample 2**n (i, j, k) of the volume. Grey values are smoothed first with
binomial taps [1]_, which are symmetric about the samples that stay, so that no level's frame moves, as block
means would make it; labels are taken as they are.

References
----------
.. [1] Burt and Adelson, The Laplacian pyramid as a compact image code, IEEE Trans. Communications, 1983.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Edge of a chunk, voxels.
CHUNK = 64
# The pyramid ends with the first level that is smaller than this along every axis.
SMALLEST = 64
# LZ4 with bytes sorted by significance: every reader of OME-Zarr knows it. Noise of 16 bits is not packed by
# it, but written and read two to five times as fast as with Zstandard, which saves 7 % of such noise.
CODEC = {"cname": "lz4", "clevel": 1, "shuffle": "shuffle"}


def level_shapes(shape: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the shapes of all levels of a pyramid.

    Parameters
    ----------
    shape : sequence of int
        Of the finest level.

    Returns
    -------
    list of tuple of int
        From the finest to the first that is small along every axis; odd lengths are rounded up.

    Examples
    --------
    >>> level_shapes((90, 130, 40))
    [(90, 130, 40), (45, 65, 20), (23, 33, 10)]
    """
    shapes = [tuple(int(n) for n in shape)]
    while max(shapes[-1]) >= SMALLEST:
        shapes.append(tuple(-(-n // 2) for n in shapes[-1]))
    return shapes


def _halved_slice(below: NDArray[Any], middle: NDArray[Any], above: NDArray[Any]) -> NDArray[Any]:
    """Smooth three neighbouring slices into one and take every second row and column.

    The taps are 1/4, 1/2, 1/4 along each axis; the outermost sample is repeated beyond the edge. Sums are
    rounded to single precision after each axis, which is exact for integers of up to 16 bits.

    Parameters
    ----------
    below, middle, above : ndarray, shape (ny, nx)
        Slices 2k - 1, 2k and 2k + 1 of the finer level.

    Returns
    -------
    ndarray, shape (ceil(ny / 2), ceil(nx / 2))
        Slice k of the coarser level, of the same type.
    """
    dtype = middle.dtype
    exact = dtype.kind in "ui" and dtype.itemsize <= 2
    work = np.float32 if exact else np.float64
    smooth = _tapped(*(s.astype(np.float32).astype(work, copy=False) for s in (below, middle, above)))
    for axis in (0, 1):
        smooth = np.moveaxis(smooth, axis, 0).astype(work, copy=False)
        n = smooth.shape[0]
        centres = np.arange(0, n, 2)
        middle_rows = smooth[::2]
        before = np.concatenate((smooth[:1], smooth[1 : centres[-1] : 2]))
        after = smooth[1::2] if n % 2 == 0 else np.concatenate((smooth[1::2], smooth[-1:]))
        smooth = np.moveaxis(_tapped(before, middle_rows, after), 0, axis)
    return (np.rint(smooth) if dtype.kind in "ui" else smooth).astype(dtype)


def _tapped(before: NDArray[Any], middle: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
    total: NDArray[Any] = before + after
    total *= 0.25
    total += 0.5 * middle
    return total.astype(np.float32, copy=False)


class PyramidLevel:
    """One level of a pyramid: it writes chunks when a layer of them is complete, and feeds the next level.

    A layer has an even number of slices, so that a coarse slice needs no finer one beyond the layer, and of
    those before it the last alone.

    Parameters
    ----------
    folder : Path
        The array's folder, with its metadata in it.
    shape : tuple of int
        Number of voxels along z, y and x.
    dtype : dtype
        Their type.
    labels : bool
        Whether coarser levels take every second voxel as it is.
    pool : ThreadPoolExecutor
        Packs and halves.
    coarser : PyramidLevel, optional
        The next level.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
    ...     level = PyramidLevel(Path(folder), (70, 8, 8), np.dtype(np.uint8), False, pool, None)
    ...     level.take(np.ones((40, 8, 8), np.uint8))
    ...     level.take(np.ones((30, 8, 8), np.uint8))
    ...     [path.name for path in sorted(Path(folder, "c").iterdir())]  # two layers of chunks
    ['0', '1']
    """

    def __init__(
        self,
        folder: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        labels: bool,
        pool: ThreadPoolExecutor,
        coarser: PyramidLevel | None,
    ) -> None:
        from numcodecs import Blosc

        self.shape = shape
        self.taken = 0
        self._folder = folder
        self._labels = labels
        self._pool = pool
        self._coarser = coarser
        self._codec = Blosc(CODEC["cname"], CODEC["clevel"], Blosc.SHUFFLE)
        self._layer = np.zeros((min(CHUNK, shape[0]), *shape[1:]), dtype)
        self._before: NDArray[Any] | None = None

    def take(self, slab: NDArray[Any]) -> None:
        """Take the next slices.

        Parameters
        ----------
        slab : ndarray, shape (n, ny, nx)
            They follow those that were taken before.
        """
        start = 0
        while start < slab.shape[0]:
            filled = self.taken % CHUNK
            n = min(slab.shape[0] - start, CHUNK - filled, self.shape[0] - self.taken)
            self._layer[filled : filled + n] = slab[start : start + n]
            self.taken += n
            start += n
            if self.taken % CHUNK == 0 or self.taken == self.shape[0]:
                self._finish_layer(filled + n)

    def _finish_layer(self, n: int) -> None:
        row = (self.taken - 1) // CHUNK
        self._write(row, self._layer[:n])
        if self._coarser is not None:
            self._coarser.take(self._halved(n))
            self._before = self._layer[n - 1].copy()

    def _write(self, row: int, layer: NDArray[Any]) -> None:
        """Write one layer of chunks; those at the upper edges are filled up with zeros, as Zarr has it."""
        chunk = tuple(min(CHUNK, n) for n in self.shape)
        _, ny, nx = (range(-(-n // c)) for n, c in zip(self.shape, chunk, strict=True))

        def write(index: tuple[int, int]) -> None:
            y, x = index
            part = layer[:, y * chunk[1] : (y + 1) * chunk[1], x * chunk[2] : (x + 1) * chunk[2]]
            if part[0, 0, 0] == 0 and not part.any():
                return  # zero is the fill value
            if part.shape == chunk:
                full = np.ascontiguousarray(part)
            else:
                full = np.zeros(chunk, layer.dtype)
                full[tuple(slice(0, n) for n in part.shape)] = part
            (self._folder / "c" / str(row) / str(y) / str(x)).write_bytes(self._codec.encode(full))

        for y in ny:
            (self._folder / "c" / str(row) / str(y)).mkdir(parents=True, exist_ok=True)
        list(self._pool.map(write, product(ny, nx)))

    def _halved(self, n: int) -> NDArray[Any]:
        layer = self._layer[:n]
        if self._labels:
            return layer[::2, ::2, ::2].copy()
        before = layer[0] if self._before is None else self._before

        def halve(k: int) -> NDArray[Any]:
            return _halved_slice(layer[k - 1] if k > 0 else before, layer[k], layer[min(k + 1, n - 1)])

        return np.stack(list(self._pool.map(halve, range(0, n, 2))))
