"""Places a projection image of the metal in the tomogram that shows the same metal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_points
from spallmap.registration.projection.fit import Problem, Solution, least_squares, with_cloud
from spallmap.registration.projection.forward import Sampler
from spallmap.registration.projection.hypotheses import (
    FINAL_BLOCK_PIXEL,
    SEARCH_BLOCK_PIXEL,
    SEARCH_GRID,
    Hypothesis,
    in_plane_um,
    reversed_hypotheses,
    solve,
)
from spallmap.registration.projection.judge import (
    MAX_TURN_DEG,
    Alternative,
    agreement,
    checks,
    parameter_covariance,
)
from spallmap.registration.projection.metal import find_metal, skin_cloud
from spallmap.registration.result import Registration, StandardError
from spallmap.registration.verdict import Candidate, best_different, decide, pose_standard_error

METHOD = "skin-weighted projection of the segmented sodium, least squares over the pose"
# Skin depth of sodium at 105.84 MHz and room temperature.
SKIN_DEPTH_UM = 10.7
# A turn about the stack axis that is known no better than this is called unobservable.
UNOBSERVABLE_TURN_SE_DEG = 5.0


def register_projection(
    image: NDArray[Any],
    image_spacing_um: Sequence[float],
    sigma: float,
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    prior: AxesPrior,
    *,
    exclude: NDArray[np.bool_] | None = None,
    skin_depth_um: float = SKIN_DEPTH_UM,
    seed: int = 1,
) -> Registration:
    """Register a projection image of sodium metal to a segmented tomogram.

    The metal's skin is projected along the image's normal with the image's own Fourier samples, and pose,
    gains, skin depth and a small blur are fitted by least squares with Rician moments from many starts.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        Magnitude image, best the echo with the shortest echo time: it is the least weighted by T2.
    image_spacing_um : sequence of float
        Row and column spacing.
    sigma : float
        Noise standard deviation of the real and of the imaginary part, in the image's unit.
    phases : ndarray of int, shape (nz, ny, nx)
        Labels of the tomogram: 1 ceramic, 2 sodium.
    spacing_um : sequence of float
        Voxel size in array order.
    prior : AxesPrior
        Which directions the image's axes run along, good to some 15 degrees.
    exclude : ndarray of bool, shape (ny, nx), optional
        Pixels left out of the score, such as long-T2 regions, so that what is to be linked does not steer
        the fit.
    skin_depth_um : float
        Expected skin depth; it is fitted around this value.
    seed : int
        For the bootstrap of the standard errors.

    Returns
    -------
    Registration
        The map from the image's frame to the tomogram's frame. The depth along the projection is
        unobservable: the image's plane is set through the metal's centroid.

    Raises
    ------
    ValueError
        If `sigma`, a spacing or a shape makes no sense.
    """
    data = np.asarray(image, dtype=np.float64)
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma must be positive; got {sigma}")
    placed = prior.map(data.shape[-2:], tuple(image_spacing_um)[-2:], phases.shape, spacing_um)
    if data.ndim != 2:
        return _refused(placed, f"a stack of slices is no projection (image of {data.ndim} axes)")
    used = np.isfinite(data) if exclude is None else np.isfinite(data) & ~np.asarray(exclude, dtype=bool)
    data = np.where(np.isfinite(data), data, 0.0)
    if used.sum() < 0.5 * data.size:
        return _refused(placed, "less than half of the image's pixels can be used")
    if np.ptp(data[used]) == 0:
        return _refused(placed, "the image is constant")
    metal = find_metal(phases, spacing_um, skin_depth_um)
    if metal is None:
        return _refused(placed, "the tomogram's phases contain no sodium to project")
    row_um, column_um = (float(s) for s in image_spacing_um)
    sampler = Sampler((data.shape[0], data.shape[1]), (row_um, column_um))
    pixel_um = min(sampler.spacing_um)
    fine = skin_cloud(metal, skin_depth_um, FINAL_BLOCK_PIXEL * pixel_um)
    problem = Problem(data, used, float(sigma), sampler, fine, prior.linear())
    coarse = with_cloud(problem, skin_cloud(metal, skin_depth_um, SEARCH_BLOCK_PIXEL * pixel_um))
    stack_column = int(np.argmax(np.abs(metal.stack_axis @ problem.prior)))
    ends = solve(coarse, SEARCH_GRID, stack_column)
    best = least_squares(problem, ends[0].parameters)
    return _report(problem, coarse, best, ends, stack_column, skin_depth_um, np.random.default_rng(seed))


def _report(
    problem: Problem,
    coarse: Problem,
    best: Solution,
    ends: Sequence[Solution],
    stack_column: int,
    skin_depth_um: float,
    rng: np.random.Generator,
) -> Registration:
    centre = problem.cloud.centre_um
    to_volume = best.parameters.pose.to_map(centre)
    pixel_um = min(problem.sampler.spacing_um)
    found = agreement(problem, best)
    variance = max(1.0, found.chi2_footprint)

    def difference_um(a: AffineMap, b: AffineMap) -> float:
        return in_plane_um(problem, a, b)

    reversals = reversed_hypotheses(coarse, stack_column)
    elsewhere = [
        end for end in ends if difference_um(end.parameters.pose.to_map(centre), to_volume) > pixel_um
    ]
    rivals = [Hypothesis("another pose", elsewhere[0])] if elsewhere else []
    rivals += reversals
    others = [Alternative(r.name, (r.solution.cost - ends[0].cost) / variance) for r in rivals]
    candidates = [
        Candidate(r.solution.parameters.pose.to_map(centre), agreement(coarse, r.solution).chi2_footprint)
        for r in rivals
    ]
    points = grid_points(problem.sampler.shape, problem.sampler.spacing_um)
    runner_up = best_different(
        candidates,
        to_volume,
        points,
        min_um=pixel_um,
        min_deg=MAX_TURN_DEG,
        higher_is_better=False,
        difference_um=difference_um,
    )
    pose_covariance = parameter_covariance(problem, best, found.chi2_footprint, rng)
    se = _standard_error(to_volume, centre, pose_covariance, points)
    turn_se_deg = np.rad2deg(np.sqrt(np.diag(pose_covariance)[:3]))
    verdict, reasons = decide(checks(problem, best, found, (se.u or 0.0, se.v or 0.0), others))
    unobservable = ["depth along the projection"]
    if turn_se_deg[stack_column] > UNOBSERVABLE_TURN_SE_DEG:
        unobservable.append("rotation about the stack axis")
    agreeing = sum(difference_um(e.parameters.pose.to_map(centre), to_volume) < 0.25 * pixel_um for e in ends)
    p = best.parameters
    return Registration(
        map=to_volume,
        method=METHOD,
        verdict=verdict,
        reasons=reasons,
        score=found.chi2_footprint,
        runner_up=runner_up,
        se_um=se,
        unobservable=tuple(unobservable),
        diagnostics={
            "score_is": "reduced chi-square where the metal is, without the worst explained tenth",
            **{k: round(float(v), 4) for k, v in asdict(found).items()},
            "gaps": {o.name: round(o.gap, 1) for o in others},
            "starts": len(ends),
            "starts_agreeing": agreeing,
            "turn_from_prior_deg": [round(float(x), 3) for x in _turn_deg(problem, best)],
            "turn_se_deg": [round(float(x), 3) for x in turn_se_deg],
            "electrode_gain": [float(g) for g in p.gain],
            "skin_depth_um": float(skin_depth_um * np.exp(p.log_skin)),
            "blur_um2": [float(b) for b in p.blur_um2],
        },
    )


def _standard_error(
    to_volume: AffineMap,
    centre_um: NDArray[np.float64],
    pose_covariance: NDArray[np.float64],
    points: NDArray[np.float64],
) -> StandardError:
    """Carry the covariance from the image's axes, where it was fitted, to the volume's."""
    R = to_volume.linear
    to_reference = np.zeros((6, 5))
    to_reference[:3, :3] = R
    # Where the centroid appears further along an axis of the image, the image lies further back.
    to_reference[3:, 3:] = -R[:, :2]
    covariance = to_reference @ pose_covariance @ to_reference.T
    return pose_standard_error(covariance, to_volume, centre_um, points, normal=False)


def _turn_deg(problem: Problem, solution: Solution) -> NDArray[np.float64]:
    turn = problem.prior.T @ solution.parameters.pose.rotation
    return np.rad2deg(Rotation.from_matrix(turn).as_rotvec())


def _refused(placed: AffineMap, reason: str) -> Registration:
    return Registration(
        map=placed,
        method=METHOD,
        verdict="refused",
        reasons=(reason,),
        score=float("inf"),
        unobservable=("depth along the projection",),
    )
