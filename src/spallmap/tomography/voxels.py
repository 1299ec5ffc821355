"""Groups of voxels in a long list: which ones lie next to each other, whatever the volume's size."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

SLAB = 16
"""Slices that are laid out as an array at a time."""
TOUCHING = 1.8
"""Voxels no further apart than this touch: faces, edges and corners of a voxel."""


def order(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the permutation that sorts voxels by slice, row and column.

    Parameters
    ----------
    index : ndarray of int, shape (n, 3)
        Voxels (z, y, x).

    Returns
    -------
    ndarray of int, shape (n,)
        To be used as an index.
    """
    by: NDArray[np.int64] = np.lexsort((index[:, 2], index[:, 1], index[:, 0]))
    return by


def groups(
    index: NDArray[np.int64],
    reach: float = TOUCHING,
    normal: NDArray[np.floating] | None = None,
    cosine: float = -1.0,
    sine: float = 2.0,
    node: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """Find groups of voxels that are linked.

    Two voxels are linked when they are no further apart than the reach and, where normals are given, lie in
    one sheet: their normals agree irrespective of sign, and the step from one to the other stays in both
    their planes.

    Parameters
    ----------
    index : ndarray of int, shape (n, 3)
        Voxels (z, y, x) in the order of :func:`order`, none twice.
    reach : float
        Largest distance in voxels.
    normal : ndarray, shape (n, 3), optional
        Unit vectors.
    cosine : float
        Least product of two normals.
    sine : float
        Largest product of the step's direction and either normal.
    node : ndarray of int, shape (n,), optional
        Voxels that belong together from the start have the same number, 0 and up; negative ones are left
        out; each voxel is its own where absent.

    Returns
    -------
    ndarray of int, shape (number of nodes,)
        Group of each node, from 0, in the order of the groups' first nodes.
    """
    n = len(index)
    owner = np.arange(n, dtype=np.int64) if node is None else node.astype(np.int64)
    parent = np.arange(int(owner.max(initial=-1)) + 1, dtype=np.int64)
    directions = np.zeros((n, 3), np.float64) if normal is None else normal.astype(np.float64)
    if normal is None:
        cosine, sine = -1.0, 2.0
    offsets = _forward_offsets(reach)
    margin = int(reach)
    if n:
        low, high = index.min(axis=0), index.max(axis=0) + 1
        local = index - low
        plane = (int(high[1] - low[1]) + 2 * margin, int(high[2] - low[2]) + 2 * margin)
        for start in range(0, int(high[0] - low[0]), SLAB):
            first, end, ahead = np.searchsorted(local[:, 0], (start, start + SLAB, start + SLAB + margin))
            if first == end:
                continue
            dense = np.full((SLAB + margin, *plane), -1, dtype=np.int32)
            z, y, x = (local[first:ahead] + np.array([-start, margin, margin])).T
            dense[z, y, x] = np.arange(first, ahead)
            _link(dense, local, start, margin, first, end, offsets, directions, cosine, sine, owner, parent)
    number = np.unique(_roots(parent), return_inverse=True)[1]
    return np.asarray(number, dtype=np.int64)


def _forward_offsets(reach: float) -> NDArray[np.int64]:
    """Half of the offsets within a distance: the other half are these of the other voxel."""
    r = int(reach)
    z, y, x = np.mgrid[0 : r + 1, -r : r + 1, -r : r + 1].reshape(3, -1)
    ahead = (z > 0) | (y > 0) | ((y == 0) & (x > 0))
    near = z * z + y * y + x * x <= reach * reach
    return np.ascontiguousarray(np.stack([z, y, x], axis=1)[ahead & near], dtype=np.int64)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _root(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _roots(parent: NDArray[np.int64]) -> NDArray[np.int64]:
    out = np.empty_like(parent)
    for i in range(parent.shape[0]):
        out[i] = _root(parent, i)
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _in_sheet(
    step_z: int,
    step_y: int,
    step_x: int,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    cosine: float,
    sine: float,
) -> bool:
    if abs(a[0] * b[0] + a[1] * b[1] + a[2] * b[2]) < cosine:
        return False
    limit = sine * np.sqrt(step_z * step_z + step_y * step_y + step_x * step_x)
    return bool(
        abs(step_z * a[0] + step_y * a[1] + step_x * a[2]) <= limit
        and abs(step_z * b[0] + step_y * b[1] + step_x * b[2]) <= limit
    )


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _link(
    dense: NDArray[np.int32],
    local: NDArray[np.int64],
    start: int,
    margin: int,
    first: int,
    end: int,
    offsets: NDArray[np.int64],
    normal: NDArray[np.float64],
    cosine: float,
    sine: float,
    owner: NDArray[np.int64],
    parent: NDArray[np.int64],
) -> None:
    for i in range(first, end):
        z, y, x = local[i, 0] - start, local[i, 1] + margin, local[i, 2] + margin
        for k in range(offsets.shape[0]):
            dz, dy, dx = offsets[k]
            j = dense[z + dz, y + dy, x + dx]
            if j < 0 or owner[j] < 0 or owner[i] < 0:
                continue
            a, b = _root(parent, owner[i]), _root(parent, owner[j])
            if a != b and _in_sheet(dz, dy, dx, normal[i], normal[j], cosine, sine):
                # The smaller number leads, so that the answer does not depend on the order of links.
                if a < b:
                    parent[b] = a
                else:
                    parent[a] = b


def disc_share(
    index: NDArray[np.int64], normal: NDArray[np.floating], group: NDArray[np.int64], radius: float
) -> NDArray[np.float32]:
    """How much of a flat disc around each voxel its own group fills.

    Parameters
    ----------
    index : ndarray of int, shape (n, 3)
        Voxels (z, y, x) in the order of :func:`order`, none twice.
    normal : ndarray, shape (n, 3)
        Unit vectors across the sheet.
    group : ndarray of int, shape (n,)
        Group of each voxel; negative ones are left out.
    radius : float
        The disc's radius in voxels.

    Returns
    -------
    ndarray of float32, shape (n,)
        Number of voxels of the same group within the radius and within a voxel and a half of the voxel's
        own plane, over the disc's area: 1 or more inside a flat sheet.
    """
    share = np.zeros(len(index), dtype=np.float32)
    margin = int(radius)
    if len(index) == 0:
        return share
    forward = _forward_offsets(radius)
    offsets = np.concatenate([forward, -forward])
    low, high = index.min(axis=0), index.max(axis=0) + 1
    local = index - low
    plane = (int(high[1] - low[1]) + 2 * margin, int(high[2] - low[2]) + 2 * margin)
    directions = normal.astype(np.float64)
    for start in range(0, int(high[0] - low[0]), SLAB):
        behind, first, end, ahead = np.searchsorted(
            local[:, 0], (start - margin, start, start + SLAB, start + SLAB + margin)
        )
        if first == end:
            continue
        dense = np.full((SLAB + 2 * margin, *plane), -1, dtype=np.int32)
        z, y, x = (local[behind:ahead] + np.array([margin - start, margin, margin])).T
        dense[z, y, x] = np.arange(behind, ahead)
        _count(dense, local, start - margin, margin, first, end, offsets, directions, group, share)
    share /= np.float32(np.pi * radius * radius)
    return share


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _count(
    dense: NDArray[np.int32],
    local: NDArray[np.int64],
    start: int,
    margin: int,
    first: int,
    end: int,
    offsets: NDArray[np.int64],
    normal: NDArray[np.float64],
    group: NDArray[np.int64],
    share: NDArray[np.float32],
) -> None:
    for i in range(first, end):
        if group[i] < 0:
            continue
        z, y, x = local[i, 0] - start, local[i, 1] + margin, local[i, 2] + margin
        n = 1
        for k in range(offsets.shape[0]):
            dz, dy, dx = offsets[k]
            j = dense[z + dz, y + dy, x + dx]
            away = abs(dz * normal[i, 0] + dy * normal[i, 1] + dx * normal[i, 2])
            if j >= 0 and group[j] == group[i] and away <= 1.5:
                n += 1
        share[i] = n
