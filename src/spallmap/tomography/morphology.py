"""The shape of a crack in the words of the solid-electrolyte literature."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spallmap.frames import Points

Morphology = Literal["straight", "branching", "spalling", "diffuse"]

TOUCH_UM = 15.0
"""A sheet that comes this near to an interface touches it: three voxels of the paper's tomogram, within
which the blurred interface hides a crack."""
SPALLING_CLOSURE = 0.6
"""A crack that has risen to the interface along this share of its rim cuts a piece off; a slanting plane has
less than half."""
DIFFUSE_COHERENCE = 0.75
"""Below this the directions within a few voxels do not agree on a sheet; 1 for a plane, 1/3 for no order."""
COHERENCE_RADIUS_VOXELS = 6.0
"""Neighbourhood of a point for its coherence."""
BRANCHING_SHARE = 0.15
"""Share of a crack's points off its main sheet that makes it branching."""
OFF_SHEET_VOXELS = 4.0
"""A point further than this from the main sheet is off it."""


def classify(
    points_xyz_um: Points, normals_xyz: NDArray[np.float64], closure: float, voxel_um: float
) -> Morphology:
    """Name the shape of a crack.

    In this order: diffuse where neighbouring directions do not agree; spalling where the crack rises to the
    interface around most of its rim; branching where many points lie off one smooth sheet; straight else.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Middle surface of one crack.
    normals_xyz : ndarray, shape (n, 3)
        Unit vectors across the sheet.
    closure : float
        See :class:`spallmap.tomography.spall.Spall`.
    voxel_um : float
        Voxel size.

    Returns
    -------
    {"straight", "branching", "spalling", "diffuse"}
        The name.

    References
    ----------
    Kazyak et al., Li penetration in ceramic solid electrolytes: operando microscopy analysis of morphology,
    propagation, and reversibility, Matter 2 (2020): the four kinds.
    """
    if coherence(points_xyz_um, normals_xyz, COHERENCE_RADIUS_VOXELS * voxel_um) < DIFFUSE_COHERENCE:
        return "diffuse"
    if closure >= SPALLING_CLOSURE:
        return "spalling"
    if off_sheet_share(points_xyz_um, OFF_SHEET_VOXELS * voxel_um) > BRANCHING_SHARE:
        return "branching"
    return "straight"


def coherence(points_xyz_um: Points, normals_xyz: NDArray[np.float64], radius_um: float) -> float:
    """Median agreement of the directions around each point.

    Parameters
    ----------
    points_xyz_um, normals_xyz : ndarray, shape (n, 3)
        Points and unit vectors across the sheet.
    radius_um : float
        Neighbourhood.

    Returns
    -------
    float
        Largest eigenvalue of the mean outer product of the neighbours' normals, between 1/3 and 1.
    """
    tree = cKDTree(points_xyz_um)
    chosen = np.arange(0, len(points_xyz_um), max(1, len(points_xyz_um) // 500))
    values = []
    for around in tree.query_ball_point(points_xyz_um[chosen], radius_um):
        n = normals_xyz[around]
        values.append(float(np.linalg.eigvalsh(n.T @ n / len(n))[-1]))
    return float(np.median(values))


def off_sheet_share(points_xyz_um: Points, tolerance_um: float) -> float:
    """Share of points away from the smooth sheet that most of them lie on.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Middle surface.
    tolerance_um : float
        Distance beyond which a point is off the sheet.

    Returns
    -------
    float
        Share off a quadratic height field over the principal plane, fitted by reweighted least squares.
    """
    centred = points_xyz_um - points_xyz_um.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1]
    w, v, u = (centred @ axes).T
    scale = max(float(np.abs(u).max()), 1e-9)
    u, v = u / scale, v / scale
    design = np.column_stack([np.ones_like(u), u, v, u * u, u * v, v * v])
    weight = np.ones(len(w))
    residual = w
    for _ in range(20):
        root = np.sqrt(weight)
        residual = w - design @ np.linalg.lstsq(design * root[:, None], w * root, rcond=None)[0]
        # Cauchy weights: points of a branch lose their pull, those of the main sheet keep it.
        weight = 1.0 / (1.0 + (residual / tolerance_um) ** 2)
    return float(np.mean(np.abs(residual) > tolerance_um))
