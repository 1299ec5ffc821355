"""Local refinement: Gauss-Newton on the section's classes against the tomogram's grey."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap import frames
from spallmap.registration.section.appearance import CERAMIC, EMPTY, SOLID, VOID, Section
from spallmap.registration.section.kernels import sample_with_gradient
from spallmap.registration.section.search import Pose
from spallmap.registration.section.specimen import block_mean

#: Blur of a laboratory tomogram as a Gaussian, in its own voxels; the section is blurred to match.
TOMOGRAM_BLUR_VOXELS = 0.8
#: Weight of the ceramic's inside against everything else. The outline's contrast is strong and its position
#: is off by edge brightening and roughness; inside, pores and cracks say where along the normal it lies.
INSIDE_WEIGHT = 4.0
#: Depth below the ceramic's surface from which it counts as inside, um.
INSIDE_DEPTH_UM = 12.0
#: Residuals beyond this many robust standard deviations lose weight; the greys settle within a few rounds.
ROBUST_SIGMAS, ROBUST_ROUNDS = 4.0, 4
#: A step smaller than this (mean shift of the field) ends the iteration, in voxels of the level.
STILL_VOXELS = 0.005
#: Most of the field's weight that may lie outside the volume.
LEAST_OVERLAP = 0.5


@dataclass(frozen=True)
class Level:
    """One resolution of the refinement.

    Parameters
    ----------
    volume : ndarray of float32, shape (nz, ny, nx)
        Blurred grey.
    spacing_um : tuple of float
        Its spacing in array order.
    origin_um : ndarray, shape (3,)
        Point of its first voxel in the volume's frame.
    points : ndarray, shape (n, 3)
        Section points relative to the field's centre, own axes.
    basis : ndarray, shape (n, 3)
        Share of ceramic, other solid and nothing (voids and outside) at each point, blurred alike.
    void : ndarray, shape (n,)
        Share of voids in the ceramic, blurred alike.
    weights : ndarray, shape (n,)
        Weight of each point.
    inside : ndarray of bool, shape (n,)
        Points well inside the filled ceramic.
    """

    volume: NDArray[np.float32]
    spacing_um: tuple[float, float, float]
    origin_um: NDArray[np.float64]
    points: NDArray[np.float64]
    basis: NDArray[np.float64]
    void: NDArray[np.float64]
    weights: NDArray[np.float64]
    inside: NDArray[np.bool_]


def make_level(
    section: Section,
    grey: NDArray[np.uint16],
    spacing_um: tuple[float, float, float],
    *,
    binning: int,
    blur_um: float,
) -> Level:
    """Blur the tomogram and the section to one resolution.

    Parameters
    ----------
    section : Section
        Class maps.
    grey : ndarray of uint16, shape (nz, ny, nx)
        Common grey scale.
    spacing_um : tuple of float
        Of `grey`.
    binning : int
        Voxels averaged along each axis.
    blur_um : float
        Standard deviation of the added Gaussian blur.

    Returns
    -------
    Level
        Points lie about one binned voxel apart.
    """
    steps = (binning,) * 3
    volume = block_mean(grey, steps) if binning > 1 else grey.astype(np.float32)
    spacing = (spacing_um[0] * binning, spacing_um[1] * binning, spacing_um[2] * binning)
    origin = frames.indices_to_points([(binning - 1) / 2.0] * 3, spacing_um)
    volume = ndimage.gaussian_filter(volume, [blur_um / s for s in spacing], truncate=3.0)
    own = TOMOGRAM_BLUR_VOXELS * float(np.mean(spacing_um))
    total = np.sqrt(blur_um**2 + own**2 + (spacing[0] ** 2 - spacing_um[0] ** 2) / 12.0)
    sigma = [total / s for s in section.spacing_um]
    valid = section.valid.astype(np.float32)
    norm = ndimage.gaussian_filter(valid, sigma)
    maps = np.stack([ndimage.gaussian_filter(m, sigma) for m in section.maps]) / np.maximum(norm, 1e-3)
    # Voids share their grey with the outside: left free, it would turn into the ceramic's where no void is
    # met, and a plane that misses every pore would cost nothing.
    shares = (maps[CERAMIC], maps[SOLID], maps[VOID] + maps[EMPTY])
    strides = [max(1, round(float(np.mean(spacing)) / s)) for s in section.spacing_um]
    pick = np.s_[strides[0] // 2 :: strides[0], strides[1] // 2 :: strides[1]]
    ceramic = section.maps[CERAMIC] + section.maps[VOID] > 0.5
    # The rim of the picture is not the ceramic's surface.
    solid = np.pad(ceramic | ~section.valid, 1, mode="edge")
    depth = ndimage.distance_transform_edt(solid, sampling=section.spacing_um)[1:-1, 1:-1]
    deep = ceramic & (depth > INSIDE_DEPTH_UM)
    seen = (section.valid & (norm > 0.9 * valid))[pick]
    weights = np.where(deep, INSIDE_WEIGHT, 1.0)[pick][seen]
    return Level(
        volume.astype(np.float32),
        spacing,
        origin,
        (section.points() - section.centre_um)[pick][seen],
        np.stack([m[pick][seen] for m in shares], axis=-1).astype(np.float64),
        maps[VOID][pick][seen].astype(np.float64),
        weights,
        deep[pick][seen],
    )


@dataclass(frozen=True)
class Fit:
    """The normal equations at a pose.

    Parameters
    ----------
    cost : float
        Weighted residual variance over weighted variance of the grey, 0 (perfect) to 1.
    step : ndarray, shape (6,)
        Gauss-Newton step: turn (x, y, z; rad, about the field's centre) and shift (x, y, z; um).
    normal, gradient : ndarray
        Shape (6, 6) and (6,); of the weighted sum of squares.
    residual : ndarray, shape (n,)
        Grey minus model; 0 outside the volume.
    values : ndarray, shape (n,)
        Tomogram's grey.
    jacobian : ndarray, shape (n, 6)
        Derivative of the grey by the pose, the class greys taken along.
    overlap : float
        Share of the section's weight inside the volume.
    """

    cost: float
    normal: NDArray[np.float64]
    gradient: NDArray[np.float64]
    residual: NDArray[np.float64]
    values: NDArray[np.float64]
    jacobian: NDArray[np.float64]
    used: NDArray[np.float64]
    overlap: float


def linearise(level: Level, rotation: NDArray[np.float64], centre_um: NDArray[np.float64]) -> Fit | None:
    """Compare at a pose; the grey of each class is fitted (correlation ratio).

    Parameters
    ----------
    level : Level
        Resolution.
    rotation : ndarray, shape (3, 3)
        Own axes in the volume's frame.
    centre_um : ndarray, shape (3,)
        Where the field's centre goes.

    Returns
    -------
    Fit or None
        None where too little of the field lies inside the volume.

    References
    ----------
    Roche, Malandain, Pennec, Ayache, "The correlation ratio as a new similarity measure for multimodal image
    registration", MICCAI 1998; Golub and Pereyra, "Separable nonlinear least squares", Inverse Problems 2003.
    """
    arm = level.points @ rotation.T
    indices = frames.points_to_indices(arm + centre_um - level.origin_um, level.spacing_um)
    n = len(arm)
    values, by_index, inside = np.empty(n), np.empty((n, 3)), np.empty(n, dtype=np.bool_)
    sample_with_gradient(level.volume, indices, values, by_index, inside)
    weights = level.weights * inside
    overlap = float(weights.sum() / level.weights.sum())
    if overlap < LEAST_OVERLAP:
        return None
    slope = (by_index / np.asarray(level.spacing_um))[:, ::-1]
    jacobian = np.hstack([np.cross(arm, slope), slope])
    root = np.sqrt(weights)[:, None]
    table = root * np.hstack([level.basis, jacobian, values[:, None]])
    gram = table.T @ table
    k = level.basis.shape[1]
    classes = gram[:k, :k] + 1e-9 * np.trace(gram[:k, :k]) * np.eye(k)
    coefficients = np.linalg.solve(classes, gram[:k, k:])
    reduced = gram[k:, k:] - gram[:k, k:].T @ coefficients
    total = float(gram[-1, -1] - (weights @ values) ** 2 / weights.sum())
    left = np.hstack([jacobian, values[:, None]]) - level.basis @ coefficients
    return Fit(
        float(reduced[-1, -1] / total) if total > 0 else 1.0,
        reduced[:6, :6],
        reduced[:6, -1],
        left[:, -1] * inside,
        values,
        left[:, :6],
        weights,
        overlap,
    )


def refine(level: Level, start: Pose, *, iterations: int = 20) -> Pose:
    """Levenberg-Marquardt from a start; the result's score is 1 - cost.

    Parameters
    ----------
    level : Level
        Resolution.
    start : Pose
        Where to begin.
    iterations : int
        Most steps.

    Returns
    -------
    Pose
        Score 1 - residual share of the variance; minus infinity where the field leaves the volume.
    """
    rotation, centre = start.rotation, start.centre_um
    fit = linearise(level, rotation, centre)
    if fit is None:
        return Pose(rotation, centre, -np.inf)
    size = float(np.sqrt((level.points**2).sum(axis=1).mean()))
    still = STILL_VOXELS * float(np.mean(level.spacing_um))
    damping = 1e-3
    for _ in range(iterations):
        step = -np.linalg.solve(fit.normal + damping * np.diag(np.diag(fit.normal) + 1e-12), fit.gradient)
        moved_rotation = Rotation.from_rotvec(step[:3]).as_matrix() @ rotation
        moved = linearise(level, moved_rotation, centre + step[3:])
        shift = float(np.linalg.norm(step[:3]) * size + np.linalg.norm(step[3:]))
        if moved is not None and moved.cost < fit.cost:
            rotation, centre, fit = moved_rotation, centre + step[3:], moved
            damping = max(damping / 4.0, 1e-6)
        else:
            damping *= 6.0
        if shift < still or damping > 1e4:
            break
    return Pose(rotation, centre, 1.0 - fit.cost)


def settle(level: Level, pose: Pose) -> tuple[Level, Pose]:
    """Refine with little weight on what does not fit: a crack that only one image shows, a filled pore.

    Parameters
    ----------
    level : Level
        Resolution.
    pose : Pose
        A minimum at this level.

    Returns
    -------
    Level
        The same with the robust weights.
    Pose
        The minimum with them.

    References
    ----------
    Holland and Welsch, "Robust regression using iteratively reweighted least squares", Communications in
    Statistics 6 (1977); the weights are Cauchy's.
    """
    robust = level
    for _ in range(ROBUST_ROUNDS):
        fit = linearise(level, pose.rotation, pose.centre_um)
        if fit is None:
            break
        spread = 1.4826 * float(np.median(np.abs(fit.residual[fit.used > 0])))
        if spread <= 0:
            break
        weights = level.weights / (1.0 + (fit.residual / (ROBUST_SIGMAS * spread)) ** 2)
        robust = replace(level, weights=weights)
        pose = refine(robust, pose, iterations=8)
    return robust, pose


def sample(
    level: Level, pose: Pose, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Tomogram's grey at section points (relative to the field's centre), and whether each lies inside it."""
    indices = frames.points_to_indices(
        points @ pose.rotation.T + pose.centre_um - level.origin_um, level.spacing_um
    )
    n = len(indices)
    values, by_index, seen = np.empty(n), np.empty((n, 3)), np.empty(n, dtype=np.bool_)
    sample_with_gradient(level.volume, indices, values, by_index, seen)
    return values, seen


def inside_correlation(level: Level, pose: Pose) -> float:
    """Correlate section and tomogram inside the ceramic, where pores and cracks alone differ.

    Parameters
    ----------
    level : Level
        Resolution.
    pose : Pose
        Placement.

    Returns
    -------
    float
        Pearson correlation of the section's void share with the tomogram's darkness over the ceramic's
        inside; parts outside the volume count as a mismatch.
    """
    grey, seen = sample(level, pose, level.points[level.inside])
    void = level.void[level.inside]
    if seen.sum() < 10 or np.std(void[seen]) == 0 or np.std(grey[seen]) == 0:
        return 0.0
    return float(-np.corrcoef(void[seen], grey[seen])[0, 1]) * float(seen.mean())
