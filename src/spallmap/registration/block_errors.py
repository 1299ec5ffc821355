"""What the parts of an image say of a common motion: its standard error, and what each would still shift."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import Points
from spallmap.registration.diagnostics import Blocks
from spallmap.registration.gauss_newton import Alignment, FloatArray, Motion


def cube_labels(points: Points, block_um: float) -> NDArray[np.intp]:
    """Return the number of the cube of a grid that each point falls into, shape (n,)."""
    cells = np.floor((points - points.min(axis=0)) / block_um).astype(np.intp)
    _, labels = np.unique(cells, axis=0, return_inverse=True)
    return np.asarray(labels, dtype=np.intp).ravel()


def checkerboard(points: Points, block_um: float) -> NDArray[np.bool_]:
    """Tell for each point whether its cube is a white one of a checkerboard, shape (n,)."""
    cells = np.floor((points - points.min(axis=0)) / block_um).astype(np.intp)
    white: NDArray[np.bool_] = cells.sum(axis=1) % 2 == 0
    return white


def position_se_um(
    alignment: Alignment,
    motion: Motion,
    labels: NDArray[np.intp],
    at_points: Points,
    *,
    clean_jacobian: FloatArray | None = None,
) -> FloatArray | None:
    """One standard error of mapped points, by direction.

    The covariance is the cluster-robust (sandwich) one: the scores of whole blocks are taken as the
    independent pieces, so neighbouring residuals may be as alike as they like. This is what a block bootstrap
    tends to.

    Parameters
    ----------
    alignment : Alignment
        The solution.
    motion : Motion
        Its degrees of freedom.
    labels : ndarray of int, shape (n,)
        Block of each of ``alignment.points``.
    at_points : ndarray, shape (m, 3)
        Moving points over which the error is averaged (root mean square).
    clean_jacobian : ndarray, shape (n, p), optional
        The same derivative from an image whose noise is independent of the fixed image's. Noise in a gradient
        looks like information; in the product of two independent ones it averages out.

    Returns
    -------
    ndarray, shape (3,) or None
        Along the moving frame's own x, y and z axes as they lie in the fixed frame. None where fewer blocks
        than degrees of freedom carry information.

    References
    ----------
    Liang and Zeger 1986; Cameron, Gelbach and Miller 2008 (clustered errors).
    """
    J, w = alignment.jacobian, alignment.weight
    n_blocks = int(labels.max()) + 1 if labels.size else 0
    probe = J if clean_jacobian is None else clean_jacobian
    normal = probe.T @ (J * w[:, None])
    scores = np.zeros((n_blocks, J.shape[1]))
    np.add.at(scores, labels, probe * (w * alignment.residual)[:, None])
    informed = int(np.count_nonzero(np.any(scores != 0, axis=1)))
    if informed <= J.shape[1] or np.linalg.matrix_rank(normal) < J.shape[1]:
        return None
    inverse = np.linalg.inv(normal)
    covariance = inverse @ (scores.T @ scores) @ inverse.T * informed / (informed - J.shape[1])
    moved = motion.jacobian(alignment.map(at_points), alignment.centre)
    axes = alignment.map.linear / np.linalg.norm(alignment.map.linear, axis=0)
    along = np.einsum("nip,ia->nap", moved, axes)
    variance = np.einsum("nap,pq,naq->na", along, covariance, along)
    se: FloatArray = np.sqrt(variance.mean(axis=0))
    return se


EDGE_RATIO = 0.1
"""A direction counts in a block if its edge strength is this part of the strongest direction's: along a
straight edge nothing can be measured (the aperture problem)."""


def block_shifts(
    alignment: Alignment, labels: NDArray[np.intp], *, min_points: int = 12, min_strength: float = 0.1
) -> Blocks:
    """Measure the shift that is left in every block that has edges.

    Parameters
    ----------
    alignment : Alignment
        The solution.
    labels : ndarray of int, shape (n,)
        Block of each of ``alignment.points``.
    min_points : int
        Blocks with fewer points are left out.
    min_strength : float
        Blocks whose summed squared gradient is below this part of the median block's are left out: they have
        nothing but noise.

    Returns
    -------
    Blocks
        One row per block that counts, in the moving frame; a shift has only directions in which its block has
        edges.
    """
    n_blocks = int(labels.max()) + 1 if labels.size else 0
    tensors = np.zeros((n_blocks, 3, 3))
    slopes = np.zeros((n_blocks, 3))
    g, w = alignment.gradient, alignment.weight
    np.add.at(tensors, labels, np.einsum("ni,nj->nij", g, g) * w[:, None, None])
    np.add.at(slopes, labels, g * (w * alignment.residual)[:, None])
    counts = np.bincount(labels, minlength=n_blocks)
    strength = np.einsum("bii->b", tensors)
    usable = counts >= min_points
    if not usable.any():
        return Blocks(np.zeros((0, 3)), np.zeros((0, 3)))
    usable &= strength > min_strength * np.median(strength[usable])
    mapped = alignment.map(alignment.points)
    positions, shifts = [], []
    for block in np.flatnonzero(usable):
        inverse = np.linalg.pinv(tensors[block], rcond=EDGE_RATIO, hermitian=True)
        shifts.append(-inverse @ slopes[block])
        positions.append(mapped[labels == block].mean(axis=0))
    fixed = np.reshape(positions, (-1, 3)), np.reshape(shifts, (-1, 3))
    return Blocks.in_own_frame(*fixed, alignment.map)
