from __future__ import annotations

from dataclasses import replace

import numpy as np

from spallmap.registration.section.known_answer import near_answers, searched_answer
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
