"""A polished section drawn from formulas: two phases, pores and a curved crack of varying width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation
from scipy.special import expit

from spallmap.frames import AffineMap, grid_points, rotation_map

OVERVIEW_SHAPE = (180, 240)
DETAIL_SHAPE, DETAIL_UM = (240, 300), 0.25
EDX_SHAPE, EDX_UM = (60, 80), 2.0


@dataclass(frozen=True)
class Scene:
    """Pores (x, y, radius), crack (centre x, centre y, radius, least and largest half width), face height."""

    pores: np.ndarray
    crack: tuple[float, float, float, float, float]
    face: float


def draw_scene(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    pores = np.column_stack([rng.uniform([0, 50], [240, 180], (14, 2)), rng.uniform(3, 9, 14)])
    radius = rng.uniform(45, 70)
    return Scene(
        pores, (rng.uniform(100, 140), 40 + rng.uniform(-8, 8), radius, 1.5, 4.5), rng.uniform(28, 40)
    )


def show(scene: Scene, points: np.ndarray, edge_um: float) -> tuple[np.ndarray, np.ndarray]:
    """Fractions of ceramic and of sodium at points of the overview's frame."""
    x, y = points[..., 0], points[..., 1]
    ceramic = expit((y - scene.face) / edge_um)
    sodium = 1.0 - ceramic
    hollow = np.zeros(x.shape)
    for px, py, radius in scene.pores:
        hollow = np.maximum(hollow, expit((radius - np.hypot(x - px, y - py)) / edge_um))
    cx, cy, radius, thin, thick = scene.crack
    width = thin + (thick - thin) * (0.5 + 0.5 * np.sin(np.arctan2(y - cy, x - cx) * 2.0))
    crack = expit((width - np.abs(np.hypot(x - cx, y - cy) - radius)) / edge_um) * (y > scene.face)
    return ceramic * (1.0 - np.maximum(hollow, crack)), sodium


def electron_image(
    scene: Scene, to_overview: AffineMap, shape: tuple[int, int], spacing_um: float, seed: int
) -> np.ndarray:
    """Grey values with grain of its own, bright rims, shading and noise."""
    rng = np.random.default_rng(seed)
    ceramic, sodium = show(
        scene, to_overview(grid_points(shape, (spacing_um, spacing_um))), 0.4 * max(spacing_um, 0.5)
    )
    grain = ndimage.gaussian_filter(rng.normal(size=shape), 6.0 / spacing_um)
    grey = 20.0 + ceramic * (160.0 + 15.0 * grain / grain.std()) + 90.0 * sodium
    grey += 60.0 * ceramic * (1.0 - ndimage.gaussian_filter(ceramic, 1.5 / spacing_um))
    grey *= 1.0 + 0.05 * np.linspace(-1, 1, shape[1])
    return grey + rng.normal(0.0, 6.0, shape)


def element_counts(scene: Scene, to_overview: AffineMap, seed: int) -> np.ndarray:
    """Poisson counts of Na, Al and C."""
    ceramic, sodium = show(scene, to_overview(grid_points(EDX_SHAPE, (EDX_UM, EDX_UM))), 1.0)
    hollow = 1.0 - ceramic - sodium
    means = np.stack([3 * ceramic + 9 * sodium, 14 * ceramic, 0.3 + 5 * hollow + 2 * sodium])
    return np.random.default_rng(seed).poisson(means).astype(np.float64)


def pose(
    shape: tuple[int, int], spacing_um: float, middle: tuple[float, float], rotation_deg: float
) -> AffineMap:
    """Own points to the overview's, rotated about the middle."""
    centre = np.array([(shape[1] - 1) * spacing_um / 2, (shape[0] - 1) * spacing_um / 2, 0.0])
    return rotation_map(
        Rotation.from_euler("z", rotation_deg, degrees=True), centre, np.array([*middle, 0.0]) - centre
    )
