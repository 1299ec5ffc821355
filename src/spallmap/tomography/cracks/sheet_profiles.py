"""Grey across sheets, against the ceramic around them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Region, Sliceable, grown, map_blocks, read_padded
from spallmap.tomography.blockwise.gaussian import gaussian_taps, smooth_block
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.labels import CERAMIC
from spallmap.tomography.phases.phase_plan import SMOOTHING_VOXELS

# Distances across a sheet at which it may be bright, in voxels: grains are two to ten voxels wide.
BESIDE_VOXELS = (2.0, 3.0, 4.0, 5.0, 6.0)
# Edge of the blocks whose ceramic, with this much around them, gives the level: a few grains do not move its
# median, and shading hardly changes over it.
LEVEL_TILE = 16
LEVEL_HALO = 12
# Columns of a profile: the sheet, and what lies below and above it along the stack at each distance.
SHEET = 0
BELOW = slice(1, 1 + len(BESIDE_VOXELS))
ABOVE = slice(1 + len(BESIDE_VOXELS), 1 + 2 * len(BESIDE_VOXELS))


def sheet_profiles(
    cracks: Cracks, grey: Sliceable, labels: Sliceable, threads: int = 1
) -> NDArray[np.float64]:
    """Measure the grey on sheets and beside them.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey, labels : Sliceable, shape (nz, ny, nx)
        The volume and its phases.
    threads : int
        Number of threads.

    Returns
    -------
    ndarray of float64, shape (n ridge voxels, 1 + 2 distances)
        How far the smoothed grey stands above the median of the ceramic around, in the columns `SHEET`,
        `BELOW` and `ABOVE`; NaN where it is no ceramic.
    """
    corners, block = np.unique(cracks.ridge_index // LEVEL_TILE, axis=0, return_inverse=True)
    ends = np.cumsum(np.bincount(block.ravel()))
    members = np.split(np.argsort(block.ravel(), kind="stable"), ends[:-1])

    def of(k: int) -> NDArray[np.float64]:
        return _profiles(cracks, members[k], grey, labels, _region(corners[k], cracks.shape))

    profiles = np.empty((len(cracks.ridge_index), ABOVE.stop))
    for mine, values in zip(members, map_blocks(of, range(len(members)), threads), strict=True):
        profiles[mine] = values
    return profiles


def _region(corner: NDArray[np.int64], shape: tuple[int, int, int]) -> Region:
    z, y, x = (
        slice(int(c) * LEVEL_TILE, min((int(c) + 1) * LEVEL_TILE, n))
        for c, n in zip(corner, shape, strict=True)
    )
    return z, y, x


def _profiles(
    cracks: Cracks, mine: NDArray[np.intp], grey: Sliceable, labels: Sliceable, region: Region
) -> NDArray[np.float64]:
    outer = grown(region, LEVEL_HALO, cracks.shape)
    ceramic = np.asarray(labels[outer]) == CERAMIC
    if not ceramic.any():
        return np.full((len(mine), ABOVE.stop), np.nan)
    taps = gaussian_taps(SMOOTHING_VOXELS)
    smooth = smooth_block(read_padded(grey, outer, len(taps) - 1).astype(np.float32), taps)
    level = float(np.median(smooth[ceramic]))
    at = cracks.ridge_index[mine] - [s.start for s in outer]
    normal = cracks.ridge_normal[mine]
    up = normal * np.where(normal[:, :1] < 0.0, -1.0, 1.0)
    columns = [smooth[tuple(at.T)] - level]
    for side in (-1.0, 1.0):
        for distance in BESIDE_VOXELS:
            there = (at + side * distance * up).T
            values = ndimage.map_coordinates(smooth, there, order=1)
            inside = ndimage.map_coordinates(ceramic.astype(np.uint8), there, order=0)
            columns.append(np.where(inside, values - level, np.nan))
    return np.stack(columns, axis=1)
