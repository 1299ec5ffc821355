from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap, displacement_um
from spallmap.registration.gauss_newton import Motion
from spallmap.registration.inset.contrast import InsetImages
from spallmap.registration.inset.find_poses import FoundPoses
from spallmap.registration.inset.judge import judge
from spallmap.registration.inset.refine import Refinement
from tests.unit.registration.inset.scene import OVERVIEW_SHAPE, draw_scene, electron_image, pose

# More samples than are compared.
SHAPE, SQUARE = (100, 120), (1.0, 1.0)
TRUTH = pose(SHAPE, 1.0, (125.0, 95.0), 3.0)


def images_of(scene_seed: int) -> InsetImages:
    scene = draw_scene(scene_seed)
    detail = electron_image(scene, TRUTH, SHAPE, 1.0, 11)
    overview = electron_image(scene, AffineMap.identity(), OVERVIEW_SHAPE, 1.0, 21)
    whole, all_of_it = np.ones(SHAPE, dtype=bool), np.ones(OVERVIEW_SHAPE, dtype=bool)
    return InsetImages(detail[None], whole, SQUARE, overview, all_of_it, SQUARE, "sem")


@pytest.mark.parametrize("scene_seed", [1, 3])
def test_the_seed_alone_draws_the_points_and_the_pose_hardly_depends_on_it(scene_seed: int) -> None:
    images, motion = images_of(scene_seed), Motion(planar=True)
    fine = images.fine()
    one, again, two = (Refinement(fine, motion, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.chosen, again.chosen)
    np.testing.assert_array_equal(one.few, again.few)
    assert one.chosen.size == two.chosen.size < np.prod(SHAPE)
    assert not np.array_equal(one.chosen, two.chosen)
    assert not np.array_equal(one.few, two.few)
    ends = [refinement.run([TRUTH])[0] for refinement in (one, again, two)]
    np.testing.assert_array_equal(ends[0].map.matrix, ends[1].map.matrix)
    found = judge("known start", FoundPoses(ends[:1], one), [], [], images)
    assert found.se_um.u is not None
    assert found.se_um.v is not None
    differ = displacement_um(ends[0].map, ends[2].map, one.few).mean()
    assert 0.0 < differ < 0.5 * np.hypot(found.se_um.u, found.se_um.v)
