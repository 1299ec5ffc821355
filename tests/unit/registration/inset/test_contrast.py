"""Element maps are searched for by their counts and refined by the counts' root."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from spallmap.frames import AffineMap
from spallmap.registration.inset.contrast import Comparison, InsetImages
from tests.unit.registration.inset.scene import (
    EDX_SHAPE,
    EDX_UM,
    OVERVIEW_SHAPE,
    draw_scene,
    electron_image,
    element_counts,
    pose,
)


def test_the_search_takes_counts_as_they_are_and_the_refinement_their_root() -> None:
    scene = draw_scene(5)
    counts = element_counts(scene, pose(EDX_SHAPE, EDX_UM, (120.0, 84.0), 5.0), 15)
    overview = electron_image(scene, AffineMap.identity(), OVERVIEW_SHAPE, 1.0, 21)
    whole = np.ones(EDX_SHAPE, dtype=bool), np.ones(OVERVIEW_SHAPE, dtype=bool)
    once = InsetImages(counts, whole[0], (EDX_UM,) * 2, overview, whole[1], (1.0, 1.0), "edx")
    more = replace(once, channels=4.0 * counts)

    def likeness(comparison_of: Callable[[InsetImages], Comparison]) -> float:
        """Correlate the pictures of four times the counts with those of the counts."""
        a, b = (comparison_of(images).pictures.values.ravel() for images in (once, more))
        return float(np.corrcoef(a, b)[0, 1])

    assert likeness(InsetImages.coarse) > 1.0 - 1e-6
    assert 0.9 < likeness(InsetImages.fine) < 1.0 - 1e-6
