"""Volumes that are computed block by block while they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from spallmap.blocks import Region, inner, map_blocks, tiles
from spallmap.results.ome_zarr import VolumeWriter
from spallmap.results.pyramid import CHUNK

# Largest block that is computed at a time.
BLOCK = (CHUNK, 256, 256)
# The same where the source is an instrument's file, which is read fastest by whole slices.
WHOLE_SLICES = (16, 1 << 30, 1 << 30)


def write_slabs(
    path: Path | str,
    shape: Sequence[int],
    dtype: DTypeLike,
    spacing_um: Sequence[float],
    compute: Callable[[Region], NDArray[Any]],
    *,
    labels: bool = False,
    threads: int = 1,
    block: Sequence[int] = BLOCK,
) -> None:
    """Write a volume as OME-Zarr that is computed while it is written.

    Parameters
    ----------
    path : Path or str
        The folder, ending in ``.ome.zarr``; it appears when everything is written.
    shape : sequence of int
        Number of voxels along z, y and x.
    dtype : dtype
        Of the voxels.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    compute : callable
        Gives the voxels of a region.
    labels : bool
        Whether these are labels, whose pyramid keeps values as they are.
    threads : int
        Threads that compute, pack and smooth.
    block : sequence of int
        Largest number of voxels along z, y and x that are computed at a time.

    Examples
    --------
    >>> import tempfile
    >>> from spallmap.results.ome_zarr import read_volume
    >>> grey = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "v.ome.zarr")
    ...     write_slabs(path, grey.shape, np.uint8, (5.0, 4.0, 4.0), lambda region: 2 * grey[region])
    ...     bool((read_volume(path).data == 2 * grey).all())
    True
    """
    nz, ny, nx = shape
    with VolumeWriter(path, shape, dtype, spacing_um, labels=labels, threads=threads) as writer:
        for start in range(0, nz, CHUNK):
            layer = (slice(start, min(start + CHUNK, nz)), slice(0, ny), slice(0, nx))
            slab = np.empty((layer[0].stop - start, ny, nx), dtype=dtype)
            parts = tiles(layer, block)
            for part, values in zip(parts, map_blocks(compute, parts, threads), strict=True):
                slab[inner(part, layer)] = values
            writer.write(start, slab)
