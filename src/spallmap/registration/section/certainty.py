"""How sure a refined section pose is: bootstrap over blocks, restarts, residual shifts, margins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap import frames
from spallmap.registration.result import StandardError
from spallmap.registration.section.refine import Level, linearise, refine
from spallmap.registration.section.search import Pose
from spallmap.registration.verdict import pose_standard_error, spread_um

#: Side of the blocks that are drawn together; a pore with its surroundings fits in one.
BLOCK_UM = 100.0
#: Squares of the checkerboard of halves; the weight that the other half keeps so that nothing is singular.
SQUARE_UM, OTHER_HALF = 150.0, 0.02
#: Bootstrap draws: the standard error of a standard error is then 5 %.
DRAWS = 200
#: Spread of the restarts about the result: about the grid's half step and a pore's radius.
RESTART_UM, RESTART_DEG = 10.0, 1.5
RESTARTS = 8


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


@dataclass(frozen=True)
class Blocks:
    """What single blocks of the field say.

    Parameters
    ----------
    centres_um : ndarray, shape (k, 2)
        Block centres (u, v) in the own frame, relative to the field's centre.
    shift_um : ndarray, shape (k, 3)
        Shift along u, v and normal that the block alone would still like.
    se_um : ndarray, shape (k, 3)
        Its standard error from the residual's variance.
    """

    centres_um: NDArray[np.float64]
    shift_um: NDArray[np.float64]
    se_um: NDArray[np.float64]


def block_numbers(points: NDArray[np.float64], side_um: float = BLOCK_UM) -> NDArray[np.intp]:
    """Return the number of the square block that each point lies in, without gaps."""
    cell = np.floor((points[:, :2] - points[:, :2].min(axis=0)) / side_um).astype(np.intp)
    _, number = np.unique(cell, axis=0, return_inverse=True)
    return np.asarray(number, dtype=np.intp).ravel()


def bootstrap(
    level: Level, pose: Pose, own_centre_um: NDArray[np.float64], rng: np.random.Generator
) -> StandardError:
    """Estimate standard errors from Gauss-Newton steps of block bootstrap samples.

    Parameters
    ----------
    level : Level
        Resolution that the pose was refined at.
    pose : Pose
        The minimum.
    own_centre_um : ndarray, shape (3,)
        Field's centre in the own frame.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    StandardError
        Root mean square over the field, by direction.
    """
    fit = linearise(level, pose.rotation, pose.centre_um)
    if fit is None:
        return StandardError(None, None, None)
    number = block_numbers(level.points)
    k = int(number.max()) + 1
    weighted = fit.jacobian * fit.used[:, None]
    gradients = np.column_stack(
        [np.bincount(number, weighted[:, j] * fit.residual, minlength=k) for j in range(6)]
    )
    normals = np.stack(
        [
            np.column_stack(
                [np.bincount(number, weighted[:, i] * fit.jacobian[:, j], minlength=k) for j in range(6)]
            )
            for i in range(6)
        ],
        axis=1,
    )
    counts = rng.multinomial(k, np.full(k, 1.0 / k), size=DRAWS).astype(np.float64)
    ridge = 1e-6 * np.diag(np.diag(fit.normal))
    steps = -np.linalg.solve(
        np.tensordot(counts, normals, axes=1) + ridge, np.tensordot(counts, gradients, axes=1)[..., None]
    )[..., 0]
    covariance = np.atleast_2d(np.cov(steps, rowvar=False))
    own_points = level.points[:: max(1, len(level.points) // 500)] + own_centre_um
    return pose_standard_error(covariance, pose.map(own_centre_um), pose.centre_um, own_points)


def half_fields(level: Level, pose: Pose, own_centre_um: NDArray[np.float64]) -> Halves:
    """Register the black and the white squares of a checkerboard apart.

    Parameters
    ----------
    level : Level
        Resolution that the pose was refined at.
    pose : Pose
        The minimum.
    own_centre_um : ndarray, shape (3,)
        Field's centre in the own frame.

    Returns
    -------
    Halves
        How far they part. It shows what a bootstrap of one minimum cannot: a contradiction between parts.
    """
    cell = np.floor((level.points[:, :2] - level.points[:, :2].min(axis=0)) / SQUARE_UM).astype(np.intp)
    black = cell.sum(axis=1) % 2 == 0
    points = level.points[:: max(1, len(level.points) // 500)] + own_centre_um
    home = pose.map(own_centre_um)
    shifts = []
    for half in (black, ~black):
        weights = level.weights * np.where(half, 1.0, OTHER_HALF)
        moved = refine(replace(level, weights=weights), pose, iterations=20)
        shifts.append((moved.map(own_centre_um)(points) - home(points)) @ home.linear)
    apart = max(float(np.linalg.norm(s, axis=1).mean()) for s in shifts)
    u, v, n = np.sqrt((np.stack(shifts) ** 2).mean(axis=(0, 1)))
    return Halves(apart, StandardError(float(u), float(v), float(n)))


def larger(a: StandardError, b: StandardError) -> StandardError:
    """Take the larger of two standard errors in each direction; None where either says nothing."""
    pairs = ((a.u, b.u), (a.v, b.v), (a.normal, b.normal))
    u, v, normal = (None if x is None or y is None else max(x, y) for x, y in pairs)
    return StandardError(u, v, normal)


def block_residuals(level: Level, pose: Pose) -> Blocks:
    """Find the shift that each block would like on its own; blocks that say nothing are left out."""
    fit = linearise(level, pose.rotation, pose.centre_um)
    number = block_numbers(level.points)
    centres, shifts, errors = [], [], []
    if fit is not None:
        variance = float((fit.used * fit.residual**2).sum() / max(fit.used.sum(), 1.0))
        own_slope = fit.jacobian[:, 3:] @ pose.rotation
        for k in range(int(number.max()) + 1):
            pick = (number == k) & (fit.used > 0)
            J, r, w = own_slope[pick], fit.residual[pick], fit.used[pick]
            normal = (J * w[:, None]).T @ J + np.eye(3) * variance / 10.0**2
            covariance = np.linalg.inv(normal) * variance * 10.0
            if np.all(np.sqrt(np.diag(covariance)[:2]) < 10.0):
                centres.append(level.points[pick, :2].mean(axis=0))
                shifts.append(-np.linalg.solve(normal, (J * w[:, None]).T @ r))
                errors.append(np.sqrt(np.diag(covariance)))
    return Blocks(np.reshape(centres, (-1, 2)), np.reshape(shifts, (-1, 3)), np.reshape(errors, (-1, 3)))


def restarts(
    levels: tuple[Level, ...],
    pose: Pose,
    own_points: NDArray[np.float64],
    own_centre_um: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[float, float]:
    """Refine again from poses nearby.

    Returns
    -------
    share : float
        Share of restarts that end within half a pixel of the last level.
    spread_um : float
        Root mean square distance of those that do from each other.
    """
    home = pose.map(own_centre_um)
    near = 0.5 * float(np.mean(levels[-1].spacing_um))
    back = []
    for _ in range(RESTARTS):
        turn = Rotation.from_rotvec(np.deg2rad(rng.normal(0.0, RESTART_DEG, 3))).as_matrix()
        moved = Pose(turn @ pose.rotation, pose.centre_um + rng.normal(0.0, RESTART_UM, 3), 0.0)
        for level in levels:
            moved = refine(level, moved)
        if np.isfinite(moved.score):
            there = moved.map(own_centre_um)
            if float(frames.displacement_um(there, home, own_points).mean()) < near:
                back.append(there)
    return len(back) / RESTARTS, spread_um([*back, home], own_points)


def margin(level: Level, best: Pose, other: Pose, rng: np.random.Generator) -> tuple[float, float]:
    """Logarithm of how many times worse another pose fits, and its standard error over blocks drawn together.

    Parameters
    ----------
    level : Level
        Resolution.
    best, other : Pose
        Two poses of the same section.
    rng : numpy.random.Generator
        Source of randomness.

    Returns
    -------
    margin, standard_error : float
        ``log(cost of other / cost of best)``, the cost being the residual variance over all variance.
    """
    number = block_numbers(level.points)
    k = int(number.max()) + 1
    fits = [linearise(level, pose.rotation, pose.centre_um) for pose in (best, other)]
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
