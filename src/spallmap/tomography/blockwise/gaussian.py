"""Compiled Gaussian smoothing of blocks, the same in every block.

Every output is a sum over a fixed window in a fixed order, so that a block with its halo gives the very
numbers that the whole volume would.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.tomography.blockwise.coarse import native

# Gaussians end at this many standard deviations, where 6e-5 of them is left, as in scipy.
TRUNCATE = 4.0


def gaussian_taps(sigma: float) -> NDArray[np.float32]:
    """Weights of a sampled Gaussian from its middle outwards; both sides together sum to 1.

    Parameters
    ----------
    sigma : float
        Standard deviation in voxels; 0 smooths nothing.

    Returns
    -------
    ndarray of float32, shape (radius + 1,)
        The middle first.
    """
    k = np.arange(int(TRUNCATE * sigma + 0.5) + 1)
    w = np.exp(-0.5 * (k / sigma) ** 2) if sigma > 0.0 else np.ones(1)
    taps: NDArray[np.float32] = (w / (2.0 * w.sum() - w[0])).astype(np.float32)
    return taps


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def smooth_plane(
    grey: NDArray[Any],
    z: int,
    taps_z: NDArray[np.float32],
    taps: NDArray[np.float32],
    first: NDArray[np.float32],
    second: NDArray[np.float32],
    shift: int,
    out: NDArray[np.float32],
) -> None:
    """Gaussian of one plane of a block, `shift` voxels short of the block at each side along y and x."""
    radius = taps.shape[0] - 1
    ny, nx = first.shape
    my, mx = out.shape
    for y in range(ny):
        row, source = first[y], grey[z, y]
        for x in range(nx):
            row[x] = taps_z[0] * np.float32(source[x])
        for k in range(1, taps_z.shape[0]):
            low, high, w = grey[z - k, y], grey[z + k, y], taps_z[k]
            for x in range(nx):
                row[x] += w * (np.float32(low[x]) + np.float32(high[x]))
    for y in range(my):
        row, source = second[y], first[y + shift]
        for x in range(nx):
            row[x] = taps[0] * source[x]
        for k in range(1, radius + 1):
            low, high, w = first[y + shift - k], first[y + shift + k], taps[k]
            for x in range(nx):
                row[x] += w * (low[x] + high[x])
    for y in range(my):
        row, source = out[y], second[y, shift : shift + mx]
        for x in range(mx):
            row[x] = taps[0] * source[x]
        for k in range(1, radius + 1):
            low = second[y, shift - k : shift - k + mx]
            high = second[y, shift + k : shift + k + mx]
            w = taps[k]
            for x in range(mx):
                row[x] += w * (low[x] + high[x])


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def smooth_block(
    grey: NDArray[Any], taps: NDArray[np.float32], taps_z: NDArray[np.float32] | None = None
) -> NDArray[np.float32]:
    """Smooth a block by a Gaussian.

    Parameters
    ----------
    grey : ndarray, shape (nz, ny, nx)
        A block with a halo of the Gaussian's radius.
    taps : ndarray of float32
        From :func:`gaussian_taps`.
    taps_z : ndarray of float32, optional
        Others along z, with their own halo.

    Returns
    -------
    ndarray of float32
        The block without its halo.
    """
    along_z = taps if taps_z is None else taps_z
    radius, radius_z = taps.shape[0] - 1, along_z.shape[0] - 1
    nz, ny, nx = grey.shape[0] - 2 * radius_z, grey.shape[1] - 2 * radius, grey.shape[2] - 2 * radius
    out = np.empty((nz, ny, nx), dtype=np.float32)
    first = np.empty(grey.shape[1:], dtype=np.float32)
    second = np.empty((ny, grey.shape[2]), dtype=np.float32)
    for z in range(nz):
        smooth_plane(grey, z + radius_z, along_z, taps, first, second, radius, out[z])
    return out


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
    return len(gaussian_taps(sigma)) - 1


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
    taps = gaussian_taps(sigma)
    taps_z = taps if sigma_z is None else gaussian_taps(sigma_z)
    smooth: NDArray[np.float32] = smooth_block(native(padded), taps, taps_z)
    return smooth
