from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import AffineMap, grid_points, sample_volume
from tests.unit.figures.picture_checks import SPACING


@pytest.fixture
def volume() -> np.ndarray:
    rng = np.random.default_rng(5)
    grey = np.full((50, 60, 70), 45000.0)
    for centre in rng.uniform(5, 45, (40, 3)):
        squared = sum((x - c) ** 2 for x, c in zip(np.ogrid[:50, :60, :70], centre, strict=True))
        grey[squared < 9.0] = 13000.0
    return (grey + rng.normal(0, 800, grey.shape)).astype(np.uint16)


@pytest.fixture
def place() -> AffineMap:
    """Columns along x, rows along -z, in the plane y = 120."""
    linear = np.column_stack([(1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)])
    return AffineMap.from_parts(linear, (20.0, 120.0, 180.0))


@pytest.fixture
def section(volume: np.ndarray, place: AffineMap) -> tuple[np.ndarray, np.ndarray]:
    cut = sample_volume(volume, SPACING, place(grid_points((80, 110), (2.0, 2.0))))
    mask = np.ones(cut.shape, bool)
    mask[70:] = False
    return np.where(mask, cut / 256.0, 255.0), mask
