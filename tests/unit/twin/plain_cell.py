"""A cell of flat faces and round outlines, of which every volume is known in closed form."""

from __future__ import annotations

import numpy as np

from spallmap.twin.geometry import Casing, CellGeometry, Electrode, Hollows, Outline, SpallCrack, Waves

NO_WAVES = np.zeros((0, 4))
NO_HARMONICS = np.zeros((0, 2))


def flat(height: float) -> Waves:
    return Waves(height, (0.0, 0.0), NO_WAVES)


def spheres(*spheres_um: tuple[float, float, float, float], in_sodium: bool = False) -> Hollows:
    """Hollows of centre (x, y, z) and radius."""
    rows = np.array(spheres_um, dtype=float).reshape(-1, 4)
    n = len(rows)
    axes = np.tile(np.eye(3), (n, 1, 1))
    return Hollows(rows[:, :3], np.repeat(rows[:, 3:], 3, axis=1), axes, np.full(n, in_sodium))


def bowl(radius: float, depth: float, aperture: float, side: int = 1, shape: str = "bowl") -> SpallCrack:
    """A bowl around the stack's axis whose half x < 0 is filled with sodium."""
    return SpallCrack(
        side=side,
        shape=shape,
        rim=Outline((0.0, 0.0), radius, NO_HARMONICS),
        depth_um=depth,
        tip=0.2,
        waviness_um=flat(0.0),
        aperture_um=aperture,
        aperture_log=flat(0.0),
        aperture_limits_um=(0.1, 100.0),
        sodium_edge_um=Waves(0.0, (1.0, 0.0), NO_WAVES),
    )


def plain_cell(
    radius: float = 120.0,
    half: float = 60.0,
    electrode_radius: float = 90.0,
    electrode_height: float = 70.0,
    hollows: Hollows | None = None,
    crack: SpallCrack | None = None,
) -> CellGeometry:
    electrodes = tuple(
        Electrode(
            Outline((0.0, 0.0), electrode_radius, NO_HARMONICS),
            flat(s * (half + electrode_height)),
            flat(7.0),
        )
        for s in (-1.0, 1.0)
    )
    return CellGeometry(
        rim=Outline((0.0, 0.0), radius, NO_HARMONICS),
        top=flat(half),
        bottom=flat(-half),
        electrodes=(electrodes[0], electrodes[1]),
        casing=Casing(1.3 * radius, 1.4 * radius, 30.0, 20.0),
        hollows=spheres() if hollows is None else hollows,
        crack=crack,
        patches=(),
        site_um=(0.0, 0.0, half),
    )
