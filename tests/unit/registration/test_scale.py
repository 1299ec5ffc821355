from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap, grid_points
from spallmap.registration.gauss_newton import Field, Motion, align
from spallmap.registration.scale import scale_is_worthwhile, scale_of

SHAPE, STEP = (20, 44, 44), (1.0, 1.0, 1.0)


def hills(points: np.ndarray, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    middles = rng.uniform(-4.0, 48.0, (160, 3)) * [1.0, 1.0, 0.5]
    return np.exp(-((points[..., None, :] - middles) ** 2).sum(-1) / (2 * 2.5**2)).sum(-1)


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
    asked = scale_is_worthwhile(field, points, shown, rigid, 8.0)
    if factor != 1.0:
        assert asked
    fitted = align(field, points, shown, rigid.map, Motion(scale=asked))
    assert scale_of(fitted.map) == pytest.approx(factor - 1.0, abs=6e-4)
