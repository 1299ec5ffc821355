from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap, grid_points
from spallmap.registration.gauss_newton import Field, Motion, align
from spallmap.registration.known_answers import BLOCKS_WORTH, known_answers, own_error_um
from spallmap.registration.scale import scale_of, scale_pays

SHAPE, STEP = (20, 44, 44), (1.0, 1.0, 1.0)


def hills(points: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middles = rng.uniform(-4.0, 48.0, (160, 3)) * [1.0, 1.0, 0.5]
    return np.exp(-((points[..., None, :] - middles) ** 2).sum(-1) / (2 * 2.5**2)).sum(-1)


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


def test_the_error_is_told_along_the_own_axes() -> None:
    turned = AffineMap.from_parts([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], np.zeros(3))
    moved = AffineMap.from_parts(turned.linear, [0.0, 2.0, 0.0])
    points = np.random.default_rng(2).normal(size=(5, 3))
    # The own x axis lies along the fixed y axis.
    np.testing.assert_allclose(own_error_um(moved, turned, points), [2.0, 0.0, 0.0], atol=1e-12)


@pytest.mark.parametrize(("factor", "seed"), [(1.008, 1), (1.0, 2), (0.993, 3), (1.0, 4)])
def test_a_scale_is_asked_for_where_there_is_one(factor: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = np.array([22.0, 22.0, 10.0])
    truth = AffineMap.from_parts(np.eye(3) * factor, (1.0 - factor) * centre)
    grid = grid_points(SHAPE, STEP)
    field = Field((hills(grid, seed) + 0.02 * rng.normal(size=SHAPE)).astype(np.float32), STEP, np.zeros(3))
    points = grid[3:-3, 3:-3, 3:-3].reshape(-1, 3)[::3]
    shown = (hills(truth(points), seed) + 0.02 * rng.normal(size=len(points)))[:, None]
    rigid = align(field, points, shown, AffineMap.identity(), Motion())
    asked = scale_pays(field, points, shown, rigid, 8.0)
    if factor != 1.0:
        assert asked
    fitted = align(field, points, shown, rigid.map, Motion(scale=asked))
    assert scale_of(fitted.map) == pytest.approx(factor - 1.0, abs=6e-4)
