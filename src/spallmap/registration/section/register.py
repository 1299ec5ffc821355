"""Places a section image in a tomogram at an azimuth that nobody gives."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap import frames
from spallmap.axes import AxesPrior
from spallmap.image import Image
from spallmap.registration.landmarks import Landmarks, apply_landmarks, start_from_landmarks
from spallmap.registration.result import Registration, RunnerUp, StandardError
from spallmap.registration.section.appearance import Section, read_section
from spallmap.registration.section.certainty import (
    block_residuals,
    bootstrap,
    half_fields,
    larger,
    margin,
    restarts,
)
from spallmap.registration.section.climb import STARTS, climb
from spallmap.registration.section.judge import Evidence, checks, off_prior_deg
from spallmap.registration.section.refine import Level, inside_correlation, linearise, make_level, settle
from spallmap.registration.section.search import Pose, coarse_search
from spallmap.registration.section.specimen import read_specimen
from spallmap.registration.verdict import angle_between_deg, decide, mean_difference_um

METHOD = "section in volume: Fourier search on classes, Gauss-Newton on grey"
#: Resolution of the coarse search in voxels.
COARSE_VOXELS = 4.0
#: A solution counts as a different one from this mean distance on, voxels.
DIFFERENT_VOXELS = 5.0
#: Blur of the two refinement levels, in voxels of the tomogram.
BLUR_MIDDLE, BLUR_FINE = 2.0, 0.4
#: Candidates that are reported.
REPORTED = 6


def register_section(
    image: Image,
    grey: NDArray[np.uint16],
    phases: NDArray[np.uint8],
    spacing_um: tuple[float, float, float],
    prior: AxesPrior,
    *,
    seed: int = 1,
    threads: int = 1,
    starts: int = STARTS,
    landmarks: Landmarks | None = None,
) -> Registration:
    """Find the plane of a section, and its place in it.

    Parameters
    ----------
    image : Image
        Axes (y, x); its mask is False where there is no specimen (data bar).
    grey : ndarray of uint16, shape (nz, ny, nx)
        Tomogram on the common grey scale.
    phases : ndarray of uint8, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 crack or void in the ceramic, 4 other solid, 5 empty.
    spacing_um : tuple of float
        Of the tomogram, in array order.
    prior : AxesPrior
        For example ``-z,r`` (columns anywhere across z) or ``-z,y``; good to 15 degrees.
    seed : int
        For restarts and bootstrap; the search itself draws nothing.
    threads : int
        Number of threads; the result does not depend on it.
    starts : int
        Number of coarse poses that are refined.
    landmarks : Landmarks, optional
        With three ``fit`` points or more, their rigid map is one more start, which is refined to the end; the
        search goes on beside it, since the verdict needs its rivals. Errors at the points are reported.

    Returns
    -------
    Registration
        A rigid map from the section's own frame to the volume's. Score: share of
        the tomogram's variance in the plane that the section's materials explain.
    """
    picked = None if landmarks is None else start_from_landmarks(landmarks)
    if prior.names[0] == "r":
        swapped = AxesPrior((prior.names[1], "r"))
        start = None if picked is None else picked @ _SWAP
        found = _register(_transpose(image), grey, phases, spacing_um, swapped, seed, threads, starts, start)
        return apply_landmarks(_transposed(found), landmarks)
    found = _register(image, grey, phases, spacing_um, prior, seed, threads, starts, picked)
    return apply_landmarks(found, landmarks)


def _register(
    image: Image,
    grey: NDArray[np.uint16],
    phases: NDArray[np.uint8],
    spacing_um: tuple[float, float, float],
    prior: AxesPrior,
    seed: int,
    threads: int,
    starts: int,
    picked: frames.AffineMap | None,
) -> Registration:
    """Register an image whose rows run along a named direction."""
    voxel = float(np.mean(spacing_um))
    nominal = prior.map(image.spatial_shape, image.spacing_um, grey.shape, spacing_um)
    section = read_section(image, voxel / 2.0)
    if isinstance(section, str):
        return _refused(nominal, section)
    specimen = read_specimen(grey, phases, spacing_um, COARSE_VOXELS * voxel)
    if isinstance(specimen, str):
        return _refused(nominal, specimen)
    coarse = coarse_search(section, specimen, prior, threads=threads)
    if not coarse and picked is None:
        return _refused(nominal, "no plane within the prior holds as much ceramic as the section shows")
    middle = make_level(section, grey, spacing_um, binning=2, blur_um=BLUR_MIDDLE * voxel)
    fine = make_level(section, grey, spacing_um, binning=1, blur_um=BLUR_FINE * voxel)
    extra = [] if picked is None else [Pose(picked.linear, picked(section.centre_um), -np.inf)]
    ranked = climb(section, middle, fine, coarse, extra, voxel, starts=starts, threads=threads)
    if not ranked:
        return _refused(nominal, "the section's field leaves the volume wherever it is placed")
    return _assess(section, (middle, fine), ranked, prior, voxel, np.random.default_rng(seed))


def _assess(
    section: Section,
    levels: tuple[Level, Level],
    ranked: list[Pose],
    prior: AxesPrior,
    voxel: float,
    rng: np.random.Generator,
) -> Registration:
    middle, fine = levels
    robust, best = settle(fine, ranked[0])
    best_map = best.map(section.centre_um)
    field = fine.points[:: max(1, len(fine.points) // 400)] + section.centre_um
    distances = [mean_difference_um(p.map(section.centre_um), best_map, field) for p in ranked]
    other = next((i for i, d in enumerate(distances) if d >= DIFFERENT_VOXELS * voxel), None)
    turned = next((p for p in ranked if float(p.rotation[:, 2] @ best.rotation[:, 2]) < 0.0), None)
    runner_up = None
    difference, difference_se = np.inf, 0.0
    if other is not None:
        rival = ranked[other].map(section.centre_um)
        runner_up = RunnerUp(ranked[other].score, distances[other], angle_between_deg(rival, best_map))
        difference, difference_se = margin(fine, best, ranked[other], rng)
    halves = half_fields(robust, best, section.centre_um)
    error = larger(bootstrap(robust, best, section.centre_um, rng), halves.se_um)
    returned, spread = restarts((middle, robust), best, field, section.centre_um, rng)
    fit = linearise(fine, best.rotation, best.centre_um)
    agreement, overlap = (1.0 - fit.cost, fit.overlap) if fit is not None else (0.0, 0.0)
    correlation = inside_correlation(fine, best)
    evidence = Evidence(
        correlation,
        agreement,
        difference,
        difference_se,
        returned,
        halves.apart_um,
        error,
        overlap,
        off_prior_deg(best_map, prior),
        voxel,
    )
    verdict, reasons = decide(checks(evidence))
    blocks = block_residuals(robust, best)
    diagnostics: dict[str, Any] = {
        "candidates": [
            {
                "matrix": pose.map(section.centre_um).matrix.tolist(),
                "score": pose.score,
                "differs_by_um": distance,
            }
            for pose, distance in zip(ranked[:REPORTED], distances, strict=False)
        ],
        "inside_correlation": correlation,
        "overlap": overlap,
        "margin": None if np.isinf(difference) else difference,
        "margin_se": difference_se,
        "turned_over_score": None if turned is None else turned.score,
        "halves_apart_um": halves.apart_um,
        "restarts_returned": returned,
        "restarts_spread_um": spread,
        "blocks": {
            "centre_uv_um": (blocks.centres_um + section.centre_um[:2]).tolist(),
            "shift_um": blocks.shift_um.tolist(),
            "se_um": blocks.se_um.tolist(),
        },
    }
    return Registration(
        best_map, METHOD, verdict, reasons, agreement, runner_up, error, diagnostics=diagnostics
    )


def _refused(nominal: frames.AffineMap, reason: str) -> Registration:
    return Registration(nominal, METHOD, "refused", (reason,), 0.0, None, StandardError(None, None, None))


#: From an image's frame to its transpose's: rows and columns swapped, seen from behind; a proper rotation.
_SWAP = frames.AffineMap.from_parts([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]], [0.0, 0.0, 0.0])


def _transpose(image: Image) -> Image:
    mask = None if image.mask is None else image.mask.T
    return Image(image.data.T, image.axes, (image.spacing_um[1], image.spacing_um[0]), mask, image.meta)


def _transposed(result: Registration) -> Registration:
    se = StandardError(result.se_um.v, result.se_um.u, result.se_um.normal)
    return replace(result, map=result.map @ _SWAP, se_um=se)
