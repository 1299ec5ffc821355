"""Compiled binary opening of blocks, the same in every block."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


def opened(mask: NDArray[np.bool_], radius: int, regrow: int) -> NDArray[np.bool_]:
    """Keep what a cube fits into, with what lies next to it in the mask; take the halo off.

    Parameters
    ----------
    mask : ndarray of bool, shape (nz + 2 h, ny + 2 h, nx + 2 h)
        With a halo of ``h = radius + regrow`` voxels.
    radius : int
        The cube has ``2 radius + 1`` voxels along each edge.
    regrow : int
        Voxels up to this far (along each axis) from such a cube's middle stay.

    Returns
    -------
    ndarray of bool, shape (nz, ny, nx)
        The opened mask.
    """
    h = radius + regrow
    grown = _spread(_spread(mask.view(np.uint8), radius, True), regrow, False)
    n = mask.shape
    own = mask[h : n[0] - h, h : n[1] - h, h : n[2] - h]
    result: NDArray[np.bool_] = grown.view(np.bool_) & own
    return result


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _spread(mask: NDArray[np.uint8], radius: int, shrink: bool) -> NDArray[np.uint8]:
    """Erosion or dilation by a cube, without the border that its window does not fill."""
    nz, ny, nx = mask.shape
    r = radius
    flip = np.uint8(1) if shrink else np.uint8(0)
    out = np.empty((nz - 2 * r, ny - 2 * r, nx - 2 * r), dtype=np.uint8)
    plane = np.empty((ny, nx), dtype=np.uint8)
    row = np.empty(nx, dtype=np.uint8)
    for k in range(nz - 2 * r):
        for j in range(ny):
            for i in range(nx):
                plane[j, i] = mask[k, j, i] ^ flip
            for t in range(1, 2 * r + 1):
                for i in range(nx):
                    plane[j, i] |= mask[k + t, j, i] ^ flip
        for j in range(ny - 2 * r):
            for i in range(nx):
                row[i] = plane[j, i]
            for t in range(1, 2 * r + 1):
                for i in range(nx):
                    row[i] |= plane[j + t, i]
            for i in range(nx - 2 * r):
                out[k, j, i] = row[i]
            for t in range(1, 2 * r + 1):
                for i in range(nx - 2 * r):
                    out[k, j, i] |= row[i + t]
            for i in range(nx - 2 * r):
                out[k, j, i] ^= flip
    return out
