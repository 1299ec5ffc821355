"""How far off a point of an image may lie: noise, misfit in its own structure, the field's distortion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap, grid_points
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.projection.fit_parameters import N_POSE, SHIFT, warp_terms
from spallmap.registration.projection.forward import project
from spallmap.registration.projection.judge import TRIMMED_FRACTION, footprint_of
from spallmap.registration.projection.refine import Problem, ProjectionSolution, covariance, least_squares
from spallmap.registration.result import StandardError
from spallmap.registration.verdict import block_bootstrap_covariance, block_labels, pose_standard_error

# Pixels whose misfit goes together, for the bootstrap: the electrodes' faces are two rows thick and the
# outlines wander over several columns.
BLOCK_PIXELS = (4, 4)
BLOCK_SLICES = 2
BOOTSTRAP_DRAWS = 200
# A block's second direction counts from this fraction of its strength on: along an edge nothing is measured.
EDGE_RATIO = 0.01
# The fall in cost by a displacement along the other axis, over that along the chosen one: 0.07 to 0.43 where
# the right one was chosen beyond doubt, 0.76 and more in doubt.
UNDECIDED = 0.6
# Odds that a displacement too small to be fitted is the field's, and not the segmentation's: images without
# distortion ask for 2.2 to 2.9 um, images whose metal was moved by 4 um on average for 1.2 to 4.6.
UNSEEN_FIELD = 0.5
# Along rows, along columns, along both.
MIRRORS = ((-2,), (-1,), (-2, -1))


def parameter_covariance(
    problem: Problem, solution: ProjectionSolution, chi2: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Covariance of the pose with the model's misfit taken in.

    The largest, by its trace in units of the noise's own covariance, of three estimates: the information
    matrix scaled by the reduced chi-square, one Gauss-Newton step for each of many block bootstrap samples,
    and one for each way in which the residual is mirrored about the metal's middle, in its own structure.

    Parameters
    ----------
    problem : Problem
        Data and model.
    solution : ProjectionSolution
        The end of the fit.
    chi2 : float
        Reduced chi-square where the metal is.
    rng : numpy.random.Generator
        For the bootstrap.

    Returns
    -------
    ndarray, shape (6, 6)
        Of (rotation about own x, y, normal in radians; position along own x, y, normal in um); of a
        projection the depth has none.
    """
    full = covariance(problem, solution)
    scaled = full * max(1.0, chi2)
    pulled = np.where(problem.used, solution.pull * solution.residual, 0.0).reshape(-1, 1)
    score = problem.sampler.independent * solution.jacobian * pulled
    labels = block_labels(problem.image.shape, block_shape(problem))

    def one_step(weights: NDArray[np.float64]) -> NDArray[np.float64]:
        step: NDArray[np.float64] = full @ (weights.reshape(-1) @ score)
        return step

    resampled = block_bootstrap_covariance(one_step, labels, BOOTSTRAP_DRAWS, rng)
    pose = slice(0, N_POSE)
    precision = np.linalg.inv(full[pose, pose])
    mirrored = [full @ step for step in _mirrored_scores(problem, solution)]
    structured = np.mean([np.outer(step, step) for step in mirrored], axis=0)
    candidates = [scaled[pose, pose], resampled[pose, pose], structured[pose, pose]]
    return max(candidates, key=lambda c: float(np.trace(precision @ c)))


def block_variance(problem: Problem, solution: ProjectionSolution) -> float:
    """Variance of the misfit's pull on a parameter, in units of what noise alone would have.

    Parameters
    ----------
    problem : Problem
        Data and model.
    solution : ProjectionSolution
        The end of a fit.

    Returns
    -------
    float
        Mean over the parameters, with the blocks as the independent pieces; the reduced chi-square where
        neighbouring residuals have nothing in common.

    References
    ----------
    Liang and Zeger, "Longitudinal data analysis using generalized linear models", Biometrika 73 (1986).
    """
    full = covariance(problem, solution)
    labels = block_labels(problem.image.shape, block_shape(problem)).ravel()
    pulled = np.where(problem.used, solution.pull * solution.residual, 0.0).reshape(-1, 1)
    scores = np.zeros((int(labels.max()) + 1, full.shape[0]))
    np.add.at(scores, labels, problem.sampler.independent * solution.jacobian * pulled)
    # What is pinned or unseen has neither information nor pull.
    seen = np.diag(full) * problem.prior.precision < 0.5
    return float(np.einsum("bi,ij,bj->", scores, full, scores) / max(int(seen.sum()), 1))


def _mirrored_scores(problem: Problem, solution: ProjectionSolution) -> list[NDArray[np.float64]]:
    """Gradient of the misfit with its residual mirrored along rows, along columns and along both.

    A fit leaves a residual that pulls nowhere. Mirrored it lies on outlines like its own and pulls as much as
    the same kind of misfit would have, had it fallen otherwise.
    """
    left = np.where(problem.used, solution.pull * solution.residual, 0.0)
    fields = [mirrored(left, solution.amplitude, axes) for axes in MIRRORS]
    return [problem.sampler.independent * (field.ravel() @ solution.jacobian) for field in fields]


def mirrored(
    field: NDArray[np.float64], amplitude: NDArray[np.float64], axes: tuple[int, ...]
) -> NDArray[np.float64]:
    """Mirror a field along some axes about an image's middle, to the nearest pixel; 0 from outside.

    Parameters
    ----------
    field : ndarray
        Such as a residual.
    amplitude : ndarray, same shape
        The image whose centroid is the middle.
    axes : tuple of int
        Of the last two.

    Returns
    -------
    ndarray, same shape
        The mirrored field.

    Examples
    --------
    >>> import numpy as np
    >>> row = np.array([[1.0, 2.0, 3.0, 4.0]])
    >>> mirrored(row, np.array([[0.0, 1.0, 1.0, 1.0]]), (-1,))
    array([[0., 4., 3., 2.]])
    """
    total = max(float(amplitude.sum()), 1e-300)
    for axis in axes:
        n, along = field.shape[axis], field.ndim + axis
        others = tuple(k for k in range(field.ndim) if k != along)
        middle = float(amplitude.sum(axis=others) @ np.arange(n)) / total
        index = np.rint(2.0 * middle - np.arange(n)).astype(int)
        inside = np.expand_dims((index >= 0) & (index < n), others)
        field = np.where(inside, np.take(field, np.clip(index, 0, n - 1), axis=axis), 0.0)
    return field


def outline_um(problem: Problem, solution: ProjectionSolution) -> float:
    """How far the image's outlines lie from those of the projected metal, block by block.

    In each block the shift is sought that would take away most of the residual. What noise alone would ask
    for is taken off, and the worst tenth of the blocks left out, where sodium lies in a crack. Shading,
    ghosts and stripes change the grey of an image and hardly its outlines; metal of another cell has others.

    Parameters
    ----------
    problem : Problem
        Data and model.
    solution : ProjectionSolution
        The end of a fit.

    Returns
    -------
    float
        Root mean square along one axis, weighted by what each block can tell.
    """
    shown = footprint_of(problem, solution)
    labels = block_labels(problem.image.shape, block_shape(problem))[shown]
    slope = solution.jacobian[:, SHIFT][shown.ravel(), :2] * np.sqrt(problem.sampler.independent)
    left = solution.residual[shown] * np.sqrt(problem.sampler.independent)
    n = int(labels.max(initial=0)) + 1
    information, pull = np.zeros((n, 2, 2)), np.zeros((n, 2))
    np.add.at(information, labels, slope[:, :, None] * slope[:, None, :])
    np.add.at(pull, labels, slope * left[:, None])
    strength = np.trace(information, axis1=1, axis2=2)
    some = strength > 0.0
    information, pull, strength = information[some], pull[some], strength[some]
    if not strength.size:
        return 0.0
    shift = np.linalg.solve(information + EDGE_RATIO * strength[:, None, None] * np.eye(2), pull[..., None])
    gained = np.einsum("bi,bij,bj->b", shift[..., 0], information, shift[..., 0])
    kept = np.argsort(gained)[: max(1, round(gained.size * (1.0 - TRIMMED_FRACTION)))]
    # Noise gains one for each direction in a block.
    beyond = float(gained[kept].sum()) - 2.0 * kept.size
    return float(np.sqrt(2.0 * max(beyond, 0.0) / max(float(strength[kept].sum()), 1e-300)))


def distortion_um(problem: Problem, solution: ProjectionSolution) -> float:
    """Root mean square displacement of the metal along the readout, about its mean; 0 where none is."""
    p = solution.parameters
    own = project(problem.cloud, p.pose.rotation)
    signal = problem.cloud.weight * p.gain[problem.cloud.electrode]
    moved = p.warp_um @ warp_terms(own, signal, problem.sampler)
    return float(np.sqrt(signal @ moved**2 / max(float(signal.sum()), 1e-300)))


def with_distortion(se: StandardError, problem: Problem, solution: ProjectionSolution) -> StandardError:
    """Add what a field's distortion leaves unknown of the metal's position along the readout.

    The displacement that is common to all of the metal cannot be told from a shift of the cell, and has no
    reason to be smaller than what varies, which is fitted. Where none is fitted, the displacement that the
    image would ask for is the field's or the tomogram's surfaces', at even odds. Where a displacement along
    the other axis explains nearly as much, the standard deviation of a mixture of both is added too, by the
    odds that the readout runs along that axis.

    How far a single point of the metal lies from where the rigid map sends it is another thing
    (:func:`distortion_um`), and not in the error of the map.
    """
    readout = problem.prior.readout
    added = np.zeros(2)
    if readout is None:
        axis = problem.readout.axis
        along = replace(problem, prior=replace(problem.prior, readout=axis))
        asked_um = distortion_um(along, least_squares(along, solution.parameters))
        added[axis] = np.sqrt(UNSEEN_FIELD) * asked_um
    else:
        added[readout] = distortion_um(problem, solution)
        added = np.hypot(added, _undecided_um(problem, solution))
    u, v = (
        None if value is None else float(np.hypot(value, more))
        for value, more in zip((se.u, se.v), added, strict=True)
    )
    return StandardError(u, v, se.normal)


def _undecided_um(problem: Problem, solution: ProjectionSolution) -> NDArray[np.float64]:
    """How uncertain u and v are where the readout may as well run along the other axis."""
    prior = problem.prior
    still = replace(problem, prior=replace(prior, readout=None))
    across = replace(problem, prior=replace(prior, readout=1 if prior.readout == 0 else 0))
    unmoved = np.zeros_like(solution.parameters.warp_um)
    rigid = least_squares(still, replace(solution.parameters, warp_um=unmoved))
    other = least_squares(across, rigid.parameters)
    if rigid.cost - other.cost < UNDECIDED * (rigid.cost - solution.cost):
        return np.zeros(2)
    centre = problem.cloud.centre_um
    here, there = (s.parameters.pose.to_map(centre) for s in (solution, other))
    points = grid_points(problem.sampler.image_shape, problem.sampler.image_spacing_um).reshape(-1, 3)
    own = ((there(points) - here(points)) @ here.linear)[:, :2]
    # Standard deviation of a mixture of both.
    odds = problem.readout.other_odds
    return np.asarray(np.sqrt(odds * (1.0 - odds) * (own**2).mean(axis=0)), dtype=np.float64)


def block_shape(problem: Problem) -> tuple[int, ...]:
    """Shape of the blocks whose misfit goes together."""
    sampler = problem.sampler
    rows, columns = (
        round(b * n / m) for b, n, m in zip(BLOCK_PIXELS, sampler.shape, sampler.matrix, strict=True)
    )
    return (rows, columns) if sampler.slices is None else (BLOCK_SLICES, rows, columns)


def combined(predicted: StandardError, answers: KnownAnswers) -> StandardError:
    """Take the larger of the covariance's standard error and the known-answer test's, by direction.

    Either misses something that the other sees: the covariance what is not linear, the test what a few draws
    do not show.
    """
    if not answers.n:
        return predicted
    u, v, normal = (
        None if value is None else max(float(value), float(rms))
        for value, rms in zip((predicted.u, predicted.v, predicted.normal), answers.rms_um(), strict=True)
    )
    return StandardError(u, v, normal)


def standard_error(
    to_volume: AffineMap,
    centre_um: NDArray[np.float64],
    pose_covariance: NDArray[np.float64],
    points: NDArray[np.float64],
    *,
    normal: bool,
) -> StandardError:
    """Carry the covariance from the image's axes, where it was fitted, to the volume's."""
    R = to_volume.linear
    to_reference = np.zeros((6, 6))
    # A rotation is an axial vector: axes that form a left-handed frame change its sign.
    to_reference[:3, :3] = np.linalg.det(R) * R
    # Where the centroid appears further along an axis of the image, the image lies further back.
    to_reference[3:, 3:] = -R
    covariance = to_reference @ pose_covariance @ to_reference.T
    return pose_standard_error(covariance, to_volume, centre_um, points, normal=normal)
