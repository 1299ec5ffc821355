"""Groups of voxels in a long list: which ones lie next to each other, whatever the volume's size."""

from __future__ import annotations

from math import isqrt

import numba
import numpy as np
from numpy.typing import NDArray

# Voxels no further apart than this touch: faces, edges and corners of a voxel.
TOUCHING = 1.8


def order(index: NDArray[np.integer]) -> NDArray[np.int64]:
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
    index: NDArray[np.integer],
    reach: float = TOUCHING,
    normal: NDArray[np.floating] | None = None,
    cosine: float = -1.0,
    sine: float = 2.0,
    node: NDArray[np.integer] | None = None,
) -> NDArray[np.int64]:
    """Find groups of voxels that are linked.

    Two voxels are linked when they are no further apart than the reach and, where normals are given, lie in
    one sheet: their normals agree irrespective of sign, and the step from one to the other stays in both
    their planes. Beside the answer this needs memory for the volume's rows alone.

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
    parent = np.arange(n if node is None else int(node.max(initial=-1)) + 1, dtype=np.int64)
    if n:
        # A step leads to the row of a later voxel and to a range of columns there.
        directions = np.empty((0, 3), np.float32) if normal is None else normal
        owner = np.empty(0, np.int64) if node is None else node
        _link(index, _rows(index), _spans(reach), directions, cosine, sine, owner, parent)
    _number(parent)
    return parent


def _spans(reach: float) -> NDArray[np.int64]:
    """Half of the offsets within a distance as rows: slice, row, first and last column of each.

    The other half are these of the other voxel.
    """
    r = int(reach)
    spans = []
    for z in range(r + 1):
        for y in range(-r if z else 0, r + 1):
            rest = int(reach * reach - z * z - y * y)
            if rest >= 0:
                width = isqrt(rest)
                spans.append((z, y, -width if z or y else 1, width))
    return np.array(spans, dtype=np.int64)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _rows(index: NDArray[np.integer]) -> NDArray[np.int64]:
    """Where each row of the volume begins in the list, from the first voxel's slice to the last one's."""
    slices = index[-1, 0] - index[0, 0] + 1
    first = np.full((slices, index[:, 1].max() + 2), index.shape[0], dtype=np.int64)
    flat = first.ravel()
    done = 0
    for i in range(index.shape[0]):
        row = (index[i, 0] - index[0, 0]) * first.shape[1] + index[i, 1]
        while done <= row:
            flat[done] = i
            done += 1
    return first


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _root(parent: NDArray[np.int64], i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _number(parent: NDArray[np.int64]) -> None:
    """Put the number of its group in place of each node's parent; a group's first node is its root."""
    for i in range(parent.shape[0]):
        parent[i] = _root(parent, i)
    n = 0
    for i in range(parent.shape[0]):
        if parent[i] == i:
            parent[i] = n
            n += 1
        else:
            parent[i] = parent[parent[i]]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _in_sheet(
    step_z: int,
    step_y: int,
    step_x: int,
    a: NDArray[np.floating],
    b: NDArray[np.floating],
    cosine: float,
    sine: float,
) -> bool:
    az, ay, ax = float(a[0]), float(a[1]), float(a[2])
    bz, by, bx = float(b[0]), float(b[1]), float(b[2])
    if abs(az * bz + ay * by + ax * bx) < cosine:
        return False
    limit = sine * np.sqrt(step_z * step_z + step_y * step_y + step_x * step_x)
    return bool(
        abs(step_z * az + step_y * ay + step_x * ax) <= limit
        and abs(step_z * bz + step_y * by + step_x * bx) <= limit
    )


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _link(
    index: NDArray[np.integer],
    rows: NDArray[np.int64],
    spans: NDArray[np.int64],
    normal: NDArray[np.floating],
    cosine: float,
    sine: float,
    owner: NDArray[np.integer],
    parent: NDArray[np.int64],
) -> None:
    at, end = np.zeros(spans.shape[0], dtype=np.int64), np.zeros(spans.shape[0], dtype=np.int64)
    for i in range(index.shape[0]):
        z, y, x = index[i, 0] - index[0, 0], index[i, 1], index[i, 2]
        if i == 0 or index[i - 1, 0] != index[i, 0] or index[i - 1, 1] != y:
            for k in range(spans.shape[0]):
                at[k] = end[k] = 0
                row, column = z + spans[k, 0], y + spans[k, 1]
                if row < rows.shape[0] and 0 <= column < rows.shape[1] - 1:
                    at[k], end[k] = rows[row, column], rows[row, column + 1]
        if owner.shape[0] and owner[i] < 0:
            continue
        for k in range(spans.shape[0]):
            # Along a row the columns rise, so each range begins where the last one did or later.
            while at[k] < end[k] and index[at[k], 2] < x + spans[k, 2]:
                at[k] += 1
            j = at[k]
            while j < end[k] and index[j, 2] <= x + spans[k, 3]:
                if owner.shape[0] == 0:
                    a, b = _root(parent, i), _root(parent, j)
                elif owner[j] >= 0:
                    a, b = _root(parent, owner[i]), _root(parent, owner[j])
                else:
                    a, b = 0, 0
                if a != b and (
                    normal.shape[0] == 0
                    or _in_sheet(
                        spans[k, 0], spans[k, 1], index[j, 2] - x, normal[i], normal[j], cosine, sine
                    )
                ):
                    # The smaller number leads, so that the answer does not depend on the order of links.
                    if a < b:
                        parent[b] = a
                    else:
                        parent[a] = b
                j += 1
