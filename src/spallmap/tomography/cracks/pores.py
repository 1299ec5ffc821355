"""Round voids of the ceramic, which are not cracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from spallmap.blocks import Region, grown, inner, shape_of
from spallmap.tomography.blockwise.distances import capped_distance
from spallmap.tomography.blockwise.voxels import groups, order

# A void into which a ball of this radius fits is too thick for a crack: 4.6 voxels.
PORE_RADIUS_VOXELS = 2.3
# The blurred rim of a pore, where the filter answers as to a sheet.
PORE_RIM_VOXELS = 1.5
# A thick void whose core is longer than this many times its width is a wide crack after all.
SLENDER = 3.0
# Smaller cores have no shape that could be distinguished.
MIN_CORE_VOXELS = 10
# Voxels that a core's neighbourhood reaches to: radius and rim, rounded up.
REACH = 4


@dataclass(frozen=True)
class Pores:
    """Thick round voids with their rims.

    Parameters
    ----------
    cores : ndarray of int, shape (n, 3)
        Voxels (z, y, x) around which a ball fits into the void, in the order of
        :func:`spallmap.tomography.blockwise.voxels.order`.
    shape : tuple of int
        Number of voxels of the volume along z, y and x.
    """

    cores: NDArray[np.int64]
    shape: tuple[int, int, int]

    def mask(self, region: Region) -> NDArray[np.bool_]:
        """Voxels of a part of the volume in which no crack is looked for.

        Parameters
        ----------
        region : tuple of slice
            The part.

        Returns
        -------
        ndarray of bool
            Of the region's shape.
        """
        outer = grown(region, REACH, self.shape)
        first, end = np.searchsorted(self.cores[:, 0], (outer[0].start, outer[0].stop))
        near = self.cores[first:end]
        for axis in (1, 2):
            near = near[(near[:, axis] >= outer[axis].start) & (near[:, axis] < outer[axis].stop)]
        if len(near) == 0:
            return np.zeros(shape_of(region), dtype=bool)
        free = np.ones(shape_of(outer), dtype=bool)
        free[tuple((near - [s.start for s in outer]).T)] = False
        away = capped_distance(free, REACH)[inner(region, outer)]
        covered: NDArray[np.bool_] = away <= PORE_RADIUS_VOXELS + PORE_RIM_VOXELS
        return covered

    def hold(self, index: NDArray[np.int64], threads: int = 1) -> NDArray[np.bool_]:
        """Whether voxels lie in a pore or its rim.

        Parameters
        ----------
        index : ndarray of int, shape (n, 3)
            Voxels (z, y, x).
        threads : int
            Number of threads.

        Returns
        -------
        ndarray of bool, shape (n,)
            The same answer as :meth:`mask`.
        """
        if len(self.cores) == 0 or len(index) == 0:
            return np.zeros(len(index), dtype=bool)
        return _within(index, self.cores, threads)

    def away_from(self, index: NDArray[np.int64], threads: int = 1) -> Pores:
        """Leave out the pores whose rims hold given voxels.

        Parameters
        ----------
        index : ndarray of int, shape (n, 3)
            Voxels (z, y, x) that lie in no pore.
        threads : int
            Number of threads.

        Returns
        -------
        Pores
            The others, or rather what is left of them.
        """
        if len(self.cores) == 0 or len(index) == 0:
            return self
        return Pores(self.cores[~_within(self.cores, index, threads)], self.shape)


def _within(index: NDArray[np.int64], others: NDArray[np.int64], threads: int) -> NDArray[np.bool_]:
    """Whether voxels are as near to any of others as a pore's core is to its rim."""
    limit = PORE_RADIUS_VOXELS + PORE_RIM_VOXELS
    away, _ = cKDTree(others).query(index, distance_upper_bound=limit + 1e-6, workers=threads)
    return np.asarray(away <= limit, dtype=np.bool_)


def pore_cores(void: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Voxels of a block around which a ball fits into the void.

    Parameters
    ----------
    void : ndarray of bool, shape (nz, ny, nx)
        Voids of the ceramic, with a halo of three voxels.

    Returns
    -------
    ndarray of bool
        Right but for the halo.
    """
    core: NDArray[np.bool_] = capped_distance(void, 3) > PORE_RADIUS_VOXELS
    return core


def find_pores(cores: NDArray[np.int64], shape: tuple[int, int, int]) -> Pores:
    """Leave out the cores of wide cracks.

    Parameters
    ----------
    cores : ndarray of int, shape (n, 3)
        Voxels (z, y, x) of all cores, in any order.
    shape : tuple of int
        Number of voxels of the volume.

    Returns
    -------
    Pores
        The round ones.
    """
    points = cores[order(cores)]
    if len(points) == 0:
        return Pores(points, shape)
    group = groups(points)
    size = np.bincount(group)
    extent = extents(points, group)
    # A sheet's core is thin in one direction only.
    sheet = (size >= MIN_CORE_VOXELS) & (extent[:, 1] + 0.5 > SLENDER * (extent[:, 0] + 0.5))
    return Pores(points[~sheet[group]], shape)


def extents(index: NDArray[np.int64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return standard deviations along the principal axes of groups of voxels.

    Parameters
    ----------
    index : ndarray of int, shape (n, 3)
        Voxels.
    group : ndarray of int, shape (n,)
        Group of each, from 0.

    Returns
    -------
    ndarray, shape (number of groups, 3)
        Rising, in voxels; 0 for single voxels.
    """
    size = np.maximum(np.bincount(group), 1)
    mean = np.stack([np.bincount(group, index[:, a]) / size for a in range(3)], axis=1)
    centred = index - mean[group]
    covariance = np.empty((len(size), 3, 3))
    for a in range(3):
        for b in range(a, 3):
            summed = np.bincount(group, centred[:, a] * centred[:, b]) / np.maximum(size - 1, 1)
            covariance[:, a, b] = covariance[:, b, a] = summed
    return np.asarray(np.sqrt(np.maximum(np.linalg.eigvalsh(covariance), 0.0)), dtype=np.float64)
