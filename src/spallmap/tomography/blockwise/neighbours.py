"""Points of one sheet around each point, found through a grid of cells.

`scipy.spatial.cKDTree.sparse_distance_matrix`, with the same conditions asked afterwards, finds the same
neighbours, but takes ten times as long and four to six times the memory (90,000 points of a wavy sheet,
reaches of 4 and 5 voxels): it holds all pairs with their distances in double precision.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

# Edge of a cell; no neighbour is sought further away.
CELL_VOXELS = 5.0
# Points whose neighbours are held at a time: some 40 MB.
CHUNK_POINTS = 100_000
# Neighbours on one sheet have normals within 45 degrees: noise rotates single ones by 20.
SAME_COSINE = 0.7
# Neighbours on one sheet lie within 1.2 voxels of a point's tangent plane, and 0.3 of their distance: ridges
# may be two voxels thick and sheets are bent.
OFF_PLANE = 1.2
OFF_PLANE_FRACTION = 0.3


@dataclass(frozen=True)
class Around:
    """Neighbours of a run of points, as compressed rows.

    Parameters
    ----------
    rows : slice
        The points.
    starts : ndarray of int, shape (m + 1,)
        Where each point's neighbours begin in `members`.
    members : ndarray of int32
        Neighbours, the point itself among them.
    distance : ndarray of float32
        Their distances in voxels.
    """

    rows: slice
    starts: NDArray[np.int64]
    members: NDArray[np.int32]
    distance: NDArray[np.float32]

    def mean(self, values: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
        """Average values over the neighbours with Gaussian weights.

        Parameters
        ----------
        values : ndarray, shape (n, k)
            Values at all points.
        sigma : float
            Standard deviation of the weights in voxels.

        Returns
        -------
        ndarray, shape (m, k)
            Averages at this run's points.
        """
        mean: NDArray[np.float64] = _mean(self.starts, self.members, self.distance, values, sigma)
        return mean

    def mean_of_finite(
        self, values: NDArray[np.float32], sigma: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Average values over the neighbours where they are numbers.

        Parameters
        ----------
        values : ndarray of float32, shape (n, k)
            Values at all points; NaN where there is none.
        sigma : float
            Standard deviation of the weights in voxels.

        Returns
        -------
        total, fraction : ndarray, shape (m, k)
            Sum of the weighted values, and fraction of the weights that had a value.
        """
        total, fraction = _finite(self.starts, self.members, self.distance, values, sigma)
        return total, fraction

    def quantile(self, values: NDArray[np.float64], fraction: float) -> NDArray[np.float64]:
        """Quantile of values over the neighbours.

        Parameters
        ----------
        values : ndarray, shape (n,)
            Values at all points.
        fraction : float
            Which quantile.

        Returns
        -------
        ndarray, shape (m,)
            It, interpolated linearly.
        """
        result: NDArray[np.float64] = _quantile(self.starts, self.members, values, fraction)
        return result


@dataclass(frozen=True)
class PointGrid:
    """Points sorted into cells.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Points in voxels.
    group : ndarray of int32, shape (n,)
        Only points of one group are neighbours.
    keys : ndarray of int64, shape (n_cells,)
        Cells that hold points, in rising order.
    starts : ndarray of int64, shape (n_cells + 1,)
        Where each cell's points begin in `order`.
    order : ndarray of int32, shape (n,)
        Points, cell by cell.
    strides : ndarray of int64, shape (2,)
        Cells along x, and along y and x.
    """

    points: NDArray[np.float64]
    group: NDArray[np.int32]
    keys: NDArray[np.int64]
    starts: NDArray[np.int64]
    order: NDArray[np.int32]
    strides: NDArray[np.int64]

    def around(
        self, radius: float, normals: NDArray[np.float64] | None = None, rows: NDArray[np.int64] | None = None
    ) -> Iterator[Around]:
        """Find the neighbours of all points, a run of points at a time.

        Parameters
        ----------
        radius : float
            Reach in voxels, at most :data:`CELL_VOXELS`.
        normals : ndarray, shape (n, 3), optional
            Unit vectors across the sheet; where given, only neighbours on the same sheet count.
        rows : ndarray of int, optional
            The points whose neighbours are wanted; all of them where absent.

        Yields
        ------
        Around
            Runs of :data:`CHUNK_POINTS`; their slices count within `rows` where these are given.
        """
        if radius > CELL_VOXELS:
            raise ValueError(f"a reach of at most {CELL_VOXELS} voxels is possible; got {radius}")
        across = np.zeros((0, 3)) if normals is None else normals
        wanted = np.arange(len(self.points)) if rows is None else rows
        for start in range(0, len(wanted), CHUNK_POINTS):
            part = slice(start, min(start + CHUNK_POINTS, len(wanted)))
            starts, members, distance = _around(
                self.points,
                self.group,
                across,
                self.keys,
                self.starts,
                self.order,
                self.strides,
                wanted[part],
                radius,
            )
            yield Around(part, starts, members, distance)


def cell_order(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """Order points by cell, then by z, y and x.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Points in voxels, none of them negative by more than a cell.

    Returns
    -------
    ndarray of int, shape (n,)
        Their order, which does not depend on the one that they come in.
    """
    z, y, x = points.T
    order: NDArray[np.int64] = np.lexsort((x, y, z, _keys(points)[0]))
    return order


def point_grid(points: NDArray[np.float64], group: NDArray[np.int32]) -> PointGrid:
    """Sort points into cells.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Points in voxels, none of them negative by more than a cell. In the order of :func:`cell_order`
        they are worked on fastest.
    group : ndarray of int32, shape (n,)
        Only points of one group are neighbours.

    Returns
    -------
    PointGrid
        The cells.
    """
    keys, strides = _keys(points)
    order = np.argsort(keys, kind="stable")
    cells, starts = np.unique(keys[order], return_index=True)
    ends = np.append(starts, len(points)).astype(np.int64)
    return PointGrid(
        np.ascontiguousarray(points, dtype=np.float64),
        np.ascontiguousarray(group, dtype=np.int32),
        cells,
        ends,
        order.astype(np.int32),
        strides,
    )


def _keys(points: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    # A margin of one cell to all sides keeps neighbouring keys of border cells apart.
    cell = np.floor(points / CELL_VOXELS).astype(np.int64) + 2
    nx, ny = (int(cell[:, a].max(initial=0)) + 3 for a in (2, 1))
    strides = np.array([nx, nx * ny], dtype=np.int64)
    return cell[:, 0] * strides[1] + cell[:, 1] * strides[0] + cell[:, 2], strides


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _around(
    points: NDArray[np.float64],
    group: NDArray[np.int32],
    normals: NDArray[np.float64],
    keys: NDArray[np.int64],
    cell_starts: NDArray[np.int64],
    order: NDArray[np.int32],
    strides: NDArray[np.int64],
    rows: NDArray[np.int64],
    radius: float,
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float32]]:
    starts = np.zeros(rows.size + 1, dtype=np.int64)
    members = np.empty(64 * rows.size + 64, dtype=np.int32)
    distance = np.empty(members.size, dtype=np.float32)
    first = np.empty(9, dtype=np.int64)
    last = np.empty(9, dtype=np.int64)
    used, known = 0, -1
    limit = radius * radius
    for k in range(rows.size):
        i = rows[k]
        pz, py, px = points[i]
        key = (
            (int(np.floor(pz / CELL_VOXELS)) + 2) * strides[1]
            + (int(np.floor(py / CELL_VOXELS)) + 2) * strides[0]
            + int(np.floor(px / CELL_VOXELS))
            + 2
        )
        if key != known:
            known = key
            m = 0
            for a in (-1, 0, 1):
                for b in (-1, 0, 1):
                    # Three cells in a row along x lie one after the other.
                    middle = key + a * strides[1] + b * strides[0]
                    first[m] = cell_starts[np.searchsorted(keys, middle - 1)]
                    last[m] = cell_starts[np.searchsorted(keys, middle + 2)]
                    m += 1
        for m in range(9):
            for at in range(first[m], last[m]):
                j = order[at]
                if group[j] != group[i]:
                    continue
                dz, dy, dx = points[j, 0] - pz, points[j, 1] - py, points[j, 2] - px
                d2 = dz * dz + dy * dy + dx * dx
                if d2 > limit:
                    continue
                d = np.sqrt(d2)
                if normals.shape[0] > 0:
                    nz, ny, nx = normals[i]
                    cosine = nz * normals[j, 0] + ny * normals[j, 1] + nx * normals[j, 2]
                    off = abs(nz * dz + ny * dy + nx * dx)
                    if abs(cosine) < SAME_COSINE or off > OFF_PLANE + OFF_PLANE_FRACTION * d:
                        continue
                if used == members.size:
                    more = np.empty(2 * used, dtype=np.int32)
                    more[:used] = members
                    members = more
                    longer = np.empty(2 * used, dtype=np.float32)
                    longer[:used] = distance
                    distance = longer
                members[used] = j
                distance[used] = d
                used += 1
        starts[k + 1] = used
    return starts, members[:used], distance[:used]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _mean(
    starts: NDArray[np.int64],
    members: NDArray[np.int32],
    distance: NDArray[np.float32],
    values: NDArray[np.float64],
    sigma: float,
) -> NDArray[np.float64]:
    n, m = starts.size - 1, values.shape[1]
    out = np.zeros((n, m))
    for k in range(n):
        weights = 0.0
        for q in range(starts[k], starts[k + 1]):
            w = np.exp(-0.5 * (distance[q] / sigma) ** 2)
            weights += w
            for c in range(m):
                out[k, c] += w * values[members[q], c]
        for c in range(m):
            out[k, c] /= weights
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _finite(
    starts: NDArray[np.int64],
    members: NDArray[np.int32],
    distance: NDArray[np.float32],
    values: NDArray[np.float32],
    sigma: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n, m = starts.size - 1, values.shape[1]
    total = np.zeros((n, m))
    fraction = np.zeros((n, m))
    for k in range(n):
        weights = 0.0
        for q in range(starts[k], starts[k + 1]):
            w = np.exp(-0.5 * (distance[q] / sigma) ** 2)
            weights += w
            for c in range(m):
                value = values[members[q], c]
                if not np.isnan(value):
                    total[k, c] += w * value
                    fraction[k, c] += w
        for c in range(m):
            total[k, c] /= weights
            fraction[k, c] /= weights
    return total, fraction


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _quantile(
    starts: NDArray[np.int64], members: NDArray[np.int32], values: NDArray[np.float64], fraction: float
) -> NDArray[np.float64]:
    out = np.empty(starts.size - 1)
    for k in range(out.size):
        own = np.sort(values[members[starts[k] : starts[k + 1]]])
        position = fraction * (own.size - 1)
        low = int(np.floor(position))
        high = min(low + 1, own.size - 1)
        out[k] = own[low] + (position - low) * (own[high] - own[low])
    return out


def thin_out(
    grid: PointGrid, distance_voxels: float, normals: NDArray[np.float64] | None = None
) -> NDArray[np.int64]:
    """Choose points that are no nearer than a distance to one chosen before.

    Parameters
    ----------
    grid : PointGrid
        The points.
    distance_voxels : float
        Least distance.
    normals : ndarray, shape (n, 3), optional
        Unit vectors across the sheet; where given, points on different sheets may be near.

    Returns
    -------
    ndarray of int
        The chosen points in rising order.
    """
    keep = np.ones(len(grid.points), dtype=np.bool_)
    for around in grid.around(distance_voxels, normals):
        _thin(around.starts, around.members, around.rows.start, keep)
    return np.flatnonzero(keep)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _thin(starts: NDArray[np.int64], members: NDArray[np.int32], first: int, keep: NDArray[np.bool_]) -> None:
    for k in range(starts.size - 1):
        i = first + k
        if keep[i]:
            for q in range(starts[k], starts[k + 1]):
                if members[q] > i:
                    keep[members[q]] = False
