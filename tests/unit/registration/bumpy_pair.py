"""Two images of the same random hills, each with its own noise, for the tests of small motions."""

from __future__ import annotations

import numpy as np

from spallmap.frames import AffineMap, grid_points
from spallmap.registration.gauss_newton import Field

SHAPE, SPACING = (64, 80), (1.0, 1.0)


def bumps(points: np.ndarray, seed: int) -> np.ndarray:
    """Sum of round hills of width 4 um at random places of a field somewhat larger than the image."""
    rng = np.random.default_rng(seed)
    hills = rng.uniform([-20, -20], [100, 84], (45, 2))
    heights = rng.choice([-1.0, 1.0], 45)
    squared = ((points[..., None, :2] - hills) ** 2).sum(-1)
    return (heights * np.exp(-squared / (2 * 4.0**2))).sum(-1)


def pair(seed: int, truth: AffineMap, noise: float) -> tuple[Field, np.ndarray, np.ndarray]:
    """A fixed image, and what a moving image with its own noise shows, at its grid's points."""
    rng = np.random.default_rng(1000 + seed)
    grid = grid_points(SHAPE, SPACING)
    fixed = 3.0 - 2.0 * bumps(grid, seed) + noise * rng.normal(size=SHAPE)
    inner = grid[8:-8, 8:-8].reshape(-1, 3)
    shown = bumps(truth(inner), seed) + noise * rng.normal(size=inner.shape[0])
    return Field(fixed.astype(np.float32), SPACING, np.zeros(3)), inner, shown[:, None]
