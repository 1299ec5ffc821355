"""Distances that matter only nearby, for blocks of a volume."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def capped_distance(mask: NDArray[np.bool_], cap: int) -> NDArray[np.float32]:
    """Euclidean distance to the nearest voxel outside a mask, as far as a cap.

    Unlike a full distance transform this depends on a neighbourhood alone, so that a block that is read with
    a halo of `cap` voxels gives the whole volume's answer; and it is several times faster.

    Parameters
    ----------
    mask : ndarray of bool, shape (nz, ny, nx)
        Inside; beyond the array nothing is known, and no distance is measured to there.
    cap : int
        Largest distance in voxels, below 100.

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)
        0 outside the mask, exact up to the cap, the cap where it is farther.
    """
    if not 0 < cap < 100:
        raise ValueError(f"a cap between 1 and 99 voxels is needed; got {cap}")
    squared = _squared(np.ascontiguousarray(mask), cap)
    distance: NDArray[np.float32] = np.sqrt(np.minimum(squared, cap * cap).astype(np.float32))
    return distance


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _squared(mask: NDArray[np.bool_], cap: int) -> NDArray[np.int16]:
    """Squared distances, not capped where they are larger."""
    nz, ny, nx = mask.shape
    far = np.int16(cap * cap + 1)
    along = np.empty((nz, ny, nx), dtype=np.int16)
    for z in range(nz):
        for y in range(ny):
            run = cap + 1
            for x in range(nx):
                run = min(run + 1, cap + 1) if mask[z, y, x] else 0
                along[z, y, x] = run
            run = cap + 1
            for x in range(nx - 1, -1, -1):
                run = min(run + 1, cap + 1) if mask[z, y, x] else 0
                least = min(run, along[z, y, x])
                along[z, y, x] = min(far, np.int16(least * least))
    plane = np.empty((ny, nx), dtype=np.int16)
    for z in range(nz):
        for y in range(ny):
            row = plane[y]
            for x in range(nx):
                row[x] = along[z, y, x]
            for k in range(max(-cap, -y), min(cap, ny - 1 - y) + 1):
                other, add = along[z, y + k], np.int16(k * k)
                for x in range(nx):
                    value = np.int16(other[x] + add)
                    row[x] = value if value < row[x] else row[x]
        along[z] = plane
    out = np.empty((nz, ny, nx), dtype=np.int16)
    for z in range(nz):
        for y in range(ny):
            row = out[z, y]
            for x in range(nx):
                row[x] = along[z, y, x]
            for k in range(max(-cap, -z), min(cap, nz - 1 - z) + 1):
                other, add = along[z + k, y], np.int16(k * k)
                for x in range(nx):
                    value = np.int16(other[x] + add)
                    row[x] = value if value < row[x] else row[x]
    return out
