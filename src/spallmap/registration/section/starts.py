"""From coarse poses to refined, ranked candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from spallmap.registration.section.appearance import Section
from spallmap.registration.section.pose import SectionPose, distinct, neighbours
from spallmap.registration.section.refine import SCALED, descend, inside_correlation, refine
from spallmap.registration.section.resolutions import Level

# Two starts of the coarse search are the same below this mean distance.
START_APART_UM = 25.0
# The same pose from two lists.
ALIKE_UM = 1.0
# Best poses of the coarse search that are compared at the refinement's first resolution. The coarse grid
# rounds small pores away: a right pose came behind thousands in the search and was tenth in the comparison.
COMPARED = 10_000
# Starts that are refined: half by their score in the coarse search, a quarter by either kind of agreement.
STARTS = 800
# Steps after which all but the best starts of either kind are given up.
FIRST_STEPS = 6
# How many of a kind go on, and how far.
CONTINUED_STARTS = 100
CONTINUED_STEPS = 12
# Around the best refined poses the search goes on in a small grid, since the pores that a plane meets change
# within the coarse grid's step: in so many rounds.
ROUNDS = 2
# Poses of either kind in a round, and the distance between them.
CENTRES = 4
NEIGHBOURS_APART_UM = 15.0
# Neighbours of either kind that go on.
CONTINUED_NEIGHBOURS = 16
# Poses of either kind that are finished at full resolution.
FINALISTS = 12
# Two refined poses are the same below this mean distance, voxels.
SAME_VOXELS = 1.0


def refine_starts(
    section: Section,
    levels: tuple[Level, ...],
    coarse: list[SectionPose],
    extra: list[SectionPose],
    voxel_um: float,
    *,
    starts: int = STARTS,
    threads: int = 1,
) -> list[SectionPose]:
    """Refine coarse poses, search on around the best, and finish the best at full resolution.

    Parameters
    ----------
    section : Section
        The section.
    levels : tuple of Level
        Resolutions of the refinement, coarse first.
    coarse : list of SectionPose
        Best first.
    extra : list of SectionPose
        Poses that are finished whatever they score, such as a person's landmarks give.
    voxel_um : float
        Voxel of the tomogram.
    starts : int
        Number of coarse poses that are refined.
    threads : int
        Number of threads; the result does not depend on it.

    Returns
    -------
    list of SectionPose
        Distinct poses, best first, with their scores at the fine level.
    """
    own_points, centre, middle = _corners(section), section.centre_um, levels[0].thinned()

    def best_of(
        poses: list[SectionPose], n_overall: int, n_inside: int, apart_um: float
    ) -> list[SectionPose]:
        # A plane that meets the same outline beats the right one until the pores meet; agreement
        # inside the ceramic sees the right one earlier. Each kind of agreement sends its best.
        alive = [pose for pose in poses if np.isfinite(pose.score)]
        overall = sorted(alive, key=lambda pose: -pose.score)
        inside = sorted(alive, key=lambda pose: -inside_correlation(middle, pose))
        return distinct(overall, own_points, centre, apart_um, n_overall) + distinct(
            inside, own_points, centre, apart_um, n_inside
        )

    with ThreadPoolExecutor(max(1, threads)) as pool:

        def finish(pose: SectionPose) -> SectionPose:
            return descend(levels, pose, free=SCALED)

        def run(
            task: Callable[[SectionPose], SectionPose], poses: Iterable[SectionPose]
        ) -> list[SectionPose]:
            return list(pool.map(task, poses))

        def go_on(poses: list[SectionPose], n: int) -> list[SectionPose]:
            begun = run(lambda pose: refine(middle, pose, iterations=FIRST_STEPS), poses)
            return run(
                lambda pose: refine(middle, pose, iterations=CONTINUED_STEPS, free=SCALED),
                best_of(begun, n, n, 0.2 * voxel_um),
            )

        compared = run(lambda pose: refine(middle, pose, iterations=0), coarse[:COMPARED])
        begun = distinct(coarse, own_points, centre, START_APART_UM, max(1, starts // 2))
        begun += best_of(compared, max(1, starts // 4), max(1, starts // 4), START_APART_UM)
        refined = go_on(distinct(begun, own_points, centre, ALIKE_UM, len(begun)), CONTINUED_STARTS)
        for _ in range(ROUNDS):
            tops = best_of(refined, CENTRES, CENTRES, NEIGHBOURS_APART_UM)
            refined += go_on([near for top in tops for near in neighbours(top)], CONTINUED_NEIGHBOURS)
        finalists = best_of(refined, FINALISTS, FINALISTS, SAME_VOXELS * voxel_um) + extra
        ended = run(finish, finalists)
    ended = sorted((pose for pose in ended if np.isfinite(pose.score)), key=lambda pose: -pose.score)
    return distinct(ended, own_points, centre, SAME_VOXELS * voxel_um, len(ended))


def _corners(section: Section) -> NDArray[np.float64]:
    """Return the middle and the four corners of the field in the own frame, shape (5, 3)."""
    height, width = section.field_um
    signs = [(0.0, 0.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
    offsets = np.array([(a * width / 2.0, b * height / 2.0, 0.0) for a, b in signs])
    return np.asarray(section.centre_um + offsets, dtype=np.float64)
