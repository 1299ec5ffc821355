"""Ridges of the plate response: the middle layer of a sheet, one voxel thick."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.tomography.plate import sheet_normals

NORMAL_SIGMA_VOXELS = 1.5
"""Smoothing before the direction across a sheet is taken; the middle of the filter's scales."""
DISTANCE_NEAR = 2.5
"""Within this many voxels of the ceramic's surface, sheets that run along it are the surface's own
roughness."""
ALONG_SURFACE = 0.8
"""Cosine between the two normals above which a sheet runs along the surface (37 degrees)."""


def ridge_voxels(
    response: NDArray[np.float32],
    grey: NDArray[np.float32],
    candidates: NDArray[np.bool_],
    distance: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Voxels where the response is largest along the sheet's normal.

    Parameters
    ----------
    response : ndarray of float32, shape (nz, ny, nx)
        Plate response.
    grey : ndarray of float32
        Grey values on the same grid.
    candidates : ndarray of bool
        Where to look; must not touch the two outermost layers of the grid.
    distance : ndarray of float32
        Distance to the ceramic's surface in voxels.

    Returns
    -------
    index : ndarray of int, shape (n, 3)
        Voxels of the ridge.
    normal : ndarray, shape (n, 3)
        Unit vectors (z, y, x) across the sheet.
    """
    index = np.argwhere(candidates)
    if len(index) == 0:
        return index, np.zeros((0, 3))
    normal = sheet_normals(ndimage.gaussian_filter(grey, NORMAL_SIGMA_VOXELS, mode="nearest"), index)
    keep = _is_maximum(response, index, normal)
    index, normal = index[keep], normal[keep]
    z, y, x = index.T
    near = np.flatnonzero(distance[z, y, x] <= DISTANCE_NEAR)
    outward = _gradient(ndimage.gaussian_filter(np.minimum(distance, 6.0), 2.0), index[near])
    along = np.abs(np.einsum("ij,ij->i", outward, normal[near])) > ALONG_SURFACE
    keep = np.ones(len(index), dtype=bool)
    keep[near[along]] = False
    return index[keep], normal[keep]


def _gradient(field: NDArray[np.float32], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the unit gradient at voxels that are not on the border."""
    steps = np.eye(3, dtype=np.int64)
    parts = [field[tuple((index + s).T)] - field[tuple((index - s).T)] for s in steps]
    gradient = np.stack(parts, axis=1).astype(np.float64)
    length = np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-12)
    unit: NDArray[np.float64] = gradient / length
    return unit


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _at(R: NDArray[np.float32], z: float, y: float, x: float) -> float:
    i, j, k = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    a, b, c = z - i, y - j, x - k
    low = (R[i, j, k] * (1 - c) + R[i, j, k + 1] * c) * (1 - b) + (
        R[i, j + 1, k] * (1 - c) + R[i, j + 1, k + 1] * c
    ) * b
    high = (R[i + 1, j, k] * (1 - c) + R[i + 1, j, k + 1] * c) * (1 - b) + (
        R[i + 1, j + 1, k] * (1 - c) + R[i + 1, j + 1, k + 1] * c
    ) * b
    return float(low * (1 - a) + high * a)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_maximum(
    R: NDArray[np.float32], index: NDArray[np.int64], normal: NDArray[np.float64]
) -> NDArray[np.bool_]:
    keep = np.zeros(index.shape[0], dtype=np.bool_)
    for i in range(index.shape[0]):
        z, y, x = index[i]
        a, b, c = normal[i]
        here = R[z, y, x]
        keep[i] = here >= _at(R, z + a, y + b, x + c) and here > _at(R, z - a, y - b, x - c)
    return keep
