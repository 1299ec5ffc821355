"""Which pieces of ridge are sheets, and which pieces make one crack."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spallmap.tomography.blockwise.voxels import TOUCHING, groups
from spallmap.tomography.cracks.pores import extents
from spallmap.tomography.cracks.ridges import Candidates
from spallmap.tomography.cracks.thresholds import Thresholds

# Touching voxels of one sheet have normals within 32 degrees; where a pore meets a crack they have not.
TOUCH_COSINE = 0.85
# The step between touching voxels leaves the sheet's plane by at most 37 degrees, which a voxel grid asks
# for.
TOUCH_SINE = 0.6
# Largest eigenvalue of the mean outer product of a fragment's normals: 1 when flat, 0.6 for half a pore's
# shell.
FLAT_FRAGMENT = 0.8
# Pieces of one sheet may be this far apart: the width of a common pore, or of a patch below detection.
GAP_VOXELS = 5.0
# The normals of two pieces across a gap agree within 45 degrees.
GAP_COSINE = 0.7
# The step across a gap leaves the sheet's own plane by at most 30 degrees.
IN_PLANE_SINE = 0.5
# Sheets that come this near to one another, at whatever angle, make one crack: where they meet the filter,
# which looks for one direction, sees neither.
MEET_VOXELS = 4.0
# Least number of ridge voxels of a sheet that joins a crack at an angle: shells of pores are smaller.
MIN_BRANCH_VOXELS = 60
# Smaller pieces do not join a crack: noise has plenty of them.
MIN_FRAGMENT_VOXELS = 20
# A crack reaches at least this far from the ceramic's surface; what does not is roughness or an interface
# void.
MIN_DEPTH_VOXELS = 4.0
# A ridge that runs along the surface right below it, or lies in a pore, continues a crack that is no further
# away: at 30 degrees a sheet takes four voxels to come up from where it is distinguished from the surface.
RIM_VOXELS = 4.0
# Least over middle principal extent above which a small piece is a shell around a pore.
ROUND = 0.6
# A shell of larger principal extent (standard deviation) than this is no pore's, whatever its shape: those
# that are not left out as thick voids have 2.2, some that touch one another 4.
ROUND_EXTENT_VOXELS = 5.0
# Least middle principal extent (standard deviation) of a sheet: no single pore that is not left out as a
# thick void, and no row of them, is as wide.
MIN_WIDTH_VOXELS = 2.8


def number_cracks(
    candidates: Candidates,
    in_pore: NDArray[np.bool_],
    thresholds: Thresholds,
    network: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Find which ridge voxels belong to cracks, and to which.

    Touching voxels with like normals make pieces. A piece that is strong, large and deep enough and no shell
    around a pore is a sheet. Smaller flat pieces continue a sheet where they lie in its plane, no further
    away than a common pore is wide.

    Parameters
    ----------
    candidates : Candidates
        Ridge voxels.
    in_pore : ndarray of bool, shape (n,)
        Which of them lie in a thick round void or its rim. They make no crack; where a crack runs through a
        pore they continue it.
    thresholds : Thresholds
        What a crack has to exceed.
    network : ndarray of bool, shape (n,), optional
        Which of them make a network of small sheets; see
        :func:`spallmap.tomography.cracks.networks.in_networks`.

    Returns
    -------
    ndarray of int32, shape (n,)
        Number of the crack from 1, by falling number of voxels; 0 for none.
    """
    out = np.zeros(len(candidates.index), dtype=np.int32)
    clear = ~candidates.skims & ~in_pore
    crowd = np.zeros(len(out), dtype=bool) if network is None else network
    out[clear] = _number_sheets(candidates.chosen(clear), thresholds, crowd[clear])
    sheet, rim = np.flatnonzero(out), np.flatnonzero(~clear)
    out[rim] = _continued(candidates, sheet, rim, out)
    return out


def _number_sheets(
    candidates: Candidates, thresholds: Thresholds, network: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Give the ridge voxels of cracks their numbers, but for those at the surface and in pores."""
    index, normal = candidates.index, candidates.normal
    out = np.zeros(len(index), dtype=np.int32)
    if len(index) == 0:
        return out
    piece = groups(index, TOUCHING, normal, TOUCH_COSINE, TOUCH_SINE)
    sheet, part = _sheets_and_parts(candidates, piece, thresholds)
    sheet |= np.bincount(piece, network) > 0
    used = np.flatnonzero((sheet | part)[piece])
    if len(used) == 0:
        return out
    names, node = np.unique(piece[used], return_inverse=True)
    joined = groups(index[used], GAP_VOXELS, normal[used], GAP_COSINE, IN_PLANE_SINE, node)
    plane, anchored = joined[node], sheet[names][node]
    # What meets at an angle is one crack: its branches, or a network of small sheets.
    size = np.bincount(plane)
    branch = (np.bincount(plane, anchored) > 0) | (size >= MIN_BRANCH_VOXELS)
    own = np.where(branch, np.cumsum(branch) - 1, -1)[plane]
    meeting = groups(index[used], MEET_VOXELS, node=own)
    crack = np.full(len(used), -1, dtype=np.int64)
    crack[own >= 0] = meeting[own[own >= 0]]
    holds = np.bincount(crack[crack >= 0], anchored[crack >= 0]) > 0
    kept = crack >= 0
    kept[kept] = holds[crack[kept]]
    out[used[kept]] = by_size(crack[kept], np.ones(np.count_nonzero(kept), dtype=bool))
    return out


def _continued(
    candidates: Candidates, sheet: NDArray[np.int64], rim: NDArray[np.int64], number: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Crack that ridge voxels right below the surface or in a pore continue."""
    out = np.zeros(len(rim), dtype=np.int32)
    if len(sheet) == 0 or len(rim) == 0:
        return out
    index, normal = candidates.index, candidates.normal.astype(np.float64)
    away, nearest = cKDTree(index[sheet]).query(index[rim], distance_upper_bound=RIM_VOXELS)
    near = np.flatnonzero(np.isfinite(away))
    a, b = rim[near], sheet[np.asarray(nearest)[near]]
    step = (index[b] - index[a]).astype(np.float64)
    limit = IN_PLANE_SINE * np.linalg.norm(step, axis=1)
    agree = np.abs(np.einsum("ij,ij->i", normal[a], normal[b])) >= TOUCH_COSINE
    for end in (a, b):
        agree &= np.abs(np.einsum("ij,ij->i", step, normal[end])) <= limit
    out[near[agree]] = number[b[agree]]
    return out


def by_size(group: NDArray[np.int64], anchor: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Rank groups that hold an anchor by falling number of members.

    Parameters
    ----------
    group : ndarray of int, shape (n,)
        Group of each member.
    anchor : ndarray of bool, shape (n,)
        Members that make a group count.

    Returns
    -------
    ndarray of int32, shape (n,)
        From 1; 0 where the group does not count. Of two groups of one size the one with the smaller number
        comes first.
    """
    size = np.bincount(group)
    size[np.bincount(group, anchor) == 0] = 0
    rank = np.zeros(size.size, dtype=np.int32)
    by = np.argsort(-size, kind="stable")[: np.count_nonzero(size)]
    rank[by] = np.arange(1, len(by) + 1)
    number: NDArray[np.int32] = rank[group]
    return number


def _sheets_and_parts(
    candidates: Candidates, piece: NDArray[np.int64], thresholds: Thresholds
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each piece is a sheet by itself, and whether it may continue one."""
    size = np.bincount(piece)
    strongest = np.zeros(size.size, dtype=np.float32)
    np.maximum.at(strongest, piece, candidates.response)
    deepest = np.zeros(size.size, dtype=np.float32)
    np.maximum.at(deepest, piece, candidates.distance)
    strong = (size >= MIN_FRAGMENT_VOXELS) & (strongest >= thresholds.high)
    extent = extents(candidates.index, piece)
    shell = (extent[:, 0] > ROUND * extent[:, 1]) & (extent[:, 2] < ROUND_EXTENT_VOXELS)
    wide = extent[:, 1] >= MIN_WIDTH_VOXELS
    large = (size >= thresholds.min_area_voxels) & (deepest >= MIN_DEPTH_VOXELS)
    sheet = strong & wide & large & ~shell
    return sheet, strong & ~sheet & (wide | (flatness(candidates.normal, piece) >= FLAT_FRAGMENT))


def flatness(normal: NDArray[np.floating], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Agreement of the normals of groups.

    Parameters
    ----------
    normal : ndarray, shape (n, 3)
        Unit vectors.
    group : ndarray of int, shape (n,)
        Group of each, from 0.

    Returns
    -------
    ndarray, shape (number of groups,)
        Largest eigenvalue of the mean outer product: 1 where all agree irrespective of sign, 1/3 where no
        direction leads.
    """
    size = np.maximum(np.bincount(group), 1)
    tensor = np.empty((len(size), 3, 3))
    for a in range(3):
        for b in range(a, 3):
            products = normal[:, a].astype(np.float64) * normal[:, b]
            tensor[:, a, b] = tensor[:, b, a] = np.bincount(group, products) / size
    return np.asarray(np.linalg.eigvalsh(tensor)[:, 2], dtype=np.float64)
