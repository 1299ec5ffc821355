"""Compiled inner loops of the section registration."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@njit(cache=True, nogil=True, fastmath=False)  # type: ignore[untyped-decorator]
def cut_slices(
    channels: NDArray[np.float32],
    start: NDArray[np.float64],
    row_step: NDArray[np.float64],
    column_step: NDArray[np.float64],
    out: NDArray[np.float32],
) -> None:
    """Cut parallel planes out of a multi-channel volume by linear interpolation; 0 outside.

    Parameters
    ----------
    channels : ndarray of float32, shape (n_channels, nz, ny, nx)
        The volume.
    start : ndarray, shape (n_planes, 3)
        Index (z, y, x) of each plane's first sample.
    row_step, column_step : ndarray, shape (3,)
        Index step from row to row and from column to column.
    out : ndarray of float32, shape (n_planes, n_channels, n_rows, n_columns)
        Filled with the planes; samples beyond n_rows or n_columns are the caller's.
    """
    n_channels, nz, ny, nx = channels.shape
    for k in range(out.shape[0]):
        for i in range(out.shape[2]):
            for j in range(out.shape[3]):
                z = start[k, 0] + i * row_step[0] + j * column_step[0]
                y = start[k, 1] + i * row_step[1] + j * column_step[1]
                x = start[k, 2] + i * row_step[2] + j * column_step[2]
                if z < 0 or y < 0 or x < 0 or z > nz - 1 or y > ny - 1 or x > nx - 1:
                    for c in range(n_channels):
                        out[k, c, i, j] = 0.0
                    continue
                iz, iy, ix = min(int(z), nz - 2), min(int(y), ny - 2), min(int(x), nx - 2)
                fz, fy, fx = z - iz, y - iy, x - ix
                for c in range(n_channels):
                    v = channels[c]
                    low = (v[iz, iy, ix] * (1 - fx) + v[iz, iy, ix + 1] * fx) * (1 - fy) + (
                        v[iz, iy + 1, ix] * (1 - fx) + v[iz, iy + 1, ix + 1] * fx
                    ) * fy
                    high = (v[iz + 1, iy, ix] * (1 - fx) + v[iz + 1, iy, ix + 1] * fx) * (1 - fy) + (
                        v[iz + 1, iy + 1, ix] * (1 - fx) + v[iz + 1, iy + 1, ix + 1] * fx
                    ) * fy
                    out[k, c, i, j] = low * (1 - fz) + high * fz


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _interpolated(volume: NDArray[Any], z: float, y: float, x: float) -> tuple[float, float, float, float]:
    """Interpolate linearly at an index inside the volume: value, and derivatives by z, y and x index."""
    nz, ny, nx = volume.shape
    iz, iy, ix = min(int(z), nz - 2), min(int(y), ny - 2), min(int(x), nx - 2)
    fz, fy, fx = z - iz, y - iy, x - ix
    a, b = float(volume[iz, iy, ix]), float(volume[iz, iy, ix + 1])
    c, d = float(volume[iz, iy + 1, ix]), float(volume[iz, iy + 1, ix + 1])
    e, f = float(volume[iz + 1, iy, ix]), float(volume[iz + 1, iy, ix + 1])
    g, h = float(volume[iz + 1, iy + 1, ix]), float(volume[iz + 1, iy + 1, ix + 1])
    ab, cd, ef, gh = a + fx * (b - a), c + fx * (d - c), e + fx * (f - e), g + fx * (h - g)
    low, high = ab + fy * (cd - ab), ef + fy * (gh - ef)
    by_y = (1 - fz) * (cd - ab) + fz * (gh - ef)
    by_x = (1 - fz) * ((1 - fy) * (b - a) + fy * (d - c)) + fz * ((1 - fy) * (f - e) + fy * (h - g))
    return low + fz * (high - low), high - low, by_y, by_x


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sample_with_gradient(
    volume: NDArray[Any],
    indices: NDArray[np.float64],
    values: NDArray[np.float64],
    gradients: NDArray[np.float64],
    inside: NDArray[np.bool_],
) -> None:
    """Interpolate linearly, with the interpolant's own gradient.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        The samples.
    indices : ndarray, shape (n, 3)
        Where, as (z, y, x) indices.
    values : ndarray, shape (n,)
        Filled with the values; 0 outside.
    gradients : ndarray, shape (n, 3)
        Filled with the derivative by z, y and x index.
    inside : ndarray of bool, shape (n,)
        Filled: whether the point lies within the volume.
    """
    nz, ny, nx = volume.shape
    for k in range(indices.shape[0]):
        z, y, x = indices[k, 0], indices[k, 1], indices[k, 2]
        if z < 0 or y < 0 or x < 0 or z > nz - 1 or y > ny - 1 or x > nx - 1:
            values[k] = 0.0
            inside[k] = False
            gradients[k, :] = 0.0
            continue
        inside[k] = True
        value, slope_z, slope_y, slope_x = _interpolated(volume, z, y, x)
        values[k] = value
        gradients[k, 0], gradients[k, 1], gradients[k, 2] = slope_z, slope_y, slope_x


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def normal_equations(
    volume: NDArray[np.float32],
    scale: NDArray[np.float64],
    points: NDArray[np.float64],
    basis: NDArray[np.float64],
    added: NDArray[np.float64],
    weights: NDArray[np.float64],
    axes: NDArray[np.float64],
    centre: NDArray[np.float64],
    gram: NDArray[np.float64],
) -> tuple[float, float]:
    """Sum the products of classes, derivatives and grey over a section's points at a pose.

    Parameters
    ----------
    volume : ndarray of float32, shape (nz, ny, nx)
        The samples.
    scale : ndarray, shape (3,)
        Spacing along z, y and x.
    points : ndarray, shape (n, 2)
        Own coordinates (u, v) relative to the field's centre.
    basis : ndarray, shape (n, 4)
        Fractions of the classes.
    added : ndarray, shape (n,)
        Added to the grey that is met at each point.
    weights : ndarray, shape (n,)
        Weight of each point.
    axes : ndarray, shape (3, 2)
        Where the own axes u and v go, lengths included.
    centre : ndarray, shape (3,)
        Where the field's centre goes, from the first voxel on.
    gram : ndarray, shape (13, 13)
        Filled with the weighted sums of products of: the four fractions; the derivatives of the grey by
        rotation (x, y, z), shift (x, y, z), common and uneven stretch; the grey.

    Returns
    -------
    weight, weighted_grey : float
        Sums over the points inside the volume.
    """
    nz, ny, nx = volume.shape
    row = np.empty(13)
    gram[:, :] = 0.0
    total, grey_sum = 0.0, 0.0
    for k in range(points.shape[0]):
        u, v = points[k, 0], points[k, 1]
        ux, uy, uz = axes[0, 0] * u, axes[1, 0] * u, axes[2, 0] * u
        vx, vy, vz = axes[0, 1] * v, axes[1, 1] * v, axes[2, 1] * v
        ax, ay, az = ux + vx, uy + vy, uz + vz
        z, y, x = (az + centre[2]) / scale[0], (ay + centre[1]) / scale[1], (ax + centre[0]) / scale[2]
        if z < 0 or y < 0 or x < 0 or z > nz - 1 or y > ny - 1 or x > nx - 1:
            continue
        grey, by_z, by_y, by_x = _interpolated(volume, z, y, x)
        grey += added[k]
        sz, sy, sx = by_z / scale[0], by_y / scale[1], by_x / scale[2]
        along_u, along_v = sx * ux + sy * uy + sz * uz, sx * vx + sy * vy + sz * vz
        row[0], row[1], row[2], row[3] = basis[k, 0], basis[k, 1], basis[k, 2], basis[k, 3]
        row[4], row[5], row[6] = ay * sz - az * sy, az * sx - ax * sz, ax * sy - ay * sx
        row[7], row[8], row[9] = sx, sy, sz
        row[10], row[11] = along_u + along_v, (along_u - along_v) / 2.0
        row[12] = grey
        weight = weights[k]
        total += weight
        grey_sum += weight * grey
        for i in range(13):
            left = weight * row[i]
            for j in range(i, 13):
                gram[i, j] += left * row[j]
    for i in range(13):
        for j in range(i):
            gram[i, j] = gram[j, i]
    return total, grey_sum
