"""Triangulated middle surfaces of cracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.frames import Points
from spallmap.tomography.blockwise.neighbours import point_grid, thin_out
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.measures.apertures import Sheets, trace_sheets

# Points are thinned to this distance, so that triangles are well shaped.
POINT_DISTANCE_VOXELS = 1.3
# Neighbours of a point that its triangles may use.
REACH_VOXELS = 4.0
# Longer edges would bridge holes of the sheet.
MAX_EDGE_VOXELS = 3.5
# A triangle stands when at least this many of its three corners see it in their own tangent plane.
MIN_VOTES = 2
# A surface of more points than this is drawn with fewer of them.
MAX_POINTS = 1_000_000


@dataclass(frozen=True)
class Surface:
    """A triangulated surface with values at its points.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Corners, in the volume's frame.
    triangles : ndarray of int, shape (m, 3)
        Corner numbers.
    crack : ndarray of int32, shape (n,)
        Number of the crack.
    aperture_um, depth_um, dip_deg : ndarray, shape (n,)
        See :class:`spallmap.tomography.Sheets`.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import Surface
    >>> ones = np.ones(3)
    >>> surface = Surface(5.0 * np.eye(3), np.array([[0, 1, 2]]), ones.astype(np.int32), ones, ones, ones)
    >>> list(surface.point_data), len(surface.none_of_it().crack)
    (['crack', 'aperture_um', 'depth_um', 'dip_deg'], 0)
    """

    points_xyz_um: Points
    triangles: NDArray[np.int64]
    crack: NDArray[np.int32]
    aperture_um: NDArray[np.float64]
    depth_um: NDArray[np.float64]
    dip_deg: NDArray[np.float64]

    @property
    def point_data(self) -> dict[str, NDArray[Any]]:
        """The values at the points by the names that they have in a file."""
        return {
            "crack": self.crack,
            "aperture_um": self.aperture_um,
            "depth_um": self.depth_um,
            "dip_deg": self.dip_deg,
        }

    def none_of_it(self) -> Surface:
        """Return a surface without points, of the same kind of values.

        Returns
        -------
        Surface
            Empty.
        """
        return Surface(
            self.points_xyz_um[:0],
            self.triangles[:0],
            self.crack[:0],
            self.aperture_um[:0],
            self.depth_um[:0],
            self.dip_deg[:0],
        )


def mid_surfaces(
    cracks: Cracks,
    grey: Sliceable,
    labels: Sliceable,
    spacing_um: Sequence[float],
    sheets: Sheets | None = None,
    threads: int = 1,
) -> Surface:
    """Triangulate the middle surfaces of cracks.

    Every point is joined to its neighbours by a Delaunay triangulation in its own tangent plane; triangles
    that at least two of their corners agree on make the surface, so that it may be curved, open and have
    branches.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    sheets : Sheets, optional
        From :func:`spallmap.tomography.trace_sheets`; traced where absent.
    threads : int
        Threads to read the volume with.

    Returns
    -------
    Surface
        The surfaces of all cracks; empty where there is none.

    References
    ----------
    Gopi, Krishnan and Silva, Surface reconstruction based on lower dimensional localized Delaunay
    triangulation, Computer Graphics Forum 19 (2000).

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import find_cracks, mid_surfaces
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> cracks = find_cracks(grey, labels, spacing_um)
    >>> surface = mid_surfaces(cracks, grey, labels, spacing_um)
    >>> surface.points_xyz_um.mean(axis=0).round(-1).tolist()
    [150.0, 150.0, 100.0]
    """
    traced = trace_sheets(cracks, grey, labels, spacing_um, threads) if sheets is None else sheets
    n = len(traced.crack)
    if n == 0:
        return _surface(traced, np.zeros(0, np.int64), np.zeros((0, 3), np.int64))
    # Beyond a million points the surface is drawn coarser, so that programs can show it.
    coarser = max(1.0, np.sqrt(n / MAX_POINTS))
    scaled = traced.points_xyz_um / (float(min(spacing_um)) * coarser)
    normals = traced.normals_xyz
    chosen = thin_out(point_grid(scaled, traced.crack), POINT_DISTANCE_VOXELS)
    points, across = scaled[chosen], normals[chosen]
    stars = []
    for around in point_grid(points, traced.crack[chosen]).around(REACH_VOXELS):
        stars.append(_stars(around.starts, around.members, around.rows.start, points, across))
    votes = np.sort(np.concatenate(stars), axis=1)
    key = (votes[:, 0] * len(points) + votes[:, 1]) * (len(points) + 1) + votes[:, 2]
    _, first, count = np.unique(key, return_index=True, return_counts=True)
    agreed = votes[first[count >= MIN_VOTES]]
    corners = points[agreed]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    return _surface(traced, chosen, agreed[edges.max(axis=1, initial=0.0) <= MAX_EDGE_VOXELS])


def _surface(sheets: Sheets, chosen: NDArray[np.int64], triangles: NDArray[np.int64]) -> Surface:
    return Surface(
        points_xyz_um=sheets.points_xyz_um[chosen],
        triangles=triangles,
        crack=sheets.crack[chosen],
        aperture_um=sheets.aperture_um[chosen],
        depth_um=sheets.depth_um[chosen],
        dip_deg=sheets.dip_deg[chosen],
    )


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _stars(
    starts: NDArray[np.int64],
    members: NDArray[np.int32],
    first: int,
    points: NDArray[np.float64],
    normals: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Delaunay triangles at each point among its neighbours, in the point's own tangent plane.

    The nearest neighbour is joined by an edge. From an edge the next one is the neighbour that sees it under
    the largest angle, on either side, until the star closes or nothing lies on that side.
    """
    out = np.empty((8 * (starts.size - 1) + 16, 3), dtype=np.int64)
    used = 0
    axis = np.empty(3)
    for k in range(starts.size - 1):
        i = first + k
        m = starts[k + 1] - starts[k]
        if m < 3:
            continue
        least = np.argmin(np.abs(normals[i]))
        axis[:] = 0.0
        axis[least] = 1.0
        u = np.cross(normals[i], axis)
        u /= np.sqrt(np.sum(u * u))
        v = np.cross(normals[i], u)
        flat = np.empty((m, 2))
        nearest, best = -1, np.inf
        for q in range(m):
            j = members[starts[k] + q]
            d = points[j] - points[i]
            flat[q, 0] = np.sum(d * u)
            flat[q, 1] = np.sum(d * v)
            r = flat[q, 0] ** 2 + flat[q, 1] ** 2
            if j != i and r < best and r > 1e-12:
                nearest, best = q, r
        if nearest < 0:
            continue
        for side in (1.0, -1.0):
            here, closed = nearest, False
            for _ in range(m):
                there = _next(flat, here, side)
                if there < 0:
                    break
                if used == out.shape[0]:
                    more = np.empty((2 * used, 3), dtype=np.int64)
                    more[:used] = out
                    out = more
                out[used, 0] = i
                out[used, 1] = members[starts[k] + here]
                out[used, 2] = members[starts[k] + there]
                used += 1
                here = there
                if here == nearest:
                    closed = True
                    break
            if closed:
                break
    return out[:used]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _next(flat: NDArray[np.float64], here: int, side: float) -> int:
    """Neighbour to one side of the edge from the origin that sees it under the largest angle; -1 for none."""
    best, least = -1, np.inf
    ax, ay = flat[here]
    for q in range(flat.shape[0]):
        bx, by = flat[q]
        cross = side * (ax * by - ay * bx)
        if q == here or cross <= 1e-9 or bx * bx + by * by <= 1e-12:
            continue
        # Cotangent of the angle at q between the origin and the edge's end.
        cotangent = (bx * (bx - ax) + by * (by - ay)) / cross
        if cotangent < least:
            best, least = q, cotangent
    return best
