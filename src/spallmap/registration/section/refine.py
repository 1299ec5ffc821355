"""Local refinement: Gauss-Newton on the section's classes against the tomogram's grey."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from spallmap import frames
from spallmap.registration.section.compiled import normal_equations, sample_with_gradient
from spallmap.registration.section.pose import SectionPose, neighbours
from spallmap.registration.section.resolutions import Level
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY

# Free parameters of a rigid placement, with one scale, and with one scale for each own axis.
RIGID = 6
SCALED = 7
STRETCHED = 8
# Residuals beyond this many robust standard deviations lose weight.
ROBUST_SIGMAS = 4.0
# The greys converge within a few rounds.
ROBUST_ROUNDS = 4
# A step smaller than this (mean shift of the field) ends the iteration, in voxels of the level.
STILL_VOXELS = 0.005
# By how much a void is darker than ceramic on the common grey scale.
VOID_CONTRAST = float(CERAMIC_GREY - AIR_GREY)
# Least and most of that contrast that may be fitted. Blur across the plane leaves less of a small pore at low
# resolution; with lower bounds, 0.5 or 0.7, a small cell's binned volume lost the pose that it was started
# from.
VOID_BOUNDS = (0.9, 1.2)
# Around a minimum at the finest resolution others are looked for this far off, over the field. Two of 36
# planes were 1.5 voxels off in a minimum that was not the deepest.
MINIMA_APART_VOXELS = 1.5
# In so many rounds.
MINIMA_ROUNDS = 3
# With so many first steps from each neighbour.
MINIMA_FIRST_STEPS = 4
# And so many of each round to the end.
MINIMA_FINISHED = 4
# Least fraction of the field's weight inside the volume for a comparison.
COMPARED_OVERLAP = 0.5


@dataclass(frozen=True)
class Equations:
    """The normal equations at a pose.

    Parameters
    ----------
    cost : float
        Weighted residual variance over weighted variance of the grey, 0 (perfect) to 1.
    normal, gradient : ndarray, shape (8, 8) and (8,)
        Of the weighted sum of squares, by rotation (x, y, z; rad, about the field's centre), shift (x, y, z;
        um) and the logarithms of scale and anisotropy; the classes' greys are eliminated.
    overlap : float
        Fraction of the section's weight inside the volume.
    """

    cost: float
    normal: NDArray[np.float64]
    gradient: NDArray[np.float64]
    overlap: float


def equations(level: Level, pose: SectionPose) -> Equations | None:
    """Compare at a pose; the grey of each class is fitted (correlation ratio).

    Parameters
    ----------
    level : Level
        Resolution.
    pose : SectionPose
        Placement.

    Returns
    -------
    Equations or None
        None where too little of the field lies inside the volume.

    References
    ----------
    Roche, Malandain, Pennec, Ayache, "The correlation ratio as a new similarity measure for multimodal image
    registration", MICCAI 1998; Golub and Pereyra, "Separable nonlinear least squares", Inverse Problems 2003.
    """
    gram = np.empty((13, 13))
    weight, grey = normal_equations(
        level.grid.volume,
        np.asarray(level.grid.spacing_um),
        level.points,
        level.basis,
        level.added,
        level.weights,
        pose.linear[:, :2],
        pose.centre_um - level.grid.origin_um,
        gram,
    )
    overlap = weight / level.total_weight
    if overlap < COMPARED_OVERLAP:
        return None
    total = gram[-1, -1] - grey**2 / weight
    left = np.vstack([-_class_greys(gram), np.eye(9)])
    reduced = left.T @ gram @ left
    return Equations(
        float(reduced[-1, -1] / total) if total > 0 else 1.0, reduced[:8, :8], reduced[:8, -1], overlap
    )


def _class_greys(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of the classes in every other column; a class that is not met has none.

    How much darker a void is than ceramic keeps its bounds: left free, it would vanish where no void is met,
    and a plane that misses every pore would cost nothing.
    """
    classes = gram[:4, :4] + 1e-9 * np.trace(gram[:4, :4]) * np.eye(4)
    solved: NDArray[np.float64] = np.linalg.solve(classes, gram[:4, 4:])
    fraction = -float(solved[3, -1]) / VOID_CONTRAST
    if not VOID_BOUNDS[0] <= fraction <= VOID_BOUNDS[1]:
        darker = float(np.clip(fraction, *VOID_BOUNDS)) * VOID_CONTRAST
        solved[:3] = np.linalg.solve(classes[:3, :3], gram[:3, 4:])
        solved[3] = 0.0
        solved[:3, -1] += np.linalg.solve(classes[:3, :3], gram[:3, 3]) * darker
        solved[3, -1] = -darker
    return solved


@dataclass(frozen=True)
class Fit:
    """A comparison point by point.

    Parameters
    ----------
    residual : ndarray, shape (n,)
        Grey minus model; 0 outside the volume.
    values : ndarray, shape (n,)
        Tomogram's grey.
    jacobian : ndarray, shape (n, 8)
        Derivative of the residual by the parameters of `Equations`, the classes' greys taken along.
    used : ndarray, shape (n,)
        Weight of each point; 0 outside the volume.
    cost, overlap : float
        As in `Equations`.
    """

    residual: NDArray[np.float64]
    values: NDArray[np.float64]
    jacobian: NDArray[np.float64]
    used: NDArray[np.float64]
    cost: float
    overlap: float


def linearise(level: Level, pose: SectionPose) -> Fit | None:
    """Compare at a pose as `equations` does, and keep what each point says.

    Parameters
    ----------
    level : Level
        Resolution.
    pose : SectionPose
        Placement.

    Returns
    -------
    Fit or None
        None where too little of the field lies inside the volume.
    """
    values, slope, inside = _sampled(level, pose, level.points)
    values = values + level.added * inside
    weights = level.weights * inside
    overlap = float(weights.sum() / level.total_weight)
    if overlap < COMPARED_OVERLAP:
        return None
    along = [slope @ pose.linear[:, k] * level.points[:, k] for k in range(2)]
    arm = level.points @ pose.linear[:, :2].T
    stretches = np.column_stack([along[0] + along[1], (along[0] - along[1]) / 2.0])
    columns = np.hstack([np.cross(arm, slope), slope, stretches, values[:, None]])
    table = np.sqrt(weights)[:, None] * np.hstack([level.basis, columns])
    gram = table.T @ table
    left = columns - level.basis @ _class_greys(gram)
    total = float(gram[-1, -1] - (weights @ values) ** 2 / weights.sum())
    cost = float(weights @ left[:, -1] ** 2) / total if total > 0 else 1.0
    return Fit(left[:, -1] * inside, values, left[:, :8], weights, cost, overlap)


def _sampled(
    level: Level, pose: SectionPose, points: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Grey, its gradient by (x, y, z) in um, and whether each point (u, v) lies inside the volume."""
    placed = points @ pose.linear[:, :2].T + pose.centre_um - level.grid.origin_um
    indices = frames.points_to_indices(placed, level.grid.spacing_um)
    n = len(indices)
    values, by_index, seen = np.empty(n), np.empty((n, 3)), np.empty(n, dtype=np.bool_)
    sample_with_gradient(level.grid.volume, indices, values, by_index, seen)
    return values, (by_index / np.asarray(level.grid.spacing_um))[:, ::-1], seen


def refine(level: Level, start: SectionPose, *, iterations: int = 20, free: int = RIGID) -> SectionPose:
    """Levenberg-Marquardt from a start; the result's score is 1 - cost.

    Parameters
    ----------
    level : Level
        Resolution.
    start : SectionPose
        Where to begin.
    iterations : int
        Most steps.
    free : {RIGID, SCALED, STRETCHED}
        Number of parameters that may change; scale and anisotropy keep their bounds.

    Returns
    -------
    SectionPose
        Score 1 - residual fraction of the variance; minus infinity where the field leaves the volume.
    """
    pose, fit = start, equations(level, start)
    if fit is None:
        return replace(start, score=-np.inf)
    size = float(np.sqrt((level.points**2).sum(axis=1).mean()))
    still = STILL_VOXELS * float(np.mean(level.grid.spacing_um))
    damping = 1e-3
    for _ in range(iterations):
        normal, gradient = fit.normal[:free, :free], fit.gradient[:free]
        damped = normal + damping * np.diag(np.diag(normal) + 1e-12)
        step = np.asarray(-np.linalg.solve(damped, gradient), dtype=np.float64)
        moved = pose.moved(step)
        tried = equations(level, moved)
        shift = float((np.linalg.norm(step[:3]) + np.abs(step[6:]).sum()) * size + np.linalg.norm(step[3:6]))
        if tried is not None and tried.cost < fit.cost:
            pose, fit = moved, tried
            damping = max(damping / 4.0, 1e-6)
        else:
            damping *= 6.0
        if shift < still or damping > 1e4:
            break
    return replace(pose, score=1.0 - fit.cost)


def descend(levels: Sequence[Level], start: SectionPose, *, free: int = RIGID) -> SectionPose:
    """Refine from one resolution to the next.

    Parameters
    ----------
    levels : sequence of Level
        Coarse first.
    start : SectionPose
        Where to begin.
    free : {RIGID, SCALED, STRETCHED}
        Number of parameters that may change.

    Returns
    -------
    SectionPose
        The minimum at the last level; minus infinity for a score where the field leaves the volume.
    """
    for level in levels:
        start = refine(level, start, free=free)
        if not np.isfinite(start.score):
            break
    return start


def refine_robustly(level: Level, pose: SectionPose, *, free: int = RIGID) -> tuple[Level, SectionPose]:
    """Refine with little weight on what does not fit: a crack that only one image shows, a filled pore.

    Parameters
    ----------
    level : Level
        Resolution.
    pose : SectionPose
        A minimum at this level.
    free : {RIGID, SCALED, STRETCHED}
        Number of parameters that may change.

    Returns
    -------
    Level
        The same with the robust weights.
    SectionPose
        The minimum with them.

    References
    ----------
    Holland and Welsch, "Robust regression using iteratively reweighted least squares", Communications in
    Statistics 6 (1977); the weights are Cauchy's.
    """
    robust = level
    for _ in range(ROBUST_ROUNDS):
        fit = linearise(level, pose)
        if fit is None:
            break
        spread = 1.4826 * float(np.median(np.abs(fit.residual[fit.used > 0])))
        if spread <= 0:
            break
        robust = level.weighted(level.weights / (1.0 + (fit.residual / (ROBUST_SIGMAS * spread)) ** 2))
        pose = refine(robust, pose, iterations=8, free=free)
    return robust, pose


def refine_among_minima(fine: Level, pose: SectionPose, voxel_um: float) -> SectionPose:
    """Try whether a pose beside a minimum leads to a deeper one, since noise makes many.

    Parameters
    ----------
    fine : Level
        The resolution to look at.
    pose : SectionPose
        A minimum at it.
    voxel_um : float
        Voxel size.

    Returns
    -------
    SectionPose
        The deepest minimum found; the same pose where there is none deeper.
    """
    size = float(np.sqrt((fine.points**2).sum(axis=1).mean()))
    for _ in range(MINIMA_ROUNDS):
        around = neighbours(
            pose, MINIMA_APART_VOXELS * voxel_um, float(np.rad2deg(MINIMA_APART_VOXELS * voxel_um / size))
        )
        begun = [refine(fine, near, iterations=MINIMA_FIRST_STEPS, free=SCALED) for near in around]
        begun.sort(key=lambda near: -near.score)
        ended = [refine(fine, near, free=SCALED) for near in begun[:MINIMA_FINISHED]]
        best = max(ended, key=lambda near: near.score)
        if not best.score > pose.score:
            break
        pose = best
    return pose


def inside_correlation(level: Level, pose: SectionPose) -> float:
    """Correlate section and tomogram inside the ceramic, where pores and cracks alone differ.

    Parameters
    ----------
    level : Level
        Resolution.
    pose : SectionPose
        Placement.

    Returns
    -------
    float
        Weighted correlation of the section's void fraction with the tomogram's darkness over the ceramic's
        inside; parts outside the volume count as a mismatch.
    """
    grey, _, seen = _sampled(level, pose, level.points[level.inside])
    if seen.sum() < 10:
        return 0.0
    weights, void = level.weights[level.inside], level.void[level.inside]
    fraction = float(weights[seen].sum() / weights.sum())
    table = np.stack([void[seen], grey[seen]])
    (a, c), (_, b) = np.cov(table, aweights=weights[seen])
    return float(-c / np.sqrt(a * b)) * fraction if a > 0.0 and b > 0.0 else 0.0
