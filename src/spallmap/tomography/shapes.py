"""Which pieces of ridge are sheets, and which pieces make one crack."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

NEIGHBOUR_VOXELS = 1.8
"""Ridge voxels no further apart than this touch: faces, edges and corners of a voxel."""
TOUCH_COSINE = 0.85
"""Touching voxels of one sheet have normals within 32 degrees; where a pore meets a crack they have not."""
TOUCH_SINE = 0.6
"""The step between touching voxels leaves the sheet's plane by at most 37 degrees, which a voxel grid asks
for."""
FLAT_FRAGMENT = 0.8
"""Largest eigenvalue of the mean outer product of a fragment's normals: 1 when flat, 0.6 for half a pore's
shell."""
GAP_VOXELS = 5.0
"""Pieces of one sheet may be this far apart: the width of a common pore, or of a patch below detection."""
GAP_COSINE = 0.7
"""The normals of two pieces across a gap agree within 45 degrees."""
IN_PLANE_SINE = 0.5
"""The step across a gap leaves the sheet's own plane by at most 30 degrees."""
MIN_FRAGMENT_VOXELS = 20
"""Smaller pieces do not join a crack: noise has plenty of them."""
MIN_DEPTH_VOXELS = 4.0
"""A crack reaches at least this far from the ceramic's surface; what does not is roughness or an interface
void."""
ROUND = 0.6
"""Least over middle principal extent above which a small piece is a shell around a pore."""
ROUND_EXTENT_VOXELS = 8.0
"""A shell of larger principal extent (standard deviation) than this is no pore's, whatever its shape."""


def plate_components(
    index: NDArray[np.int64],
    normal: NDArray[np.float64],
    response: NDArray[np.float32],
    distance: NDArray[np.float32],
    high: float,
    min_area_voxels: int,
) -> NDArray[np.int32]:
    """Pieces of ridge, with those that are cracks by themselves marked.

    Parameters
    ----------
    index : ndarray of int, shape (n, 3)
        Ridge voxels.
    normal : ndarray, shape (n, 3)
        Unit vectors across the sheet.
    response, distance : ndarray of float32
        Plate response, and distance to the ceramic's surface, on the volume's grid.
    high : float
        Response that a crack reaches somewhere.
    min_area_voxels : int
        Least number of voxels of a crack.

    Returns
    -------
    ndarray of int32, shape (n,)
        Positive numbers for cracks, by falling size; negative ones for pieces that may only continue a crack;
        0 for what is neither.
    """
    n = len(index)
    out = np.zeros(n, dtype=np.int32)
    if n == 0:
        return out
    pairs = cKDTree(index).query_pairs(NEIGHBOUR_VOXELS, output_type="ndarray")
    piece = _components(n, pairs[_same_sheet(index, normal, pairs, TOUCH_COSINE, TOUCH_SINE)])
    size = np.bincount(piece)
    z, y, x = index.T
    strongest = np.full(size.size, -np.inf)
    np.maximum.at(strongest, piece, response[z, y, x])
    deepest = np.zeros(size.size)
    np.maximum.at(deepest, piece, distance[z, y, x])
    order = np.argsort(piece, kind="stable")
    starts = np.concatenate([[0], np.cumsum(size)])
    whole, part = 0, 0
    for c in np.argsort(-size, kind="stable"):
        if size[c] < MIN_FRAGMENT_VOXELS:
            break
        members = order[starts[c] : starts[c + 1]]
        if strongest[c] < high:
            continue
        if size[c] >= min_area_voxels and deepest[c] >= MIN_DEPTH_VOXELS and not _is_round(index[members]):
            whole += 1
            out[members] = whole
        elif _flatness(normal[members]) >= FLAT_FRAGMENT:
            part -= 1
            out[members] = part
    return out


def join_fragments(
    index: NDArray[np.int64], normal: NDArray[np.float64], piece: NDArray[np.int32]
) -> NDArray[np.int32]:
    """Join pieces that continue one another across small gaps.

    Two pieces belong together when voxels of theirs lie within :data:`GAP_VOXELS`, with normals that agree
    and a step between them that stays in the sheet. Chains of pieces without a crack among them are
    dropped.

    Parameters
    ----------
    index, normal : ndarray, shape (n, 3)
        Ridge voxels and unit vectors across the sheet.
    piece : ndarray of int32, shape (n,)
        From :func:`plate_components`.

    Returns
    -------
    ndarray of int32, shape (n,)
        Number of the crack from 1, by falling number of voxels; 0 for none.
    """
    out = np.zeros(len(index), dtype=np.int32)
    used = np.flatnonzero(piece)
    if not np.any(piece > 0):
        return out
    names, compact = np.unique(piece[used], return_inverse=True)
    pairs = cKDTree(index[used]).query_pairs(GAP_VOXELS, output_type="ndarray")
    a, b = used[pairs[:, 0]], used[pairs[:, 1]]
    different = piece[a] != piece[b]
    a, b, pairs = a[different], b[different], pairs[different]
    agree = _same_sheet(index, normal, np.column_stack([a, b]), GAP_COSINE, IN_PLANE_SINE)
    links = np.unique(compact[pairs[agree]].reshape(-1, 2), axis=0)
    group = _components(len(names), links)
    has_crack = np.zeros(group.max() + 1, dtype=bool)
    has_crack[group[names > 0]] = True
    size = np.bincount(group[compact]) * has_crack
    rank = np.zeros(size.size, dtype=np.int32)
    rank[np.argsort(-size, kind="stable")] = np.arange(1, size.size + 1)
    rank[~has_crack] = 0
    out[used] = rank[group[compact]]
    return out


def _same_sheet(
    index: NDArray[np.int64],
    normal: NDArray[np.float64],
    pairs: NDArray[np.int64],
    cosine: float,
    sine: float,
) -> NDArray[np.bool_]:
    """Whether two voxels have like normals and a step between them that stays in the sheet."""
    a, b = pairs.T
    step = (index[b] - index[a]).astype(np.float64)
    step /= np.linalg.norm(step, axis=1, keepdims=True)
    agree: NDArray[np.bool_] = np.abs(np.einsum("ij,ij->i", normal[a], normal[b])) >= cosine
    for end in (a, b):
        agree &= np.abs(np.einsum("ij,ij->i", step, normal[end])) <= sine
    return agree


def _flatness(normal: NDArray[np.float64]) -> float:
    return float(np.linalg.eigvalsh(normal.T @ normal / len(normal))[-1])


def _components(n: int, pairs: NDArray[np.int64]) -> NDArray[np.int32]:
    ones = np.ones(len(pairs), dtype=np.int8)
    graph = sparse.coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    labels: NDArray[np.int32] = sparse.csgraph.connected_components(graph, directed=False)[1]
    return labels


def _is_round(points: NDArray[np.int64]) -> bool:
    extent = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0.0))
    return bool(extent[0] > ROUND * extent[1] and extent[2] < ROUND_EXTENT_VOXELS)
