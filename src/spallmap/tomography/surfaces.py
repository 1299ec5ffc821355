"""Triangulated middle surfaces of cracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import Delaunay, QhullError, cKDTree

from spallmap.frames import Points
from spallmap.tomography.cracks import Cracks
from spallmap.tomography.sheets import Sheets, trace_sheets

POINT_DISTANCE_VOXELS = 1.3
"""Points are thinned to this distance, so that triangles are well shaped."""
REACH_VOXELS = 4.0
"""Neighbours of a point that its triangles may use."""
MAX_EDGE_VOXELS = 3.5
"""Longer edges would bridge holes of the sheet."""
MIN_VOTES = 2
"""A triangle stands when at least this many of its three corners see it in their own tangent plane."""


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


def mid_surfaces(
    cracks: Cracks,
    grey: NDArray[Any],
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    sheets: Sheets | None = None,
) -> Surface:
    """Triangulate the middle surfaces of cracks.

    Every point is joined to its neighbours by a Delaunay triangulation in its own tangent plane; triangles
    that at least two of their corners agree on make the surface, so that it may be curved, open and have
    branches.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey : ndarray, shape (nz, ny, nx)
        Volume on the common scale.
    phases : ndarray
        Its labels.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    sheets : Sheets, optional
        From :func:`spallmap.tomography.trace_sheets`; traced where absent.

    Returns
    -------
    Surface
        The surfaces of all cracks; empty where there is none.

    References
    ----------
    Gopi, Krishnan and Silva, Surface reconstruction based on lower dimensional localized Delaunay
    triangulation, Computer Graphics Forum 19 (2000).
    """
    traced = trace_sheets(cracks, grey, phases, spacing_um) if sheets is None else sheets
    voxel = float(min(spacing_um))
    chosen, triangles, n = [], [], 0
    for number in range(1, cracks.n + 1):
        own = np.flatnonzero(traced.crack == number)
        own = own[_thin_out(traced.points_xyz_um[own], POINT_DISTANCE_VOXELS * voxel)]
        triangles.append(n + _triangulate(traced.points_xyz_um[own], traced.normals_xyz[own], voxel))
        chosen.append(own)
        n += len(own)
    pick = np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)
    return Surface(
        points_xyz_um=traced.points_xyz_um[pick],
        triangles=np.concatenate(triangles) if triangles else np.zeros((0, 3), dtype=np.int64),
        crack=traced.crack[pick],
        aperture_um=traced.aperture_um[pick],
        depth_um=traced.depth_um[pick],
        dip_deg=traced.dip_deg[pick],
    )


def _thin_out(points: Points, distance_um: float) -> NDArray[np.int64]:
    """Keep points that are no nearer than a distance to one kept before."""
    keep = np.ones(len(points), dtype=bool)
    neighbours = cast(list[list[int]], cKDTree(points).query_ball_point(points, distance_um))
    for i, around in enumerate(neighbours):
        if keep[i]:
            keep[[j for j in around if j > i]] = False
    return np.flatnonzero(keep)


def _triangulate(points: Points, normals: NDArray[np.float64], voxel_um: float) -> NDArray[np.int64]:
    votes: dict[tuple[int, int, int], int] = {}
    for i, around in enumerate(cKDTree(points).query_ball_point(points, REACH_VOXELS * voxel_um)):
        near = np.asarray(around, dtype=np.int64)
        if len(near) < 3:
            continue
        offset = points[near] - points[i]
        flat = offset @ _tangents(normals[i])
        try:
            simplices = near[Delaunay(flat).simplices]
        except QhullError:
            # Points in a line span no triangle.
            continue
        for simplex in simplices[(simplices == i).any(axis=1)]:
            a, b, c = sorted(int(s) for s in simplex)
            votes[a, b, c] = votes.get((a, b, c), 0) + 1
    agreed = np.array([t for t, n in votes.items() if n >= MIN_VOTES], dtype=np.int64).reshape(-1, 3)
    corners = points[agreed]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    kept: NDArray[np.int64] = agreed[edges.max(axis=1, initial=0.0) <= MAX_EDGE_VOXELS * voxel_um]
    return kept


def _tangents(normal: NDArray[np.float64]) -> NDArray[np.float64]:
    helper = np.eye(3)[np.argmin(np.abs(normal))]
    u = np.cross(normal, helper)
    u /= np.linalg.norm(u)
    return np.column_stack([u, np.cross(normal, u)])
