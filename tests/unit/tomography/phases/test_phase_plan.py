from __future__ import annotations

import numpy as np

from spallmap.blocks import tiles
from spallmap.tomography import common_grey, segment_phases
from spallmap.tomography.phases.segment import plan_phases
from tests.unit.tomography.tomography_drawings import draw_cell

SPACING_UM = (4.66, 4.66, 4.66)

PORES = ((0.0, 5.0, 5.0, 3.5), (-6.0, -15.0, 8.0, 3.0))


def test_labels_do_not_depend_on_the_region_they_are_asked_for_with() -> None:
    drawing = draw_cell(np.random.default_rng(7), cupping=0.05, pores=PORES, tilt_deg=(3.0, 2.0))
    grey = common_grey(drawing.grey).apply(drawing.grey)
    plan = plan_phases(grey, SPACING_UM)
    whole = plan.labels(grey)
    assert np.array_equal(whole, segment_phases(grey, SPACING_UM, threads=2))
    for size in (7, 23, (64, 96, 5)):
        parts = np.zeros_like(whole)
        for region in tiles((slice(0, 64), slice(0, 96), slice(0, 96)), size):
            parts[region] = plan.labels(grey, region)
        assert np.array_equal(parts, whole)
