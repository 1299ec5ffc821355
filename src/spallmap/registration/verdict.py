"""What every registration needs to judge itself: differences between maps, bootstrap draws, checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import polar

from spallmap.frames import AffineMap, displacement_um
from spallmap.registration.diagnostics import Rival, Verdict
from spallmap.registration.result import RunnerUp, StandardError


@dataclass(frozen=True)
class Candidate:
    """A pose that a search ended in.

    Parameters
    ----------
    map : AffineMap
        From the own frame to the frame registered to.
    score : float
        Its agreement; whether more or less is better is said where candidates are compared.
    """

    map: AffineMap
    score: float


@dataclass(frozen=True)
class Check:
    """One condition that a registration has to meet.

    Parameters
    ----------
    passed : bool
        Whether it is met.
    reason : str
        What a person reads when it is not met.
    """

    passed: bool
    reason: str


class Refused(Exception):  # noqa: N818
    """A method that cannot go on: raised where that is seen, with the reason in words for a person.

    The method's ``register_*`` turns it into a refused registration without a score.
    """


def decide(checks: Iterable[Check]) -> tuple[Verdict, tuple[str, ...]]:
    """Accept where every check is passed; otherwise refuse with the reasons of those that are not.

    Parameters
    ----------
    checks : iterable of Check
        In the order in which a person should read the reasons.

    Returns
    -------
    verdict : {"accepted", "refused"}
        The decision.
    reasons : tuple of str
        Empty when accepted.
    """
    reasons = tuple(check.reason for check in checks if not check.passed)
    return ("refused" if reasons else "accepted"), reasons


def angle_between_deg(a: AffineMap, b: AffineMap) -> float:
    """Angle of the turn between two maps, scale and shear left aside.

    Parameters
    ----------
    a, b : AffineMap
        Maps from the same frame to the same frame.

    Returns
    -------
    float
        Between 0 and 180 degrees; where one map mirrors and the other does not, the angle of the turn that
        is left after reversing the direction of the third own axis.
    """
    turn: NDArray[np.float64] = polar(a.linear)[0].T @ polar(b.linear)[0]
    if np.linalg.det(turn) < 0:
        turn = turn @ np.diag([1.0, 1.0, -1.0])
    # The arcsine of half the chord is precise at small angles, where the arccosine of the trace is not.
    chord = np.linalg.norm(turn - np.eye(3)) / np.sqrt(8.0)
    return float(np.rad2deg(2.0 * np.arcsin(min(1.0, chord))))


def mean_difference_um(a: AffineMap, b: AffineMap, points: ArrayLike) -> float:
    """Mean distance between where two maps send points.

    Parameters
    ----------
    a, b : AffineMap
        Maps from the own frame.
    points : array_like, shape (..., 3)
        Points of the own frame in micrometres, usually the field of view.

    Returns
    -------
    float
        In micrometres.
    """
    return float(displacement_um(a, b, points).mean())


def spread_um(maps: Sequence[AffineMap], points: ArrayLike) -> float:
    """Root mean square distance of several maps' points from their mean position.

    Parameters
    ----------
    maps : sequence of AffineMap
        For instance where different starts ended.
    points : array_like, shape (..., 3)
        Points of the own frame in micrometres.

    Returns
    -------
    float
        In micrometres; 0 for a single map.
    """
    mapped = np.stack([one(points) for one in maps])
    return float(np.sqrt(((mapped - mapped.mean(axis=0)) ** 2).sum(axis=-1).mean()))


def best_different(
    candidates: Iterable[Candidate],
    best: AffineMap,
    points: ArrayLike,
    *,
    min_um: float,
    min_deg: float = np.inf,
    higher_is_better: bool = True,
    difference_um: Callable[[AffineMap, AffineMap], float] | None = None,
) -> RunnerUp | None:
    """Find the best candidate that is another solution than `best`.

    Parameters
    ----------
    candidates : iterable of Candidate
        Where the search ended; `best` itself may be among them.
    best : AffineMap
        The reported solution.
    points : array_like, shape (..., 3)
        Points of the own frame over which the difference is averaged, in micrometres.
    min_um, min_deg : float
        A candidate is different when it lies at least `min_um` away or is turned by at least `min_deg`.
    higher_is_better : bool
        Direction of the score.
    difference_um : callable, optional
        Replaces the mean distance over `points` where some direction is unobservable.

    Returns
    -------
    RunnerUp or None
        None where no candidate is different.
    """
    sign = 1.0 if higher_is_better else -1.0
    winner: RunnerUp | None = None
    for candidate in candidates:
        if winner is not None and sign * candidate.score <= sign * winner.score:
            continue
        if difference_um is None:
            distance = mean_difference_um(candidate.map, best, points)
        else:
            distance = difference_um(candidate.map, best)
        angle = angle_between_deg(candidate.map, best)
        if distance >= min_um or angle >= min_deg:
            winner = RunnerUp(score=candidate.score, differs_by_um=distance, differs_by_deg=angle)
    return winner


def keep_different(
    candidates: Iterable[Candidate], points: ArrayLike, *, min_um: float, most: int
) -> list[Candidate]:
    """Keep the best of several candidates, of those that are one solution only the best.

    Parameters
    ----------
    candidates : iterable of Candidate
        In any order; a higher score is better.
    points : array_like, shape (..., 3)
        Points of the own frame over which differences are averaged, in micrometres.
    min_um : float
        Candidates are different when they lie more than this apart.
    most : int
        How many to keep at most.

    Returns
    -------
    list of Candidate
        The best first.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> shifts = {0.0: 0.9, 1.0: 0.95, 50.0: 0.6}
    >>> found = [Candidate(AffineMap.from_parts(np.eye(3), [x, 0, 0]), s) for x, s in shifts.items()]
    >>> [c.score for c in keep_different(found, [[0.0, 0.0, 0.0]], min_um=10.0, most=4)]
    [0.95, 0.6]
    """
    kept: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda c: -c.score):
        if len(kept) == most:
            break
        if all(mean_difference_um(candidate.map, k.map, points) > min_um for k in kept):
            kept.append(candidate)
    return kept


def rivals_of(
    candidates: Iterable[Candidate], best: AffineMap, points: ArrayLike, *, min_um: float, most: int = 4
) -> tuple[Rival, ...]:
    """Describe the candidates of a search that are other solutions than the reported one.

    Parameters
    ----------
    candidates : iterable of Candidate
        The best first; the one that the reported solution came from may be among them.
    best : AffineMap
        The reported solution.
    points : array_like, shape (..., 3)
        Points of the own frame over which differences are averaged, in micrometres.
    min_um : float
        A candidate is another solution when it lies at least this far away.
    most : int
        How many to describe.

    Returns
    -------
    tuple of Rival
        In the order given.
    """
    rivals = []
    for candidate in candidates:
        distance = mean_difference_um(candidate.map, best, points)
        if distance >= min_um:
            angle = angle_between_deg(candidate.map, best)
            rivals.append(
                Rival(
                    "another pose",
                    score=candidate.score,
                    map=candidate.map,
                    differs_by_um=distance,
                    differs_by_deg=angle,
                )
            )
    return tuple(rivals[:most])


def block_labels(shape: Sequence[int], block_shape: Sequence[int]) -> NDArray[np.intp]:
    """Give each sample of a grid the number of its rectangular block.

    Parameters
    ----------
    shape : sequence of int
        The grid.
    block_shape : sequence of int
        Samples per block along each axis; the last block along an axis may be smaller.

    Returns
    -------
    ndarray of int, shape `shape`
        The number of the block that each sample lies in, from 0 upwards without gaps.
    """
    labels = np.zeros(tuple(shape), dtype=np.intp)
    for axis, (n, size) in enumerate(zip(shape, block_shape, strict=True)):
        if size < 1:
            raise ValueError(f"a block needs at least one sample along each axis; got {tuple(block_shape)}")
        index = np.arange(n) // size
        n_blocks = int(index[-1]) + 1 if n else 1
        labels = labels * n_blocks + index.reshape([-1 if k == axis else 1 for k in range(len(shape))])
    return labels


def block_multiplicities(
    labels: NDArray[np.intp], n_draws: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw block bootstrap samples as weights of the samples.

    Parameters
    ----------
    labels : ndarray of int
        The block of each sample; neighbouring samples whose errors go together share a block.
    n_draws : int
        Number of bootstrap samples.
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray, shape (n_draws, *labels.shape)
        How often each sample occurs in each draw: blocks are drawn with replacement.

    References
    ----------
    Kunsch, "The jackknife and the bootstrap for general stationary observations", Annals of Statistics 17
    (1989).
    """
    names, index = np.unique(labels, return_inverse=True)
    n = names.size
    counts = rng.multinomial(n, np.full(n, 1.0 / n), size=n_draws)
    return counts[:, index.reshape(labels.shape)].astype(np.float64)


def block_bootstrap_covariance(
    estimate: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    labels: NDArray[np.intp],
    n_draws: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Covariance of an estimate over block bootstrap samples.

    Parameters
    ----------
    estimate : callable
        Takes the weights of the samples (the shape of `labels`) and returns the parameters, shape (k,).
    labels : ndarray of int
        The block of each sample.
    n_draws : int
        Number of bootstrap samples.
    rng : numpy.random.Generator
        The source of randomness.

    Returns
    -------
    ndarray, shape (k, k)
        The covariance matrix of the parameters.
    """
    draws = np.stack([estimate(w) for w in block_multiplicities(labels, n_draws, rng)])
    return np.atleast_2d(np.cov(draws, rowvar=False))


def pose_standard_error(
    covariance: NDArray[np.float64],
    to_reference: AffineMap,
    centre_um: ArrayLike,
    points: ArrayLike,
    *,
    normal: bool = True,
) -> StandardError:
    """Turn the covariance of a small rigid motion into standard errors of a point's position.

    Parameters
    ----------
    covariance : ndarray, shape (6, 6)
        Of (turn about the reference x, y, z in radians, shift along x, y, z in micrometres); the turn is
        about `centre_um`.
    to_reference : AffineMap
        The map whose own axes give the directions u, v and normal.
    centre_um : array_like, shape (3,)
        The centre of the turn, in the reference frame.
    points : array_like, shape (..., 3)
        Points of the own frame; the error reported is the root mean square over them.
    normal : bool
        False where the normal direction is unobservable; it is then None.

    Returns
    -------
    StandardError
        In micrometres.
    """
    arms = to_reference(points).reshape(-1, 3) - np.asarray(centre_um, dtype=np.float64)
    variances: list[float] = []
    for column in range(3):
        axis = to_reference.linear[:, column]
        axis = axis / np.linalg.norm(axis)
        # The displacement along the axis is axis . (turn x arm + shift) = turn . (arm x axis) + axis . shift.
        jacobian = np.hstack([np.cross(arms, axis), np.broadcast_to(axis, arms.shape)])
        variances.append(float(np.einsum("ni,ij,nj->n", jacobian, covariance, jacobian).mean()))
    u, v, n = np.sqrt(np.maximum(variances, 0.0))
    return StandardError(u=float(u), v=float(v), normal=float(n) if normal else None)
