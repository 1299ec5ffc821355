"""How sure a refined section pose is: bootstrap over blocks, restarts, residual shifts, margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.registration.block_errors import checkerboard, cube_labels
from spallmap.registration.diagnostics import Blocks
from spallmap.registration.result import StandardError
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import SCALED, descend, linearise, refine, refine_among_minima
from spallmap.registration.section.resolutions import Level

# Points whose residuals go together: a Gaussian blur of 0.9 points, about a voxel's, spreads over 4 pi 0.9
# squared of them.
CORRELATED_POINTS = 10.0
# Side of the blocks that are drawn together; a pore with its surroundings fits in one.
BLOCK_UM = 100.0
# Squares of the checkerboard of halves.
SQUARE_UM = 150.0
# Weight that the other half keeps so that nothing is singular.
OTHER_HALF = 0.02
# Bootstrap draws: the standard error of a standard error is then 5 %.
DRAWS = 200
# Spread of the restarts about the result: about the grid's half step and a pore's radius.
RESTART_UM = 10.0
RESTART_DEG = 1.5
# Number of restarts.
RESTARTS = 8
# A restart has come back within this distance: noise makes minima half a voxel to two around the deepest.
RETURNED_VOXELS = 2.0


@dataclass(frozen=True)
class Halves:
    """The two halves of the field, registered alone.

    Parameters
    ----------
    apart_um : float
        Larger of the mean shifts of the field that a half asks for.
    se_um : StandardError
        Root mean square shift by direction. A half's error has twice the whole's variance and is half
        correlated with it, so that the shift of a half from the whole estimates the whole's error.
    """

    apart_um: float
    se_um: StandardError


def step_covariance(
    level: Level, pose: SectionPose, free: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Estimate the covariance of a pose from Gauss-Newton steps of block bootstrap samples.

    Parameters
    ----------
    level : Level
        Resolution that the pose was refined at.
    pose : SectionPose
        The minimum.
    free : int
        Number of parameters that were refined.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    ndarray, shape (free, free)
        Of the parameters of `spallmap.registration.section.refine.Equations`.
    """
    fit = linearise(level, pose)
    if fit is None:
        return np.full((free, free), np.inf)
    number = cube_labels(level.points, BLOCK_UM)
    k = int(number.max()) + 1
    jacobian = fit.jacobian[:, :free]
    weighted = jacobian * fit.used[:, None]
    gradients = np.column_stack(
        [np.bincount(number, weighted[:, j] * fit.residual, minlength=k) for j in range(free)]
    )
    normals = np.stack(
        [
            np.column_stack(
                [np.bincount(number, weighted[:, i] * jacobian[:, j], minlength=k) for j in range(free)]
            )
            for i in range(free)
        ],
        axis=1,
    )
    counts = rng.multinomial(k, np.full(k, 1.0 / k), size=DRAWS).astype(np.float64)
    ridge = 1e-6 * np.diag(np.diag(normals.sum(axis=0)))
    steps = -np.linalg.solve(
        np.tensordot(counts, normals, axes=1) + ridge, np.tensordot(counts, gradients, axes=1)[..., None]
    )[..., 0]
    return np.atleast_2d(np.cov(steps, rowvar=False))


def position_error(
    covariance: NDArray[np.float64], pose: SectionPose, points: NDArray[np.float64]
) -> StandardError:
    """Derive from the covariance of a pose the error of a point's position.

    Parameters
    ----------
    covariance : ndarray, shape (k, k)
        As `step_covariance` gives it.
    pose : SectionPose
        The pose.
    points : ndarray, shape (n, 3)
        Own points relative to the field's centre.

    Returns
    -------
    StandardError
        Root mean square over the points, along the own axes.
    """
    along = points[:, :, None] * pose.linear.T[None]
    arm = along.sum(axis=1)
    found = []
    for axis in pose.rotation.T:
        stretches = np.column_stack([arm @ axis, (along[:, 0] - along[:, 1]) @ axis / 2.0])
        jacobian = np.hstack([np.cross(arm, axis), np.broadcast_to(axis, arm.shape), stretches])
        jacobian = jacobian[:, : len(covariance)]
        found.append(float(np.sqrt(np.einsum("ni,ij,nj->n", jacobian, covariance, jacobian).mean())))
    return StandardError(*found)


def half_fields(level: Level, pose: SectionPose, free: int) -> Halves:
    """Register the black and the white squares of a checkerboard apart.

    Parameters
    ----------
    level : Level
        Resolution that the pose was refined at.
    pose : SectionPose
        The minimum.
    free : int
        Number of parameters that were refined.

    Returns
    -------
    Halves
        How far they come apart. It shows what a bootstrap of one minimum cannot: a contradiction between
        parts.
    """
    black = checkerboard(level.points, SQUARE_UM)
    points = level.own_points(500)
    home = pose.place(points)
    shifts = []
    for half in (black, ~black):
        moved = refine(level.weighted(level.weights * np.where(half, 1.0, OTHER_HALF)), pose, free=free)
        shifts.append((moved.place(points) - home) @ pose.rotation)
    apart = max(float(np.linalg.norm(s, axis=1).mean()) for s in shifts)
    u, v, n = np.sqrt((np.stack(shifts) ** 2).mean(axis=(0, 1)))
    return Halves(apart, StandardError(float(u), float(v), float(n)))


def larger(a: StandardError, b: StandardError) -> StandardError:
    """Take the larger of two standard errors in each direction; None where either says nothing."""
    pairs = ((a.u, b.u), (a.v, b.v), (a.normal, b.normal))
    u, v, normal = (None if x is None or y is None else max(x, y) for x, y in pairs)
    return StandardError(u, v, normal)


def block_residuals(level: Level, pose: SectionPose, own_centre_um: NDArray[np.float64]) -> Blocks:
    """Find the shift that each block would like on its own; blocks that say nothing are left out.

    Its standard error comes from the residuals of the block itself: those at edges are the largest.
    """
    fit = linearise(level, pose)
    number = cube_labels(level.points, BLOCK_UM)
    centres, shifts, errors = [], [], []
    if fit is not None:
        variance = float((fit.used * fit.residual**2).sum() / max(fit.used.sum(), 1.0))
        own_slope = fit.jacobian[:, 3:6] @ pose.rotation
        for k in range(int(number.max()) + 1):
            pick = (number == k) & (fit.used > 0)
            J, r, w = own_slope[pick], fit.residual[pick], fit.used[pick]
            normal = (J * w[:, None]).T @ J + np.eye(3) * variance / 10.0**2
            inverse = np.linalg.inv(normal)
            if np.all(np.sqrt(np.diag(inverse)[:2] * variance * CORRELATED_POINTS) < 10.0):
                scores = J * (w * r)[:, None]
                covariance = inverse @ (scores.T @ scores) @ inverse * CORRELATED_POINTS
                centres.append(level.points[pick].mean(axis=0))
                shifts.append(-np.linalg.solve(normal, (J * w[:, None]).T @ r))
                errors.append(np.sqrt(np.diag(covariance)))
    positions = np.pad(np.reshape(centres, (-1, 2)), ((0, 0), (0, 1))) + own_centre_um
    return Blocks(positions, np.reshape(shifts, (-1, 3)), np.reshape(errors, (-1, 3)))


def resolutions_apart(soft: Level, fine: Level, best: SectionPose, voxel_um: float) -> NDArray[np.float64]:
    """Compare a minimum with the one that the finest resolution reaches from a softer one's deepest.

    Parameters
    ----------
    soft, fine : Level
        The resolution at which poses are compared, and the finest.
    best : SectionPose
        The minimum at the finest.
    voxel_um : float
        Voxel size.

    Returns
    -------
    ndarray, shape (3,)
        Root mean square distance over the field along u, v and normal, um: next to nothing where both
        resolutions prefer the same minimum.
    """
    preferred = refine_among_minima(soft, refine(soft, best, free=SCALED), voxel_um)
    reached = refine(fine, preferred, free=SCALED)
    points = fine.own_points(400)
    apart = (reached.place(points) - best.place(points)) @ best.rotation
    distance: NDArray[np.float64] = np.sqrt((apart**2).mean(axis=0))
    return distance


def restarts(
    levels: tuple[Level, ...],
    pose: SectionPose,
    free: int,
    rng: np.random.Generator,
) -> float:
    """Refine again from poses nearby; return the fraction that comes back."""
    points = levels[-1].own_points(400)
    home = pose.place(points)
    near = RETURNED_VOXELS * float(np.mean(levels[-1].grid.spacing_um))
    back = 0
    for _ in range(RESTARTS):
        rotation = rng.normal(0.0, np.deg2rad(RESTART_DEG), 3)
        moved = pose.moved(np.concatenate([rotation, rng.normal(0.0, RESTART_UM, 3)]))
        moved = descend(levels, moved, free=free)
        apart = float(np.linalg.norm(moved.place(points) - home, axis=1).mean())
        back += bool(np.isfinite(moved.score) and apart < near)
    return back / RESTARTS


def margin(
    level: Level, best: SectionPose, other: SectionPose, rng: np.random.Generator
) -> tuple[float, float]:
    """Logarithm of how many times worse another pose fits, and its standard error over blocks drawn together.

    Parameters
    ----------
    level : Level
        Resolution.
    best, other : SectionPose
        Two poses of the same section.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    margin, standard_error : float
        ``log(cost of other / cost of best)``, the cost being the residual variance over all variance.
    """
    number = cube_labels(level.points, BLOCK_UM)
    k = int(number.max()) + 1
    fits = [linearise(level, pose) for pose in (best, other)]
    if k < 2 or fits[0] is None or fits[1] is None:
        return 0.0, np.inf
    sums = []
    for fit in fits:
        assert fit is not None
        w, v = fit.used, fit.values
        terms = (w * fit.residual**2, w, w * v, w * v * v)
        sums.append(np.stack([np.bincount(number, t, minlength=k) for t in terms]))
    counts = rng.multinomial(k, np.full(k, 1.0 / k), size=DRAWS).astype(np.float64)
    drawn = [_log_cost(s @ counts.T) for s in sums]
    return float(_log_cost(sums[1].sum(axis=1)) - _log_cost(sums[0].sum(axis=1))), float(
        np.std(drawn[1] - drawn[0])
    )


def _log_cost(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    squares, n, a, aa = sums
    variance = np.maximum(aa - a * a / np.maximum(n, 1.0), 1e-12)
    found: NDArray[np.float64] = np.log(np.maximum(squares, 1e-12) / variance)
    return found
