"""What is brighter than ceramic inside it, as fringes and grains: beside it the filter sees dark sheets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from spallmap.blocks import Region, Sliceable, map_blocks, read_padded
from spallmap.tomography.blockwise.gaussian import gaussian_taps, smooth_block
from spallmap.tomography.grey.common_scale import CERAMIC_GREY
from spallmap.tomography.labels import is_filled

# Smoothing before something is called bright: noise falls to a seventh, a fringe of a voxel to a third.
SMOOTHING_VOXELS = 1.0
# Voxels around a region that the answer depends on.
BRIGHT_HALO = len(gaussian_taps(SMOOTHING_VOXELS)) - 1
# Bright is what exceeds the ceramic by this many standard deviations of its smoothed grey ...
BRIGHT_SD = 3.0
# ... and a scan has such things where more than this fraction of the ceramic exceeds it by so many.
SURELY_SD = 5.0
LEAST_FRACTION = 0.002
# Blocks of the ceramic that are looked at.
LOOKED_AT = 12


def bright_limit(grey: Sliceable, labels: Sliceable, blocks: list[Region], threads: int = 1) -> float:
    """Find above which smoothed grey a voxel of the ceramic is too bright for it.

    Parameters
    ----------
    grey, labels : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, and its phases.
    blocks : list of tuple of slice
        Parts of the ceramic, in random order.
    threads : int
        Number of threads.

    Returns
    -------
    float
        Infinite where the ceramic shows nothing bright.
    """

    def of(region: Region) -> NDArray[np.float32] | None:
        filled = read_padded(is_filled(np.asarray(labels[region])), _whole(region), BRIGHT_HALO)
        h = BRIGHT_HALO
        own = filled[h:-h, h:-h, h:-h]
        if not own.any():
            return None
        source = read_padded(grey, region, h).astype(np.float32)
        source[~filled] = CERAMIC_GREY
        smooth: NDArray[np.float32] = smooth_block(source, gaussian_taps(SMOOTHING_VOXELS))[own]
        return smooth

    values = [v for v in map_blocks(of, blocks[:LOOKED_AT], threads) if v is not None]
    if not values:
        return float("inf")
    smooth = np.concatenate(values)
    level = float(np.median(smooth))
    sd = 1.4826 * float(stats.median_abs_deviation(smooth))
    if sd == 0.0 or np.mean(smooth > level + SURELY_SD * sd) < LEAST_FRACTION:
        return float("inf")
    return max(level, CERAMIC_GREY) + BRIGHT_SD * sd


def _whole(region: Region) -> Region:
    z, y, x = (slice(0, s.stop - s.start) for s in region)
    return z, y, x


def without_bright(source: NDArray[np.float32], limit: float) -> NDArray[np.float32]:
    """Cut off what is too bright for ceramic.

    Parameters
    ----------
    source : ndarray of float32
        A block with a halo of :data:`BRIGHT_HALO`, grey of ceramic outside it.
    limit : float
        From :func:`bright_limit`.

    Returns
    -------
    ndarray of float32
        The block without its halo; at most the ceramic's grey where its smoothed grey exceeds the limit.
    """
    h = BRIGHT_HALO
    inside = np.ascontiguousarray(source[h:-h, h:-h, h:-h])
    bright = smooth_block(source, gaussian_taps(SMOOTHING_VOXELS)) > np.float32(limit)
    return np.where(bright, np.minimum(inside, np.float32(CERAMIC_GREY)), inside)
