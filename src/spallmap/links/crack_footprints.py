"""Cracks and phases seen along the normal of a projection image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import AffineMap, indices_to_points
from spallmap.tomography import CERAMIC, SODIUM, VOID

# Every voxel is split into this many points along each axis, so that a footprint has no holes between voxels.
POINTS_PER_AXIS = 2
# More cells in a pixel than this would show nothing that a pixel resolves.
MAX_CELLS_PER_PIXEL = 16
# A pixel belongs to a body that fills more than this fraction of the longest way through it: thin rims count.
THIN_RIM = 0.2
# Every n-th voxel along each axis is enough to show which pixels a body of millimetres covers.
BODY_STRIDE = 2


@dataclass(frozen=True)
class ImagePlane:
    """The MRI's pixel grid with finer cells in it.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns) of pixels.
    spacing_um : tuple of float
        (row spacing, column spacing), um.
    to_reference : AffineMap
        From the image's frame to the reference frame.
    cells : tuple of int
        Cells in a pixel along rows and columns.
    """

    shape: tuple[int, int]
    spacing_um: tuple[float, float]
    to_reference: AffineMap
    cells: tuple[int, int]

    @classmethod
    def of(
        cls,
        shape: Sequence[int],
        spacing_um: Sequence[float],
        to_reference: AffineMap,
        voxel_um: Sequence[float],
    ) -> ImagePlane:
        """Choose cells of about the smallest voxel spacing."""
        cells = [int(np.clip(np.ceil(s / min(voxel_um)), 1, MAX_CELLS_PER_PIXEL)) for s in spacing_um]
        rows, columns = (float(s) for s in spacing_um)
        return cls((int(shape[0]), int(shape[1])), (rows, columns), to_reference, (cells[0], cells[1]))

    @property
    def cell_um(self) -> tuple[float, float]:
        """(row, column) size of a cell, um."""
        return self.spacing_um[0] / self.cells[0], self.spacing_um[1] / self.cells[1]

    def _pixel_coordinates(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Fractional (row, column) of reference points, shape (n, 3) to (n, 2)."""
        own = self.to_reference.inverse()(points)
        coordinates: NDArray[np.float64] = own[:, 1::-1] / np.asarray(self.spacing_um)
        return coordinates

    def count(self, points: NDArray[np.float64], fine: bool) -> NDArray[np.float64]:
        """Count reference points in each cell (fine) or pixel; points beyond the image are dropped."""
        cells = np.array(self.cells if fine else (1, 1))
        shape = tuple(int(n) for n in np.array(self.shape) * cells)
        index = np.floor((self._pixel_coordinates(points) + 0.5) * cells).astype(np.int64)
        inside = np.all((index >= 0) & (index < np.array(shape)), axis=1)
        flat = np.ravel_multi_index(tuple(index[inside].T), shape)
        return np.bincount(flat, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    def to_pixels(self, fine: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean over each pixel's cells."""
        (rows, columns), (a, b) = self.shape, self.cells
        mean: NDArray[np.float64] = fine.reshape(rows, a, columns, b).mean(axis=(1, 3))
        return mean


def _voxel_points(
    indices: NDArray[np.int64], spacing_um: Sequence[float], per_axis: int = POINTS_PER_AXIS
) -> NDArray[np.float64]:
    """Spread points evenly over voxels.

    Parameters
    ----------
    indices : ndarray of int, shape (n, 3)
        Voxels in array order.
    spacing_um : sequence of float
        Their spacing in array order.
    per_axis : int
        Points along each axis of a voxel.

    Returns
    -------
    ndarray, shape (n * per_axis**3, 3)
        Points (x, y, z).
    """
    offsets = (np.arange(per_axis) + 0.5) / per_axis - 0.5
    steps = np.stack(np.meshgrid(offsets, offsets, offsets, indexing="ij"), axis=-1).reshape(-1, 3)
    return indices_to_points((indices[:, None, :] + steps[None]).reshape(-1, 3), spacing_um)


@dataclass(frozen=True)
class Footprint:
    """One crack in the plane.

    Parameters
    ----------
    crack : int
        Its label.
    n_voxels : int
        Its size in the volume.
    cells : ndarray of bool
        Which of the plane's cells it covers.
    """

    crack: int
    n_voxels: int
    cells: NDArray[np.bool_]


def crack_footprints(
    plane: ImagePlane, cracks_labels: NDArray[Any], spacing_um: Sequence[float]
) -> tuple[Footprint, ...]:
    """Project every crack that falls into the image.

    Parameters
    ----------
    plane : ImagePlane
        The image's grid.
    cracks_labels : ndarray of int, shape (nz, ny, nx)
        Cracks in the reference volume; 0 is background.
    spacing_um : sequence of float
        Voxel spacing in array order.

    Returns
    -------
    tuple of Footprint
        By label.
    """
    footprints = []
    boxes: Sequence[tuple[slice, ...] | None] = ndimage.find_objects(
        cracks_labels.astype(np.int32, copy=False)
    )
    for label, box in enumerate(boxes, start=1):
        if box is None:
            continue
        indices = np.argwhere(cracks_labels[box] == label) + np.array([s.start for s in box])
        cells = plane.count(_voxel_points(indices, spacing_um), fine=True) > 0
        if cells.any():
            footprints.append(Footprint(label, len(indices), cells))
    return tuple(footprints)


@dataclass(frozen=True)
class Bodies:
    """Where the cell's bodies lie in the plane.

    Parameters
    ----------
    electrolyte : ndarray of bool, shape (rows, columns)
        Pixels whose line of sight runs through the ceramic for the most part.
    interface_um : ndarray of float, shape (rows, columns)
        Distance of each pixel from the nearest electrode pixel; infinite where there is no electrode.
    """

    electrolyte: NDArray[np.bool_]
    interface_um: NDArray[np.float64]


def project_bodies(plane: ImagePlane, phases: NDArray[Any], spacing_um: Sequence[float]) -> Bodies:
    """Find the electrolyte's pixels and their distance from the electrodes.

    Parameters
    ----------
    plane : ImagePlane
        The image's grid.
    phases : ndarray of int, shape (nz, ny, nx)
        Phases of the reference volume.
    spacing_um : sequence of float
        Voxel spacing in array order.

    Returns
    -------
    Bodies
        Electrolyte and distances.
    """
    thin = phases[::BODY_STRIDE, ::BODY_STRIDE, ::BODY_STRIDE]
    thin_um = [BODY_STRIDE * float(s) for s in spacing_um]

    def along_line_of_sight(*labels: int) -> NDArray[np.float64]:
        indices = np.argwhere(np.isin(thin, labels))
        return plane.count(indices_to_points(indices, thin_um), fine=False)

    ceramic, sodium = along_line_of_sight(CERAMIC, VOID), along_line_of_sight(SODIUM)
    electrolyte = (ceramic > THIN_RIM * ceramic.max()) & (ceramic >= sodium)
    electrode = (sodium > THIN_RIM * sodium.max()) & (sodium > ceramic)
    if not electrode.any():
        return Bodies(electrolyte, np.full(plane.shape, np.inf))
    return Bodies(electrolyte, ndimage.distance_transform_edt(~electrode, sampling=plane.spacing_um))
