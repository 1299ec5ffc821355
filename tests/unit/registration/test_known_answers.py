from __future__ import annotations

import numpy as np

from spallmap.frames import AffineMap
from spallmap.registration.known_answers import BLOCKS_WORTH, known_answers, own_error_um


def test_the_pooled_error_is_right_where_blocks_and_copies_err_alike() -> None:
    rng = np.random.default_rng(1)
    true_se = np.array([0.5, 2.0, 0.1])
    pooled = [known_answers(list(rng.normal(size=(4, 3)) * true_se)).pooled(true_se) for _ in range(400)]
    np.testing.assert_allclose(np.sqrt(np.mean(np.square(pooled), axis=0)), true_se, rtol=0.05)


def test_a_gross_error_of_one_copy_is_seen_in_its_direction_alone() -> None:
    answers = known_answers([np.array([0.0, 3.0, 0.0])] + 3 * [np.zeros(3)])
    np.testing.assert_allclose(answers.pooled(np.zeros(3)), [0.0, 3.0 / np.sqrt(BLOCKS_WORTH + 4), 0.0])
    assert answers.worst_um == 3.0
    assert answers.n == 4
    nothing = known_answers([])
    assert nothing.worst_um == 0.0
    np.testing.assert_allclose(nothing.pooled(np.array([1.0, 2.0, 3.0])), [1.0, 2.0, 3.0])


def test_the_error_is_reported_along_the_own_axes() -> None:
    rotated = AffineMap.from_parts([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.zeros(3))
    moved = AffineMap.from_parts(rotated.linear, [0.0, 2.0, 0.0])
    points = np.random.default_rng(2).normal(size=(5, 3))
    # The own x axis lies along the fixed y axis.
    np.testing.assert_allclose(own_error_um(moved, rotated, points), [2.0, 0.0, 0.0], atol=1e-12)
