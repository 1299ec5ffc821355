"""Rows and columns of a ceramic whose brightness is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from spallmap.registration.section.materials.stripes import without_stripes

SHAPE, STEP_UM = (200, 260), 2.0


def grains(rng: np.random.Generator) -> np.ndarray:
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    middles = rng.uniform(0.0, (SHAPE[0] * STEP_UM, SHAPE[1] * STEP_UM), (1200, 2))
    _, nearest = cKDTree(middles).query(np.stack([v, u], axis=-1))
    return 165.0 * (1.0 + 0.06 * rng.normal(size=1200).clip(-2.5, 2.5)[nearest])


def lines_apart(grey: np.ndarray, axis: int) -> float:
    """Relative scatter of the lines' medians."""
    medians = np.median(grey, axis=axis)
    return float(np.std(medians) / medians.mean())


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("seed", range(5))
def test_stripes_are_taken_off(axis, seed):
    rng = np.random.default_rng(seed)
    stripes = np.expand_dims(np.exp(rng.normal(0.0, 0.08, SHAPE[1 - axis])), axis)
    clean = grains(rng).astype(np.float32)
    found = without_stripes((clean * stripes).astype(np.float32), np.ones(SHAPE, bool), (STEP_UM, STEP_UM))
    # the stripes alone leave 8 %
    assert lines_apart(found, axis) < 0.02
    assert np.std(found / clean) < 0.03


@pytest.mark.parametrize("seed", range(5))
def test_grains_alone_are_left_nearly_as_they_are(seed):
    clean = grains(np.random.default_rng(seed)).astype(np.float32)
    found = without_stripes(clean, np.ones(SHAPE, bool), (STEP_UM, STEP_UM))
    assert np.std(found / clean) < 0.01


def test_lines_without_ceramic_and_images_without_grains_stay():
    ceramic = np.zeros(SHAPE, bool)
    ceramic[100:] = True
    flat = np.where(ceramic, 165.0, 20.0).astype(np.float32)
    assert np.array_equal(without_stripes(flat, ceramic, (STEP_UM, STEP_UM)), flat)
    assert np.array_equal(without_stripes(flat, ~ceramic & False, (STEP_UM, STEP_UM)), flat)
