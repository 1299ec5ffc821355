"""Bodies that are ceramic, and bodies that are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography import common_grey
from spallmap.tomography.grey.levels import MAX_SPREAD, is_ceramic

AIR, CONTRAST = 10_000.0, 40_000.0


def plate() -> tuple[np.ndarray, np.ndarray]:
    """A plate, and the square of the distance from its axis over its radius."""
    z, y, x = np.mgrid[:48, :96, :96].astype(float)
    away = ((y - 48.0) ** 2 + (x - 48.0) ** 2) / 40.0**2
    return (abs(z - 24.0) < 14.0) & (away < 1.0), away


def spread(grey: np.ndarray, body: np.ndarray) -> float:
    low, high = np.quantile(grey[body], (0.25, 0.75))
    return float((high - low) / 1.35 / (np.median(grey[body]) - AIR))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_strongly_cupped_body_is_ceramic(seed: int) -> None:
    body, away = plate()
    noise = np.random.default_rng(seed).normal(0.0, 1000.0, body.shape)
    grey = (np.where(body, AIR + CONTRAST * (0.7 + 0.6 * away), AIR) + noise).astype(np.float32)
    assert spread(grey, body) > MAX_SPREAD
    assert is_ceramic(grey, body, AIR)
    assert common_grey(grey).ceramic_level == pytest.approx(AIR + CONTRAST, rel=0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_body_of_two_materials_side_by_side_is_none(seed: int) -> None:
    body, _ = plate()
    waves = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=body.shape), 4.0)
    waves -= np.median(waves[body])
    grey = np.where(body, AIR + CONTRAST * (1.0 + 0.25 * np.tanh(waves / waves.std())), AIR)
    assert spread(grey, body) > MAX_SPREAD
    assert not is_ceramic(grey.astype(np.float32), body, AIR)
