"""A disc of ceramic with pores between two electrodes, drawn in any pose from its formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation
from scipy.special import expit

from spallmap.frames import AffineMap, grid_centre, grid_points, rotation_map

SPACING = (23.0, 23.0, 23.0)
SHAPE = (24, 44, 44)
EDGE_UM = 6.0
CERAMIC, SODIUM, AIR = 50000.0, 22000.0, 10000.0


@dataclass(frozen=True)
class Body:
    """Pores (x, y, z, radius in um) of a disc about the origin, and the electrodes' radii."""

    pores: np.ndarray
    electrodes_um: tuple[float, float]
    crack: bool = False


def draw_body(seed: int, *, n_pores: int = 40, crack: bool = False) -> Body:
    rng = np.random.default_rng(seed)
    radius, azimuth = 330.0 * np.sqrt(rng.uniform(size=n_pores)), rng.uniform(0, 2 * np.pi, n_pores)
    z, size = rng.uniform(-110, 110, n_pores), rng.uniform(34.0, 58.0, n_pores)
    pores = np.stack([radius * np.cos(azimuth), radius * np.sin(azimuth), z, size], axis=1)
    return Body(pores, (rng.uniform(200, 300), rng.uniform(200, 300)), crack)


def draw_pose(seed: int, *, azimuth_deg: float, upside_down: bool = False) -> AffineMap:
    """From the grid's points to the body's, tilted up to 8 degrees and shifted up to 20 um."""
    rng = np.random.default_rng(seed)
    rotation = Rotation.from_euler("zx", [azimuth_deg, 180.0 * upside_down], degrees=True)
    tilt = Rotation.from_euler("xy", rng.uniform(-8, 8, 2), degrees=True)
    centre = grid_centre(SHAPE, SPACING)
    return rotation_map(rotation * tilt, centre, -centre + rng.uniform(-20, 20, 3))


def scan(body: Body, pose: AffineMap, seed: int, *, gain: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Grey values with noise, and phases."""
    p = pose(grid_points(SHAPE, SPACING))
    rho = np.hypot(p[..., 0], p[..., 1])
    solid = expit((150.0 - np.abs(p[..., 2])) / EDGE_UM) * expit((380.0 - rho) / EDGE_UM)
    hollow = np.zeros(SHAPE)
    for x, y, z, size in body.pores:
        distance = np.sqrt((p[..., 0] - x) ** 2 + (p[..., 1] - y) ** 2 + (p[..., 2] - z) ** 2)
        hollow = np.maximum(hollow, expit((size - distance) / EDGE_UM))
    if body.crack:
        sheet = np.abs(p[..., 2] - 30.0 - 0.2 * p[..., 0])
        hollow = np.maximum(hollow, expit((10.0 - sheet) / EDGE_UM) * (rho < 200.0))
    metal = np.zeros(SHAPE)
    for sign, radius in zip((1.0, -1.0), body.electrodes_um, strict=True):
        height = sign * p[..., 2] - 150.0
        metal += expit((30.0 - np.abs(height - 30.0)) / EDGE_UM) * expit((radius - rho) / EDGE_UM)
    ceramic = solid * (1.0 - hollow)
    metal = np.clip(metal, 0.0, 1.0 - solid)
    grey = AIR + (CERAMIC - AIR) * ceramic + (SODIUM - AIR) * metal
    phases = np.full(SHAPE, 5, dtype=np.uint8)
    phases[metal > 0.5] = 2
    phases[solid > 0.5] = 3
    phases[ceramic > 0.5] = 1
    noise = np.random.default_rng(seed).normal(0.0, 1200.0, SHAPE)
    return (gain * (grey + noise)).astype(np.float32), phases
