"""Ceramic and metal that only the grains tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import cKDTree

from spallmap.registration.section.materials.grains import ceramic_by_grains

SHAPE, STEP_UM = (200, 260), 2.0
FACE = 110
SPACING_UM = (STEP_UM, STEP_UM)


def drawn(rng: np.random.Generator, metal: float, rough: float = 0.0) -> np.ndarray:
    """Grains of 14 um below metal of another grey, each with noise."""
    v, u = np.mgrid[: SHAPE[0], : SHAPE[1]] * STEP_UM
    n = 1200
    middles = rng.uniform(0.0, (SHAPE[0] * STEP_UM, SHAPE[1] * STEP_UM), (n, 2))
    _, nearest = cKDTree(middles).query(np.stack([v, u], axis=-1))
    grey = 165.0 * (1.0 + 0.06 * rng.normal(size=n).clip(-2.5, 2.5)[nearest])
    waves = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0)
    grey[:FACE] = metal * (1.0 + rough * (waves / waves.std())[:FACE])
    return ndimage.median_filter(grey + rng.normal(0.0, 3.0, SHAPE), 3).astype(np.float32)


def ceramic() -> np.ndarray:
    found = np.zeros(SHAPE, bool)
    found[FACE:] = True
    return found


@pytest.mark.parametrize("seed", range(5))
def test_an_electrode_as_bright_as_the_ceramic_is_no_ceramic(seed):
    grey = drawn(np.random.default_rng(seed), metal=150.0)
    everywhere = np.ones(SHAPE, bool)
    found = ceramic_by_grains(grey, everywhere, everywhere, SPACING_UM)
    assert found is not None
    assert np.mean(found != ceramic()) < 0.03


@pytest.mark.parametrize("seed", range(5))
def test_carbon_of_an_earlier_scan_leaves_ceramic_ceramic(seed):
    grey = drawn(np.random.default_rng(seed), metal=105.0)
    grey[FACE + 10 :, 60:200] *= 0.7
    everywhere = np.ones(SHAPE, bool)
    found = ceramic_by_grains(grey, everywhere, grey > 140.0, SPACING_UM)
    assert found is not None
    assert np.mean(found != ceramic()) < 0.03


@pytest.mark.parametrize("seed", range(5))
def test_greys_that_are_right_are_left_alone(seed):
    grey = drawn(np.random.default_rng(seed), metal=105.0)
    assert ceramic_by_grains(grey, np.ones(SHAPE, bool), ceramic(), SPACING_UM) is None


@pytest.mark.parametrize("seed", range(5))
def test_ceramic_alone_is_one_kind(seed):
    grey = drawn(np.random.default_rng(seed), metal=105.0)[FACE:]
    everywhere = np.ones(grey.shape, bool)
    assert ceramic_by_grains(grey, everywhere, everywhere, SPACING_UM) is None


def test_rough_metal_that_is_darker_is_not_taken_for_ceramic():
    grey = drawn(np.random.default_rng(1), metal=105.0, rough=0.3)
    everywhere = np.ones(SHAPE, bool)
    assert ceramic_by_grains(grey, everywhere, everywhere, SPACING_UM) is None
