"""Registers an image of the metal, in projection or in slices, to the tomogram that shows the same metal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_points
from spallmap.image import Image
from spallmap.registration.compose import refused
from spallmap.registration.diagnostics import Diagnostics, Rival, ScanModel, Starts
from spallmap.registration.fitting_size import with_fitting_size
from spallmap.registration.projection.fit_parameters import READOUTS, Prior, Readout
from spallmap.registration.projection.forward import Slices
from spallmap.registration.projection.hypotheses import (
    FINAL_BLOCK_PIXEL,
    SEARCH_BLOCK_PIXEL,
    SEARCH_GRID,
    SEARCH_OVERSAMPLING,
    Hypothesis,
    contest,
    converge,
    in_plane_um,
    reversed_hypotheses,
    solve,
)
from spallmap.registration.projection.judge import (
    MAX_ROTATION_DEG,
    Alternative,
    agreement,
    checks,
)
from spallmap.registration.projection.known_answer import projection_answers
from spallmap.registration.projection.metal import Metal, find_metal, skin_cloud
from spallmap.registration.projection.metal_extent import fitting_sizes, size_asked
from spallmap.registration.projection.position_error import (
    combined,
    distortion_um,
    outline_um,
    parameter_covariance,
    standard_error,
    with_distortion,
)
from spallmap.registration.projection.refine import Problem, ProjectionSolution
from spallmap.registration.projection.thinning import sampler_of, thinned, thinning, with_missing
from spallmap.registration.result import Registration
from spallmap.registration.verdict import (
    Candidate,
    Refused,
    angle_between_deg,
    best_different,
    decide,
)
from spallmap.sampling import AcquiredSampling

METHOD = "skin-weighted projection of the segmented sodium, least squares over the pose"
# Skin depth of sodium at 105.84 MHz and room temperature.
SKIN_DEPTH_UM = 10.7
# Images without distortion asked for displacements of up to 0.3 voxel (root mean square): surfaces that the
# segmentation puts too far out or in. Fitted, they moved images by 2 um.
LEAST_DISPLACEMENT_VOXEL = 0.5
# Cells seen from a side left 0.11 of the amplitude and more, or 0.06 where a displacement along the readout
# made up for it; where less is left over they are not tried.
SIDES_FROM_MISFIT = 0.06
# A rotation about the stack axis that is known no better than this is called unobservable.
UNOBSERVABLE_ROTATION_SE_DEG = 5.0
# Images at known poses: few, for the time they take, but enough to see errors that are twice as large as the
# covariance says.
KNOWN_ANSWER_TRIALS = 4
DIRECTIONS = ("u", "v", "normal")
DEPTH = "depth along the projection"


def register_projection(
    image: Image,
    fixed_phases: NDArray[Any],
    fixed_spacing_um: Sequence[float],
    *,
    prior: AxesPrior,
    sigma: float,
    n_coils: int = 1,
    skin_depth_um: float = SKIN_DEPTH_UM,
    sampling: AcquiredSampling | None = None,
    readout: str | None = None,
    known_answer_trials: int = KNOWN_ANSWER_TRIALS,
    seed: int = 1,
) -> Registration:
    """Register an image of sodium metal, a projection or a stack of slices, to a segmented tomogram.

    The metal's skin is projected along the image's normal, or into its slices, with the image's own Fourier
    samples. Pose, gains, skin depth, a small blur and the coil's profile are fitted by least squares with
    the moments of magnitude data from many starts.

    The standard error reported is, by direction, the largest of three: of the information matrix scaled by
    the misfit or of the block bootstrap, and the root mean square error of the known-answer test, in which
    images of this metal at known poses, with this image's noise and misfit, go through the same search.

    Parameters
    ----------
    image : Image
        Magnitude, axes (y, x) or (z, y, x), best of the echo that T2 has weighted least. Slices lie side by
        side without gaps. Where the mask is False, pixels are left out of the score, such as long-T2 regions,
        so that what is to be linked does not steer the fit.
    fixed_phases : ndarray of int, shape (nz, ny, nx)
        Labels of the tomogram: 1 ceramic, 2 sodium.
    fixed_spacing_um : sequence of float
        Its voxel size in array order.
    prior : AxesPrior
        Which directions of the tomogram the image's axes run along, good to some 15 degrees.
    sigma : float
        Noise standard deviation of the real and of the imaginary part of one coil, in the image's unit.
    n_coils : int
        Coils whose squares were summed to the magnitude.
    skin_depth_um : float
        Expected skin depth; it is fitted around this value.
    sampling : AcquiredSampling, optional
        How finely the image was acquired, over its spatial axes; each pixel is a sample where it is absent.
    readout : {"x", "y"}, optional
        Own axis of the image along which it was read out, where that is known.
    known_answer_trials : int
        Images at known poses that are registered to see the method's own errors; 0 leaves the test out.
    seed : int
        For the bootstrap and the known-answer test.

    Returns
    -------
    Registration
        The map from the image's frame to the tomogram's frame. The depth along a projection is unobservable:
        the image's plane is set through the metal's centroid.

    Raises
    ------
    ValueError
        If `sigma` or `readout` makes no sense, or image, prior and sampling have different numbers of axes.

    Examples
    --------
    What cannot be registered is refused with the reason:

    >>> import numpy as np
    >>> from spallmap.axes import AxesPrior
    >>> from spallmap.image import Image
    >>> phases = np.full((8, 8, 8), 1)
    >>> phases[:3] = 2
    >>> flat = Image(np.full((12, 12), 5.0), ("y", "x"), (23.0, 46.0))
    >>> found = register_projection(flat, phases, (30.0,) * 3, prior=AxesPrior.parse("-z,y"), sigma=1.0)
    >>> found.verdict, found.reasons
    ('refused', ('the image is constant',))
    """
    data = np.asarray(image.data, dtype=np.float64)
    if not (np.isfinite(sigma) and sigma > 0):
        raise ValueError(f"sigma must be positive; got {sigma}")
    shape, image_um = data.shape, tuple(float(s) for s in image.spacing_um)
    own_axes = {image.n_spatial, len(prior.names), data.ndim if sampling is None else len(sampling.factor)}
    if own_axes != {data.ndim}:
        raise ValueError(
            f"image of shape {shape}, spacing {image_um} and axes {prior.names} do not belong together"
        )
    if readout not in READOUTS:
        raise ValueError(f"readout must be x, y or None; got {readout!r}")
    used = np.isfinite(data) if image.mask is None else np.isfinite(data) & image.mask
    in_plane = (AcquiredSampling.plain(data.ndim) if sampling is None else sampling).in_plane
    step = thinning((shape[-2], shape[-1]), in_plane)
    data, used = thinned(data, step), thinned(used, step)
    image_um = (*image_um[:-2], image_um[-2] * step[0], image_um[-1] * step[1])
    attempt = _Attempt(
        np.where(np.isfinite(data), data, 0.0),
        used,
        float(sigma),
        in_plane,
        step,
        fixed_phases,
        fixed_spacing_um,
        prior,
        skin_depth_um,
        n_coils,
        known_answer_trials,
        seed,
        READOUTS[readout],
    )
    found = attempt.at(image_um)
    return with_fitting_size(found, image_um, lambda: attempt.other_sizes(found, image_um), attempt.at, _fit)


@dataclass(frozen=True)
class _Attempt:
    """An image and a tomogram, to be registered at one pixel size or another."""

    data: NDArray[np.float64]
    used: NDArray[np.bool_]
    sigma: float
    sampling: AcquiredSampling
    step: tuple[int, int]
    phases: NDArray[Any]
    spacing_um: Sequence[float]
    prior: AxesPrior
    skin_depth_um: float
    n_coils: int
    trials: int
    seed: int
    readout: Readout

    @cached_property
    def metal(self) -> Metal:
        """The tomogram's sodium."""
        metal = find_metal(self.phases, self.spacing_um, self.skin_depth_um)
        if metal is None:
            raise Refused("the tomogram's phases contain no sodium to project")
        return metal

    def at(self, image_um: tuple[float, ...]) -> Registration:
        """Register at a pixel size in array order."""
        unobservable = () if self.data.ndim == 3 else (DEPTH,)
        try:
            problem, coarse, stack_column = self.prepared(image_um)
        except Refused as refusal:
            nominal = self.prior.map(self.data.shape, image_um, self.phases.shape, self.spacing_um)
            return refused(str(refusal), nominal, METHOD, unobservable)
        ends = solve(coarse, SEARCH_GRID, stack_column)
        problem, coarse, ends = with_missing(problem, coarse, ends)
        rng = np.random.default_rng(self.seed)
        delivered = problem.sampler.shape[0] * self.step[0], problem.sampler.shape[1] * self.step[1]
        return _report(problem, coarse, ends, stack_column, self.skin_depth_um, delivered, self.trials, rng)

    def prepared(self, image_um: tuple[float, ...]) -> tuple[Problem, Problem, int]:
        """Return image and metal, finely and coarsely pooled, and which own axis runs along the stack."""
        data, used = self.data, self.used
        stack = data.ndim == 3
        if used.sum() < 0.5 * data.size:
            raise Refused("less than half of the image's pixels can be used")
        if np.ptp(data[used]) == 0:
            raise Refused("the image is constant")
        sampler = sampler_of(
            (data.shape[-2], data.shape[-1]),
            (image_um[-2], image_um[-1]),
            Slices(data.shape[0], image_um[0]) if stack else None,
            self.sampling,
            self.step,
        )
        pixel_um = min(sampler.matrix_um)
        problem = Problem(
            data,
            used,
            self.sigma,
            sampler,
            skin_cloud(self.metal, self.skin_depth_um, FINAL_BLOCK_PIXEL * pixel_um),
            Prior(self.prior.linear(), sampler.matrix_um, depth=stack),
            self.n_coils,
            LEAST_DISPLACEMENT_VOXEL * float(max(self.spacing_um)),
            self.readout,
        )
        coarse = replace(
            problem,
            cloud=skin_cloud(self.metal, self.skin_depth_um, SEARCH_BLOCK_PIXEL * pixel_um),
            sampler=replace(sampler, oversampling=SEARCH_OVERSAMPLING),
        )
        return problem, coarse, int(np.argmax(np.abs(self.metal.stack_axis @ problem.prior.rotation)))

    def other_sizes(self, found: Registration, image_um: tuple[float, ...]) -> list[tuple[float, ...]]:
        """Pixel sizes that the image's own extent asks for; of slices none are sought."""
        if found.score is None or self.data.ndim == 3:
            return []
        problem, _, stack_column = self.prepared(image_um)
        return [*fitting_sizes(problem, self.metal, self.skin_depth_um, stack_column)]


def _fit(found: Registration) -> str:
    return f"{100.0 * (found.diagnostics.measures['misfit'] or 0.0):.0f} % of the amplitude left over"


def _report(
    problem: Problem,
    coarse: Problem,
    ends: Sequence[ProjectionSolution],
    stack_column: int,
    skin_depth_um: float,
    delivered: tuple[int, int],
    trials: int,
    rng: np.random.Generator,
) -> Registration:
    problem, best = converge(problem, ends[0])
    centre = problem.cloud.centre_um
    to_volume = best.parameters.pose.to_map(centre)
    sampler = problem.sampler
    found = agreement(problem, best)

    def difference_um(a: AffineMap, b: AffineMap) -> float:
        return in_plane_um(problem, a, b)

    doubtful = found.misfit > SIDES_FROM_MISFIT or problem.prior.readout is not None
    reversals = reversed_hypotheses(coarse, stack_column, from_sides=doubtful)
    elsewhere = [
        end for end in ends if difference_um(end.parameters.pose.to_map(centre), to_volume) > problem.pixel_um
    ]
    rivals = [Hypothesis("another pose", elsewhere[0], coarse)] if elsewhere else []
    first = Hypothesis("the solution", ends[0], coarse)
    rivals, gaps = contest(first, rivals + reversals, found.chi2_footprint)
    others = [Alternative(r.name, gap) for r, gap in zip(rivals, gaps, strict=True)]
    candidates = [
        Candidate(r.solution.parameters.pose.to_map(centre), agreement(coarse, r.solution).chi2_footprint)
        for r in rivals
    ]
    points = grid_points(sampler.image_shape, sampler.image_spacing_um)
    runner_up = best_different(
        candidates,
        to_volume,
        points,
        min_um=problem.pixel_um,
        min_deg=MAX_ROTATION_DEG,
        higher_is_better=False,
        difference_um=difference_um,
    )
    pose_covariance = parameter_covariance(problem, best, found.chi2_footprint, rng)
    predicted = standard_error(to_volume, centre, pose_covariance, points, normal=sampler.slices is not None)
    answers = projection_answers(problem, coarse, best, stack_column, trials, rng)
    se = with_distortion(combined(predicted, answers), problem, best)
    rotation_se_deg = np.rad2deg(np.sqrt(np.diag(pose_covariance)[:3]))
    asked = size_asked(problem, best)
    outline = outline_um(problem, best)
    verdict, reasons = decide(checks(problem, best, found, se, answers, others, asked, outline))
    unobservable = [] if sampler.slices else [DEPTH]
    if rotation_se_deg[stack_column] > UNOBSERVABLE_ROTATION_SE_DEG:
        unobservable.append("rotation about the stack axis")
    near = 0.25 * problem.pixel_um
    agreeing = sum(difference_um(e.parameters.pose.to_map(centre), to_volume) < near for e in ends)
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
        diagnostics=Diagnostics(
            score_is="reduced chi-square where the metal is, without the worst explained tenth",
            higher_is_better=False,
            gap_is="cost beyond the solution's, in units of the misfit's variance",
            measures={
                **{name: float(value) for name, value in asdict(found).items()},
                "outline_um": outline,
                "distortion_um": distortion_um(problem, best),
                "missing_rows": sampler.missing[0],
                "missing_columns": sampler.missing[1],
                "pixel_rows_asked": asked[0],
                "pixel_columns_asked": asked[1],
                **_by_axis("rotation_from_prior", "deg", _rotation_from_prior_deg(problem, best)),
                **_by_axis("rotation_se", "deg", rotation_se_deg),
                **{f"predicted_se_{name}_um": value for name, value in asdict(predicted).items()},
            },
            known_answers=(answers,) if answers.n else (),
            starts=Starts(len(ends), agreeing),
            rivals=_best_first(
                Rival(
                    other.name,
                    score=candidate.score,
                    gap=other.gap,
                    map=candidate.map,
                    differs_by_um=difference_um(candidate.map, to_volume),
                    differs_by_deg=angle_between_deg(candidate.map, to_volume),
                )
                for other, candidate in zip(others, candidates, strict=True)
            ),
            scan=ScanModel(
                electrode_gain=(float(p.gain[0]), float(p.gain[1])),
                skin_depth_um=float(skin_depth_um * np.exp(p.log_skin)),
                blur_um2=(float(p.blur_um2[0]), float(p.blur_um2[1])),
                coil_order=problem.prior.coil_order,
                coil=tuple(float(c) for c in p.coil),
                acquired=None if sampler.matrix == delivered else sampler.matrix,
                missing=sampler.missing,
                edge=sampler.edge,
                readout=problem.prior.readout,
                displacement_um=tuple(float(c) for c in p.warp_um),
            ),
        ),
    )


def _best_first(rivals: Iterable[Rival]) -> tuple[Rival, ...]:
    """Order rivals by how little worse than the solution they explain the image."""
    return tuple(sorted(rivals, key=lambda r: np.inf if r.gap is None else r.gap))


def _by_axis(name: str, unit: str, values: NDArray[np.float64]) -> dict[str, float]:
    """Name three values after the own axes that they belong to."""
    return {f"{name}_{axis}_{unit}": float(v) for axis, v in zip(DIRECTIONS, values, strict=True)}


def _rotation_from_prior_deg(problem: Problem, solution: ProjectionSolution) -> NDArray[np.float64]:
    rotation = problem.prior.rotation.T @ solution.parameters.pose.rotation
    return np.rad2deg(Rotation.from_matrix(rotation).as_rotvec())
