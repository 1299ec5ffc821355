from __future__ import annotations

from dataclasses import replace

import numpy as np

from spallmap.registration.section.known_answer import (
    OWN_COPIES,
    near_answers,
    residual_answers,
    searched_answer,
)
from spallmap.registration.section.refine import RIGID
from spallmap.registration.section.search import Converged, SectionSolution
from tests.unit.registration.section.cell import VOXEL_UM


def test_known_answers_are_found_and_lost_where_the_tomogram_is_blank(scene):
    target, section, true, _ = scene
    resolutions = target.levels(section)
    solution = SectionSolution(resolutions, Converged(resolutions[-1], true, RIGID, (0.0, 0.0)), [true])
    near = near_answers(section, target, solution, np.random.default_rng(2))
    assert near.lost == 0
    assert np.all(near.rms_um() < VOXEL_UM)
    assert searched_answer(section, target, solution, np.random.default_rng(2)).n == 1
    rng = np.random.default_rng(3)
    dull = replace(
        target,
        grids=tuple(
            replace(g, volume=rng.normal(3e4, 9e3, g.volume.shape).astype(np.float32)) for g in target.grids
        ),
    )
    assert near_answers(section, dull, solution, np.random.default_rng(2)).lost > 3


def test_tiles_that_lie_apart_make_larger_errors_of_copies_with_the_own_misfit(scene):
    target, section, true, _ = scene
    resolutions = target.levels(section)
    fine = resolutions[-1]
    tiles = np.where(fine.points[:, :1] > 0.0, 6.0, -6.0) * np.array([[0.0, 1.0]])
    stitched = replace(fine, points=np.ascontiguousarray(fine.points + tiles))

    def errors(last):
        levels = (*resolutions[:-1], last)
        solution = SectionSolution(levels, Converged(last, true, RIGID, (0.0, 0.0)), [true])
        return residual_answers(solution, 1, np.random.default_rng(2))

    whole, apart = errors(fine), errors(stitched)
    assert whole.n == apart.n == OWN_COPIES
    assert np.all(whole.rms_um() < VOXEL_UM)
    assert np.linalg.norm(apart.rms_um()) > 1.5 * np.linalg.norm(whole.rms_um())
