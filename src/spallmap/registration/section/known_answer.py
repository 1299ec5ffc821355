"""The known-answer test: the user's own tomogram is cut at known poses and the cuts are registered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap import frames
from spallmap.image import Image
from spallmap.registration.block_errors import cube_labels
from spallmap.registration.known_answers import KnownAnswers, known_answers
from spallmap.registration.section.appearance import CERAMIC, EMPTY, SOLID, VOID, Section, read_section
from spallmap.registration.section.certainty import BLOCK_UM
from spallmap.registration.section.materials.masks import near
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import SCALED, descend, linearise, refine, refine_among_minima
from spallmap.registration.section.search import SectionSolution, converge, search_section
from spallmap.registration.section.target import Target
from spallmap.registration.verdict import Refused
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.labels import OUTSIDE, is_filled

# Cuts near the solution, and how far from it they lie: other pores are met, the outline is alike.
NEAR = 6
NEAR_UM = 25.0
NEAR_DEG = 2.5
# Where the refinement of a cut begins, from its true pose.
START_UM = 8.0
START_DEG = 1.0
# Darkness of the tomogram from which on a cut shows some void, and void alone.
DARK = (0.15, 0.6)
# Depth below which the ceramic's surface is no longer seen in a cut.
SURFACE_VOXELS = 2.0
# A cut lies nowhere else than where it was made up to this mean distance, voxels.
FOUND_VOXELS = 3.0
# What is registered, for the report.
MADE_OF = "cuts of the tomogram"
# What is registered of the section itself, for the report.
OWN_MADE_OF = "sections with the misfit's signs changed"
# Copies that are made: in every other one small blocks get signs of their own, in the rest large ones.
OWN_COPIES = 6
# Large blocks along the field's longer side: a stitched image's tiles and a stretch move such parts alike.
LARGE_ACROSS = 3
# Where a copy is refined from, beside its plane: a voxel or so.
OWN_START_UM = 5.0
OWN_START_DEG = 0.5


def near_answers(
    section: Section, target: Target, solution: SectionSolution, rng: np.random.Generator
) -> KnownAnswers:
    """Cut the tomogram around the solution, and refine each cut from beside its pose.

    Parameters
    ----------
    section : Section
        The section, whose greys, noise and field the cuts have.
    target : Target
        The tomogram.
    solution : SectionSolution
        Where the section lies.
    rng : numpy.random.Generator
        Draws poses, noise and starts.

    Returns
    -------
    KnownAnswers
        The errors of `NEAR` cuts.
    """
    voxel = target.voxel_um

    def error_of(rng: np.random.Generator) -> NDArray[np.float64] | None:
        true = _beside(solution.best, NEAR_UM, NEAR_DEG, rng)
        try:
            cut = read_section(_cut_image(section, target, solution.best, true, rng), voxel / 2.0)
        except Refused:
            return None
        true = _recentred(true, cut.centre_um - section.centre_um)
        start = _beside(true, START_UM, START_DEG, rng)
        levels = target.levels(cut)
        found, fine = descend(levels, start, free=SCALED), levels[-1]
        if not np.isfinite(found.score):
            return None
        found = refine_among_minima(fine, found, voxel)
        error = _error(converge(fine, found, rng).pose, true, fine.own_points(400))
        return error if np.linalg.norm(error) <= FOUND_VOXELS * voxel else None

    with ThreadPoolExecutor(max(1, target.threads)) as pool:
        errors = [error for error in pool.map(error_of, rng.spawn(NEAR)) if error is not None]
    return KnownAnswers(np.reshape(errors, (-1, 3)), NEAR - len(errors), MADE_OF)


def searched_answer(
    section: Section, target: Target, solution: SectionSolution, rng: np.random.Generator
) -> KnownAnswers:
    """Cut the tomogram somewhere else within the prior, and search for the cut as for a section.

    Parameters
    ----------
    section, target, solution
        As in `near_answers`.
    rng : numpy.random.Generator
        Draws pose and noise.

    Returns
    -------
    KnownAnswers
        Of one cut.
    """
    lost = KnownAnswers(np.empty((0, 3)), 1, MADE_OF, "elsewhere")
    angle = rng.uniform(0.0, 360.0) if target.prior.unknown_direction else rng.uniform(-8.0, 8.0)
    rotation = Rotation.from_rotvec(np.deg2rad(angle) * solution.best.rotation[:, 1]).as_matrix()
    pivot = target.specimen.centre_um
    elsewhere = replace(
        solution.best,
        rotation=rotation @ solution.best.rotation,
        centre_um=pivot + rotation @ (solution.best.centre_um - pivot),
    )
    true = _beside(elsewhere, NEAR_UM, NEAR_DEG, rng)
    try:
        cut = read_section(_cut_image(section, target, solution.best, true, rng), target.voxel_um / 2.0)
        true = _recentred(true, cut.centre_um - section.centre_um)
        found = search_section(cut, target, [], rng)
    except Refused:
        return lost
    error = _error(found.best, true, found.fine.own_points(400))
    if np.linalg.norm(error) > FOUND_VOXELS * target.voxel_um:
        return lost
    return KnownAnswers(error[None], 0, MADE_OF, "elsewhere")


def residual_answers(solution: SectionSolution, threads: int, rng: np.random.Generator) -> KnownAnswers:
    """Find a section again where it differs from the tomogram as much as it does, but otherwise.

    What the section's materials leave of the tomogram at the solution (charging, chips, a stretch, tiles)
    gets a random sign in each block: it keeps its strength, its structure and where it lies. The plane of
    each copy is the one that was found; stretches are fitted anew. This is a wild bootstrap by blocks (Wu
    1986; Cameron, Gelbach and Miller 2008) that knows of other minima and of blocks of two sizes.

    Parameters
    ----------
    solution : SectionSolution
        Where the section lies.
    threads : int
        Number of threads; the result does not depend on it.
    rng : numpy.random.Generator
        Draws signs and starts.

    Returns
    -------
    KnownAnswers
        One error for each copy; none where the section left the volume.
    """
    fine, best = solution.fine, solution.best
    fit = linearise(fine, best)
    if fit is None:
        return known_answers([], made_of=OWN_MADE_OF)
    large = float(np.ptp(fine.points, axis=0).max()) / LARGE_ACROSS
    blocks = [cube_labels(fine.points, max(um, BLOCK_UM)) for um in (BLOCK_UM, large)]
    points = fine.own_points(400)

    def error_of(copy: int, rng: np.random.Generator) -> NDArray[np.float64]:
        number = blocks[copy % len(blocks)]
        signs = rng.choice([-1.0, 1.0], int(number.max()) + 1)[number]
        level = replace(fine, added=(signs - 1.0) * fit.residual)
        start = _beside(best, OWN_START_UM, OWN_START_DEG, rng)
        found = converge(level, refine(level, start, free=SCALED), rng).pose
        return _error(found, best, points)

    with ThreadPoolExecutor(max(1, threads)) as pool:
        errors = list(pool.map(error_of, range(OWN_COPIES), rng.spawn(OWN_COPIES)))
    return known_answers(errors, made_of=OWN_MADE_OF)


def _cut_image(
    section: Section, target: Target, best: SectionPose, pose: SectionPose, rng: np.random.Generator
) -> Image:
    """Draw what the microscope would have shown at another pose.

    Parameters
    ----------
    section : Section
        The real one: its materials' greys and, inside the ceramic, its grain and noise are used.
    target : Target
        The tomogram; outlines are cut at half-way greys so that they are as sharp as a microscope's.
    best : SectionPose
        Where the real section lies.
    pose : SectionPose
        Where to cut.
    rng : numpy.random.Generator
        Draws where the real texture begins.

    Returns
    -------
    Image
        At the spacing of the section's maps, with the same mask.
    """
    rows, columns = section.maps.shape[1:]
    points = section.points() - section.centre_um
    classes, darkness = _cut_classes(target, pose.place(points))
    void = _drawn_voids(classes == CERAMIC, darkness, section.spacing_um, target.voxel_um)
    seen = np.argmax(section.maps, axis=0)
    valid = section.valid
    greys = _class_greys(section, seen, valid)
    inside = (section.maps[CERAMIC] > 0.5) & valid
    texture = np.where(inside, section.grey - greys[CERAMIC], 0.0)
    texture[~inside] = rng.choice(texture[inside], int((~inside).sum()))
    # Cut off where the real image has edges and misfits of its own, so that they are not met twice.
    reach = 4.0 * 1.4826 * float(np.median(np.abs(texture)))
    shift = (int(rng.integers(rows)), int(rng.integers(columns)))
    drawn = greys[classes] + void * (greys[VOID] - greys[CERAMIC])
    drawn += (1.0 - void) * np.roll(np.clip(texture, -reach, reach), shift, axis=(0, 1))
    return Image(drawn.astype(np.float32), ("y", "x"), section.spacing_um, mask=valid)


def _cut_classes(target: Target, placed: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Distinguish ceramic, other solid and empty space at points (..., 3), and how dark it is there."""
    at = frames.points_to_indices(placed.reshape(-1, 3), target.spacing_um).T
    last = np.array(target.phases.shape) - 1
    # Only the box that the cut passes through: a mask of all of a large volume takes longer than the cut.
    low = np.clip(np.floor(at.min(axis=1)), 0, last).astype(int)
    high = np.clip(np.ceil(at.max(axis=1)), 0, last).astype(int)
    box = tuple(slice(a, b + 1) for a, b in zip(low, high, strict=True))
    phases, at = target.phases[box], at - low[:, None]

    def sampled(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        fraction: NDArray[np.float64] = ndimage.map_coordinates(
            mask.view(np.uint8), at, output=np.float64, order=1, mode="nearest"
        )
        return fraction

    grey = ndimage.map_coordinates(target.grids[-1].volume[box], at, order=1, mode="nearest")
    filled = sampled(is_filled(phases)) > 0.5
    classes = np.where(sampled(phases == OUTSIDE) > 0.5, EMPTY, SOLID)
    classes[filled] = CERAMIC
    darkness = (CERAMIC_GREY - grey) / (CERAMIC_GREY - AIR_GREY)
    shape = placed.shape[:-1]
    return classes.reshape(shape).astype(np.intp), np.asarray(darkness.reshape(shape), dtype=np.float64)


def _drawn_voids(
    ceramic: NDArray[np.bool_],
    darkness: NDArray[np.float64],
    spacing_um: tuple[float, float],
    voxel_um: float,
) -> NDArray[np.float64]:
    """Fraction of void in a cut's ceramic: small pores, whose darkness is blurred, keep about their area."""
    surface = near(~ceramic, SURFACE_VOXELS * voxel_um, spacing_um)
    soft = np.clip((darkness - DARK[0]) / (DARK[1] - DARK[0]), 0.0, 1.0)
    # The ceramic's own surface is half dark.
    fraction = np.where(surface, darkness > 0.5, soft)
    return np.asarray(fraction * ceramic, dtype=np.float64)


def _class_greys(section: Section, seen: NDArray[np.intp], valid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean grey of each class in the image; what it does not show lies half-way to the darkest shown."""
    found = {k: float(section.grey[valid & (seen == k)].mean()) for k in np.unique(seen[valid])}
    dark = min(found.values())
    if set(found) == {CERAMIC}:
        dark = float(np.percentile(section.grey[valid], 0.1))
    usual = {VOID: dark, EMPTY: dark, SOLID: (found.get(CERAMIC, dark) + dark) / 2.0, CERAMIC: dark}
    return np.array([found.get(k, usual[k]) for k in (CERAMIC, VOID, SOLID, EMPTY)])


def _beside(pose: SectionPose, um: float, deg: float, rng: np.random.Generator) -> SectionPose:
    return pose.moved(np.concatenate([rng.normal(0.0, np.deg2rad(deg), 3), rng.normal(0.0, um, 3)]))


def _recentred(pose: SectionPose, shift_um: NDArray[np.float64]) -> SectionPose:
    """Give the same placement about another point of the own frame."""
    return replace(pose, centre_um=pose.centre_um + pose.linear @ shift_um)


def _error(found: SectionPose, true: SectionPose, points: NDArray[np.float64]) -> NDArray[np.float64]:
    apart = (found.place(points) - true.place(points)) @ true.rotation
    error: NDArray[np.float64] = np.sqrt((apart**2).mean(axis=0))
    return error
