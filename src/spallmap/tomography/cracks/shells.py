"""Sheets that are no cracks but the surroundings of something bright: they are no darker than ceramic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Region, Sliceable, grown, map_blocks, read_padded
from spallmap.tomography.blockwise.gaussian import gaussian_taps, smooth_block
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.cracks.left_out import leave_out
from spallmap.tomography.labels import CERAMIC
from spallmap.tomography.phases.phase_plan import SMOOTHING_VOXELS

# Distances across a sheet at which it may be bright, in voxels: grains are two to ten voxels wide.
BESIDE_VOXELS = (2.0, 3.0, 4.0, 5.0, 6.0)
# Edge of the blocks whose ceramic, with this much around them, gives the level: a few grains do not move its
# median, and shading hardly changes over it.
LEVEL_TILE = 16
LEVEL_HALO = 12
# Fewer ridge voxels than this whose both sides are ceramic cannot tell.
LEAST_VOXELS = 30


def without_shells(
    cracks: Cracks, grey: Sliceable, labels: Sliceable, threads: int = 1
) -> tuple[Cracks, int]:
    """Leave out sheets that are dark only beside something bright.

    The plate filter knows what is darker than its neighbours. So is the ceramic around a bright grain, which
    it takes for a shell. A crack is darker than ceramic. So the mean profile across each sheet is held
    against the ceramic's median grey around it: where something beside the sheet stands further above that
    than the sheet lies below it, it is no crack. Beside a crack there is ceramic, or a fringe, which is less
    than half as high as the crack is deep. A sheet that runs into a crack is a part of it: what has as many
    voxels that are darker than ceramic as a crack needs stays.

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
    cracks : Cracks
        The others, numbered anew in their order.
    n_shells : int
        How many were left out.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from spallmap.tomography import assemble_cracks, ceramic_box, crack_thresholds, find_candidates
    >>> z, y, x = np.mgrid[:40, :70, :70]
    >>> labels = np.where((abs(z - 20) < 16) & (np.hypot(y - 35, x - 35) < 31), 1, 5).astype(np.uint8)
    >>> grey = np.where(labels == 1, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 300.0, grey.shape)
    >>> grey += 3_000.0 * ((abs(abs(z - 20) - 3) <= 1) & (np.hypot(y - 35, x - 35) < 8))
    >>> thresholds = replace(crack_thresholds(grey, labels), bright=np.inf)
    >>> candidates = find_candidates(grey, labels, ceramic_box(labels), thresholds)
    >>> found = assemble_cracks([candidates], grey.shape, thresholds)
    >>> left, n_shells = without_shells(found, grey, labels)
    >>> found.n, left.n, n_shells
    (1, 0, 1)
    """
    if cracks.n == 0:
        return cracks, 0
    corners, block = np.unique(cracks.ridge_index // LEVEL_TILE, axis=0, return_inverse=True)
    ends = np.cumsum(np.bincount(block.ravel()))
    members = np.split(np.argsort(block.ravel(), kind="stable"), ends[:-1])

    def of(k: int) -> NDArray[np.float64]:
        return _profiles(cracks, members[k], grey, labels, _region(corners[k], cracks.shape))

    profiles = np.empty((len(cracks.ridge_index), 1 + len(BESIDE_VOXELS)))
    for mine, values in zip(members, map_blocks(of, range(len(members)), threads), strict=True):
        profiles[mine] = values
    least = cracks.thresholds.min_area_voxels
    shells = [k for k in range(1, cracks.n + 1) if _is_shell(profiles[cracks.ridge_crack == k], least)]
    return leave_out(cracks, shells), len(shells)


def _region(corner: NDArray[np.int64], shape: tuple[int, int, int]) -> Region:
    z, y, x = (
        slice(int(c) * LEVEL_TILE, min((int(c) + 1) * LEVEL_TILE, n))
        for c, n in zip(corner, shape, strict=True)
    )
    return z, y, x


def _profiles(
    cracks: Cracks, mine: NDArray[np.intp], grey: Sliceable, labels: Sliceable, region: Region
) -> NDArray[np.float64]:
    """How far sheets and what lies beside them, as the mean of both sides, stand above ceramic, or NaN."""
    outer = grown(region, LEVEL_HALO, cracks.shape)
    ceramic = np.asarray(labels[outer]) == CERAMIC
    if not ceramic.any():
        return np.full((len(mine), 1 + len(BESIDE_VOXELS)), np.nan)
    taps = gaussian_taps(SMOOTHING_VOXELS)
    smooth = smooth_block(read_padded(grey, outer, len(taps) - 1).astype(np.float32), taps)
    level = float(np.median(smooth[ceramic]))
    at = cracks.ridge_index[mine] - [s.start for s in outer]
    columns = [smooth[tuple(at.T)] - level]
    for distance in BESIDE_VOXELS:
        sides = [at + side * distance * cracks.ridge_normal[mine] for side in (-1.0, 1.0)]
        inside = np.all(
            [ndimage.map_coordinates(ceramic.astype(np.uint8), s.T, order=0) for s in sides], axis=0
        )
        values = np.mean([ndimage.map_coordinates(smooth, s.T, order=1) for s in sides], axis=0)
        columns.append(np.where(inside, values - level, np.nan))
    return np.stack(columns, axis=1)


def _is_shell(profiles: NDArray[np.float64], least_voxels: int) -> bool:
    """Whether something beside a sheet stands out more than the sheet does, nearly everywhere."""
    known = profiles[np.isfinite(profiles).all(axis=1)]
    if len(known) < LEAST_VOXELS:
        return False
    mean = known.mean(axis=0)
    brightest = 1 + int(np.argmax(mean[1:]))
    darker = np.count_nonzero(-known[:, 0] > np.maximum(known[:, brightest], 0.0))
    return bool(mean[brightest] > -mean[0] and darker < least_voxels)
