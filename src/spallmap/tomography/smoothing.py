"""Compiled filters for blocks: Gaussian smoothing and binary opening, the same in every block.

Every output is a sum over a fixed window in a fixed order, so that a block with its halo gives the very
numbers that the whole volume would.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.tomography.coarse import native

TRUNCATE = 4.0
"""A Gaussian's window ends at this many standard deviations, where 6e-5 of it is left."""


def reach(sigma: float) -> int:
    """Voxels that a Gaussian's window reaches to each side.

    Parameters
    ----------
    sigma : float
        Standard deviation in voxels.

    Returns
    -------
    int
        Half the window.
    """
    return int(TRUNCATE * sigma + 0.5)


def smoothed(padded: NDArray[Any], sigma: float, sigma_z: float | None = None) -> NDArray[np.float32]:
    """Smooth a block that carries its halo, and take the halo off.

    Parameters
    ----------
    padded : ndarray, shape (nz + 2 h, ny + 2 h, nx + 2 h)
        Grey values with a halo of ``h = reach(sigma)`` voxels.
    sigma : float
        Standard deviation in voxels.
    sigma_z : float, optional
        Another one along z, with its own halo.

    Returns
    -------
    ndarray of float32, shape (nz, ny, nx)
        The smoothed block.
    """
    taps = _taps(sigma)
    taps_z = taps if sigma_z is None else _taps(sigma_z)
    n, nz = len(taps) - 1, len(taps_z) - 1
    shape = padded.shape
    out = np.empty((shape[0] - 2 * nz, shape[1] - 2 * n, shape[2] - 2 * n), dtype=np.float32)
    _smooth(native(padded), taps_z, taps, out)
    return out


def _taps(sigma: float) -> NDArray[np.float32]:
    """Half of a Gaussian window, from its middle outwards."""
    t = np.arange(reach(sigma) + 1)
    half = np.exp(-0.5 * (t / sigma) ** 2) if sigma > 0.0 else np.ones(1)
    taps: NDArray[np.float32] = (half / (2.0 * half.sum() - half[0])).astype(np.float32)
    return taps


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _smooth(
    a: NDArray[Any], taps_z: NDArray[np.float32], taps: NDArray[np.float32], out: NDArray[np.float32]
) -> None:
    n, m = len(taps) - 1, len(taps_z) - 1
    ny, nx = a.shape[1], a.shape[2]
    plane = np.empty((ny, nx), dtype=np.float32)
    row = np.empty(nx, dtype=np.float32)
    for k in range(out.shape[0]):
        for j in range(ny):
            for i in range(nx):
                plane[j, i] = taps_z[0] * np.float32(a[k + m, j, i])
            for t in range(1, m + 1):
                w = taps_z[t]
                for i in range(nx):
                    plane[j, i] += w * (np.float32(a[k + m - t, j, i]) + np.float32(a[k + m + t, j, i]))
        for j in range(out.shape[1]):
            for i in range(nx):
                row[i] = taps[0] * plane[j + n, i]
            for t in range(1, n + 1):
                w = taps[t]
                for i in range(nx):
                    row[i] += w * (plane[j + n - t, i] + plane[j + n + t, i])
            for i in range(out.shape[2]):
                out[k, j, i] = taps[0] * row[i + n]
            for t in range(1, n + 1):
                w = taps[t]
                for i in range(out.shape[2]):
                    out[k, j, i] += w * (row[i + n - t] + row[i + n + t])


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
