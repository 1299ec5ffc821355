"""A small cell given by formulas, cut by its own code: a ceramic disc with pores under a sodium disc."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from scipy.spatial.transform import Rotation

from spallmap.image import Image
from spallmap.registration.section.appearance import Section, read_section
from spallmap.registration.section.pose import SectionPose

SHAPE, VOXEL_UM = (60, 92, 92), 5.0
SPACING_UM = (VOXEL_UM,) * 3
PIXEL_UM = 2.0


@dataclass(frozen=True)
class SmallCell:
    pores_um: np.ndarray
    radii_um: np.ndarray
    centre_um: np.ndarray
    axes: np.ndarray

    def matter(self, points: np.ndarray) -> np.ndarray:
        """0 nothing, 1 sodium, 2 ceramic, 3 pore at points (..., 3)."""
        local = (points - self.centre_um) @ self.axes
        rho, h = np.hypot(local[..., 0], local[..., 1]), local[..., 2]
        found = np.zeros(points.shape[:-1], dtype=int)
        found[(rho < 190.0) & (np.abs(h) < 85.0)] = 2
        rim = np.hypot(local[..., 0] - 20.0, 1.15 * (local[..., 1] + 15.0))
        found[(rim < 130.0) & (h >= 85.0) & (h < 120.0)] = 1
        points_in = local[found == 2]
        pore = np.zeros(len(points_in), dtype=bool)
        tree = KDTree(points_in)
        for centre, radius in zip(self.pores_um, self.radii_um, strict=True):
            pore[tree.query_ball_point(centre, radius)] = True
        found[found == 2] = np.where(pore, 3, 2)
        return found

    def volume(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        z, y, x = np.meshgrid(*(np.arange(2 * n) * VOXEL_UM / 2 - VOXEL_UM / 4 for n in SHAPE), indexing="ij")
        matter = self.matter(np.stack([x, y, z], axis=-1))
        grey = np.array([10000.0, 20000.0, 50000.0, 10000.0])[matter]
        grey = grey.reshape(SHAPE[0], 2, SHAPE[1], 2, SHAPE[2], 2).mean(axis=(1, 3, 5))
        grey = ndimage.gaussian_filter(grey, 0.7) + rng.normal(0.0, 1200.0, SHAPE)
        label = np.array([5, 2, 1, 3], dtype=np.uint8)[matter[::2, ::2, ::2]]
        return np.clip(grey, 0, 65535).astype(np.uint16), label


def small_cell(rng: np.random.Generator, n_pores: int = 110) -> SmallCell:
    angle, radius = rng.uniform(0, 2 * np.pi, n_pores), 180.0 * np.sqrt(rng.uniform(0, 1, n_pores))
    pores = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), rng.uniform(-75, 75, n_pores)])
    axes = Rotation.from_euler("xy", rng.uniform(-3, 3, 2), degrees=True).as_matrix()
    middle = (np.array(SHAPE[::-1]) - 1) * VOXEL_UM / 2 + rng.uniform(-8, 8, 3)
    return SmallCell(pores, rng.uniform(9.0, 22.0, n_pores), middle, axes)


def cut(
    cell: SmallCell,
    rng: np.random.Generator,
    *,
    shape: tuple[int, int] = (130, 170),
    pixel_um: float = PIXEL_UM,
    azimuth_deg: float | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut a noisy section with a blank bar at its foot: grey, mask, 4x4 matrix to the volume."""
    azimuth = rng.uniform(0.0, 2.0 * np.pi) if azimuth_deg is None else np.deg2rad(azimuth_deg)
    column = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    row = np.array([0.0, 0.0, -1.0])
    linear = np.column_stack([column, row, np.cross(column, row)])
    linear = linear @ Rotation.from_euler("xz", rng.uniform(-7, 7, 2), degrees=True).as_matrix()
    own = np.array([shape[1] - 1, 0.85 * shape[0] - 1, 0.0]) * pixel_um / 2
    target = cell.centre_um + linear @ np.array(
        [rng.uniform(-40, 40), rng.uniform(-25, 25), rng.uniform(-90, 90)]
    )
    matrix = np.eye(4)
    matrix[:3, :3], matrix[:3, 3] = linear, target - linear @ own
    v, u = np.mgrid[: shape[0], : shape[1]] * pixel_um
    points = np.stack([u, v, 0 * u], axis=-1) @ linear.T + matrix[:3, 3]
    matter = cell.matter(points)
    grey = np.array([25.0, 110.0, 190.0, 18.0])[matter]
    grain = ndimage.gaussian_filter(rng.normal(size=shape), 3.0)
    grey += 10.0 * grain / grain.std() * (matter == 2)
    grey *= 1.0 + 0.1 * (u / u.max() - 0.5)
    grey = ndimage.gaussian_filter(grey, 0.5) + rng.normal(0.0, 5.0, shape)
    mask = np.ones(shape, dtype=bool)
    mask[int(0.85 * shape[0]) :] = False
    grey[~mask] = 0.0
    return np.clip(grey, 0, 255).astype(np.uint8), mask, matrix


def read(drawn: tuple[np.ndarray, np.ndarray], pixel_um: tuple[float, float]) -> Section:
    section = read_section(Image(drawn[0], ("y", "x"), pixel_um, drawn[1]), VOXEL_UM / 2.0)
    assert isinstance(section, Section)
    return section


def placed(section: Section, matrix: np.ndarray) -> SectionPose:
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    centre = matrix[:3, :3] @ section.centre_um + matrix[:3, 3]
    logs = np.log(lengths)
    return SectionPose(matrix[:3, :3] / lengths, centre, 0.0, (logs[0] + logs[1]) / 2.0, logs[0] - logs[1])
