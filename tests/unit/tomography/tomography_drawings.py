"""Small cells drawn with known phases and cracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap.tomography import Cracks, common_grey, find_cracks, segment_phases

Floats = NDArray[np.float64]

AIR, SODIUM, CERAMIC = 10_000.0, 19_000.0, 50_000.0


@dataclass(frozen=True)
class Plane:
    """A flat crack, a disc in its own plane; lengths in voxels, directions (z, y, x) in the cell's own
    axes."""

    centre: tuple[float, float, float]
    normal: tuple[float, float, float]
    radius: float
    aperture: float
    filling: float = AIR

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        n = np.array(self.normal) / np.linalg.norm(self.normal)
        cz, cy, cx = self.centre
        return n[0] * (z - cz) + n[1] * (y - cy) + n[2] * (x - cx)

    def inside(self, z: Floats, y: Floats, x: Floats) -> NDArray[np.bool_]:
        cz, cy, cx = self.centre
        d = self.distance(z, y, x)
        return (z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 - d**2 <= self.radius**2


@dataclass(frozen=True)
class Bowl:
    """A spherical bowl under the top face: the part below the face of a sphere around a point above it."""

    centre: tuple[float, float, float]
    radius: float
    aperture: float
    filling: float = AIR

    def distance(self, z: Floats, y: Floats, x: Floats) -> Floats:
        cz, cy, cx = self.centre
        return np.sqrt((z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2) - self.radius

    def inside(self, z: Floats, y: Floats, x: Floats) -> NDArray[np.bool_]:
        return z < self.centre[0]


@dataclass(frozen=True)
class Drawing:
    """A drawn cell: grey values, true phases (0 where a voxel is mixed), and voxel indices rotated to the
    cell's axes."""

    grey: Floats
    truth: NDArray[np.uint8]
    axes: tuple[Floats, Floats, Floats]
    to_volume: Rotation
    centre: Floats


def cover(distance: Floats) -> Floats:
    """Fraction of a voxel below a flat wall at a signed distance."""
    return np.clip(0.5 - distance, 0.0, 1.0)


def draw_cell(
    rng: np.random.Generator,
    *,
    shape: tuple[int, int, int] = (64, 96, 96),
    tilt_deg: tuple[float, float] = (0.0, 0.0),
    radius: float = 34.0,
    half: float = 14.0,
    noise: float = 1000.0,
    blur: float = 0.7,
    cupping: float = 0.0,
    rings: float = 0.0,
    cracks: Sequence[Plane | Bowl] = (),
    pores: Sequence[tuple[float, float, float, float]] = (),
    voids: Sequence[tuple[float, float, float]] = (),
    casing: tuple[float, float] = (40.0, 44.0),
    casing_grey: float = SODIUM,
    electrode_radius: float = 26.0,
    scale: tuple[float, float] = (1.0, 0.0),
) -> Drawing:
    """Draw Na | ceramic | Na in a casing, three samples per voxel along each axis for the cracks."""
    centre = (np.array(shape) - 1.0) / 2.0
    rotation = Rotation.from_euler("xy", tilt_deg, degrees=True)
    index = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in shape], indexing="ij"), -1) - centre
    # The rotation works on (x, y, z).
    z, y, x = np.moveaxis(
        rotation.inv().apply(index.reshape(-1, 3)[:, ::-1]).reshape(*shape, 3)[..., ::-1], -1, 0
    )
    r = np.hypot(y, x)
    disc = cover(r - radius) * cover(np.abs(z) - half)
    metal = cover(r - electrode_radius) * cover(np.abs(np.abs(z) - half - 6.0) - 6.0)
    # An electrode fills what the ceramic leaves of a voxel at the interface.
    metal = np.where(
        r < electrode_radius - 1.0, cover(np.abs(z) - half - 12.0) * (1.0 - disc), metal * (1.0 - disc)
    )
    ring = cover(r - casing[1]) * cover(casing[0] - r)
    for vy, vx, vr in voids:
        metal *= 1.0 - cover(np.sqrt((z - half) ** 2 + (y - vy) ** 2 + (x - vx) ** 2) - vr)
    grey = AIR + (CERAMIC - AIR) * disc + (SODIUM - AIR) * metal + (casing_grey - AIR) * ring
    truth = np.full(shape, 5, dtype=np.uint8)
    for fraction, number in ((ring, 4), (metal, 2), (disc, 1)):
        truth[fraction > 0.999] = number
        truth[(fraction > 0.001) & (fraction < 0.999)] = 0
    for pz, py, px, pr in pores:
        hole = disc * cover(np.sqrt((z - pz) ** 2 + (y - py) ** 2 + (x - px) ** 2) - pr)
        grey += (AIR - CERAMIC) * hole
        truth[hole > 0.001] = 3
    for crack in cracks:
        open_fraction = np.zeros(shape)
        for step in (-1 / 3, 0.0, 1 / 3):
            d = np.abs(crack.distance(z, y, x) + step)
            open_fraction += np.clip((crack.aperture / 2 - d) * 3.0 + 0.5, 0.0, 1.0) / 3.0
        open_fraction *= crack.inside(z, y, x) * disc
        grey += (crack.filling - CERAMIC) * open_fraction
        truth[open_fraction > 0.001] = 3
    grey = ndimage.gaussian_filter(grey, blur)
    if cupping:
        grey *= 1.0 - cupping * (1.0 - (r / radius) ** 2).clip(0.0, 1.0)
    if rings:
        amplitude = rng.normal(0.0, rings, int(r.max()) + 2)
        ry, rx = np.meshgrid(np.arange(shape[1]) - centre[1], np.arange(shape[2]) - centre[2], indexing="ij")
        grey += amplitude[np.hypot(ry, rx).astype(int)]
    field = ndimage.gaussian_filter(rng.normal(0.0, 1.0, shape), 0.5)
    grey += field * (noise / field.std())
    return Drawing(grey * scale[0] + scale[1], truth, (z, y, x), rotation, centre)


def to_cell(drawing: Drawing, points_xyz: Floats) -> Floats:
    """Voxel points (x, y, z) in the cell's own axes, as (z, y, x)."""
    return drawing.to_volume.inv().apply(points_xyz - drawing.centre[::-1])[:, ::-1]


def scan_of(drawing: Drawing) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """A drawn cell on the common grey scale, and its phases."""
    grey = common_grey(drawing.grey).apply(drawing.grey)
    return grey, segment_phases(grey, (4.66, 4.66, 4.66))


def cracks_of(drawing: Drawing) -> tuple[Cracks, NDArray[np.uint16], NDArray[np.uint8]]:
    """The cracks that are found in a drawn cell without a null, its grey and its phases."""
    grey, phases = scan_of(drawing)
    return find_cracks(grey, phases, (4.66, 4.66, 4.66)), grey, phases


def blobs(seed: int, shape: tuple[int, int, int] = (45, 33, 38), level: float = 0.12) -> NDArray[np.bool_]:
    """Connected blobs of some voxels."""
    rng = np.random.default_rng(seed)
    return ndimage.gaussian_filter(rng.normal(size=shape), 1.2) > level
