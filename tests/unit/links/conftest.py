from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_centre, indices_to_points, rotation_map
from spallmap.links.crack_footprints import ImagePlane, crack_footprints, project_bodies

VOXEL_UM = 10.0
PIXEL_UM = (23.0, 46.0)
SHAPE = (36, 24)
BAND_PIXELS = 4  # simulated regions lie within this many rows of an electrode


@dataclass(frozen=True)
class Cell:
    """A disc of ceramic between two electrodes with spherical-cap cracks, and an MRI of it."""

    phases: np.ndarray
    cracks: np.ndarray
    to_reference: AffineMap

    @property
    def spacing_um(self) -> tuple[float, float, float]:
        return (VOXEL_UM,) * 3

    def crack_image(self, voxels: np.ndarray, shift_um: np.ndarray) -> np.ndarray:
        """Amount of crack in each pixel, through a Gaussian point spread, off by a shift."""
        own = self.to_reference.inverse()(indices_to_points(voxels, self.spacing_um))[:, 1::-1] + shift_um
        index = np.rint(own / np.array(PIXEL_UM)).astype(int)
        image = np.zeros(SHAPE)
        inside = np.all((index >= 0) & (index < np.array(SHAPE)), axis=1)
        np.add.at(image, tuple(index[inside].T), 1.0)
        return ndimage.gaussian_filter(image, 0.45)

    def random_patch(self, crack: int, rng: np.random.Generator, radius_um: float = 70.0) -> np.ndarray:
        """Voxels of a crack around one of them: the part that is filled."""
        voxels = np.argwhere(self.cracks == crack)
        centre = voxels[rng.integers(len(voxels))]
        return voxels[np.linalg.norm((voxels - centre) * VOXEL_UM, axis=1) < radius_um]

    def region_on(self, crack: int, rng: np.random.Generator, se_um=(0.0, 0.0)) -> np.ndarray:
        """A long-T2 region that a filled part of the crack makes, seen with a registration error (v, u)."""
        image = self.crack_image(self.random_patch(crack, rng), rng.normal(size=2) * np.array(se_um))
        labels, _ = ndimage.label(image > 0.35 * image.max())
        return (labels == labels[np.unravel_index(image.argmax(), SHAPE)]).astype(np.int32)

    def with_rim(self, region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The region with what noise joins to it: rim pixels, by patches of 3 x 3 that are labelled alike."""
        ring = ndimage.binary_dilation(region > 0) & (region == 0)
        patches = np.kron(rng.random((SHAPE[0] // 3, SHAPE[1] // 3)) < 0.3, np.ones((3, 3), dtype=bool))
        return np.where(ring & patches, 1, region).astype(np.int32)

    def rows_of_ceramic(self) -> tuple[int, int]:
        z = np.flatnonzero((self.phases == 1).any(axis=(1, 2)))
        points = indices_to_points(np.array([[z[-1], 40, 40], [z[0], 40, 40]]), self.spacing_um)
        first, last = self.to_reference.inverse()(points)[:, 1] / PIXEL_UM[0]
        return int(np.ceil(first)), int(last)

    def moved_at_random(self, region: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The same region somewhere near an electrode, whatever cracks there are."""
        pixels = np.argwhere(region)
        pixels -= pixels.min(axis=0)
        height, width = pixels.max(axis=0) + 1
        first, last = self.rows_of_ceramic()
        row = first + int(rng.integers(0, BAND_PIXELS))
        if rng.random() < 0.5:
            row = last + 1 - height - (row - first)
        columns = np.flatnonzero(self.crack_columns())
        column = int(rng.integers(columns[0], columns[-1] + 2 - width))
        moved = np.zeros(SHAPE, np.int32)
        moved[tuple((pixels + np.array([row, column])).T)] = 1
        return moved

    def crack_columns(self) -> np.ndarray:
        voxels = np.argwhere(self.phases == 1)[::50]
        return self.crack_image(voxels, np.zeros(2)).max(axis=0) > 1


def cap(shape: tuple[int, int, int], centre: tuple[float, float, float], radius: float, half_height: float):
    """A bowl, one to two voxels thick: the part of a sphere's shell that lies above or below a height."""
    z, y, x = np.indices(shape)
    shell = np.abs(np.sqrt((z - centre[0]) ** 2 + (y - centre[1]) ** 2 + (x - centre[2]) ** 2) - radius) < 0.9
    return shell & (np.sign(half_height) * (z - centre[0]) > abs(half_height))


@pytest.fixture(scope="session")
def cell() -> Cell:
    shape = (70, 80, 80)
    z = np.indices(shape)[0]
    _, y, x = np.indices(shape)
    disc = np.hypot(y - 40, x - 40) < 36
    phases = np.full(shape, 5, np.uint8)
    phases[disc & (z >= 14) & (z < 56)] = 1
    phases[disc & ((z < 14) & (z >= 4) | (z >= 56) & (z < 66))] = 2
    cracks = np.zeros(shape, np.int32)
    cracks[cap(shape, (38, 24, 40), 18, -9) & (phases == 1)] = 1
    cracks[cap(shape, (34, 56, 30), 17, 10) & (phases == 1)] = 2
    phases[cracks > 0] = 3
    start = AxesPrior.parse("-z,y").map(SHAPE, PIXEL_UM, shape, (VOXEL_UM,) * 3)
    rotation = rotation_map(
        Rotation.from_euler("xyz", (3, -4, 6), degrees=True), grid_centre(shape, (VOXEL_UM,) * 3), (5, -8, 4)
    )
    return Cell(phases, cracks, rotation @ start)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20)


@pytest.fixture(scope="module")
def scene(cell):
    plane = ImagePlane.of(SHAPE, PIXEL_UM, cell.to_reference, cell.spacing_um)
    bodies = project_bodies(plane, cell.phases, cell.spacing_um)
    return plane, bodies, crack_footprints(plane, cell.cracks, cell.spacing_um)
