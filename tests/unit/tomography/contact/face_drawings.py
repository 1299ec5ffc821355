"""Ceramic between wavy faces with electrodes on both, and gas of known height."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

AIR, SODIUM, CERAMIC = 10_000.0, 19_000.0, 50_000.0
SHAPE = (80, 130, 130)
SPACING_UM = (5.0, 5.0, 5.0)
BLUR = 0.75
RADIUS, ELECTRODE = 58.0, 45.0

Floats = NDArray[np.float64]


def step_of(distance: Floats) -> Floats:
    """A blurred wall: 1 where the distance is negative."""
    return 0.5 - 0.5 * erf(distance / (np.sqrt(2.0) * BLUR))


def draw_faces(
    rng: np.random.Generator, gap: Floats, noise: float = 1500.0
) -> tuple[NDArray[np.uint16], NDArray[np.uint8], Floats, Floats]:
    """Draw ceramic between wavy faces, electrodes on both, gas of a height in voxels under the upper one."""
    z, y, x = np.meshgrid(*[np.arange(n, dtype=float) for n in SHAPE], indexing="ij")
    phase = rng.uniform(0.0, 2.0 * np.pi, 4)
    top = 52.3 + 0.8 * np.sin(y[0] / 9.0 + phase[0]) + 0.5 * np.cos(x[0] / 6.0 + phase[1]) + 0.02 * x[0]
    bottom = 27.6 + 0.8 * np.sin(x[0] / 8.0 + phase[2]) + 0.4 * np.cos(y[0] / 7.0 + phase[3]) - 0.02 * y[0]
    r = np.hypot(y - 64.5, x - 64.5)
    disc = step_of(r - RADIUS) * step_of(z - top) * step_of(bottom - z)
    upper = step_of(r - ELECTRODE) * step_of(top + gap - z) * step_of(z - 74.0)
    lower = step_of(r - ELECTRODE) * step_of(z - bottom) * step_of(6.0 - z)
    grey = AIR + (CERAMIC - AIR) * disc + (SODIUM - AIR) * (upper + lower)
    grey += rng.normal(0.0, noise, SHAPE)
    labels = np.full(SHAPE, 5, dtype=np.uint8)
    labels[(upper + lower) > 0.5] = 2
    labels[(r < RADIUS) & (z > bottom) & (z < top)] = 1
    return np.clip(np.rint(grey), 0, 65535).astype(np.uint16), labels, bottom, top


def lens_of(y0: float, x0: float, radius: float, height: float) -> Floats:
    y, x = np.ogrid[: SHAPE[1], : SHAPE[2]]
    inside = np.clip(1.0 - ((y - y0) ** 2 + (x - x0) ** 2) / radius**2, 0.0, None)
    lens: Floats = height * np.sqrt(inside)
    return lens
