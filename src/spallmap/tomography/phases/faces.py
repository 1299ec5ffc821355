"""Where the faces of the ceramic lie, column by column, to a fraction of a voxel."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Region, Sliceable, map_blocks, read_padded, tiles
from spallmap.tomography.blockwise.gaussian import reach, smoothed

Heights = NDArray[np.float32]

# Smoothing along the face in voxels, against noise; waves of 10 voxels keep 0.9 of their height.
IN_PLANE_SMOOTHING = 0.8
# The surface lies this near to where the labels end.
SEARCH_VOXELS = 2.5
# Distances from the face over which the grey outside is averaged: beyond the blur, before a void of three
# voxels ends.
OUTSIDE_VOXELS = (1.8, 4.2)
# The same for the ceramic, where more voxels are at hand.
INSIDE_VOXELS = (1.8, 7.2)
# Where a face lies this far below its surroundings a crack or a pore opens; the noise is a fifth of it.
DIP_VOXELS = 0.4
# Around a dip the face is blurred into it this far.
DIP_RIM_VOXELS = 2
# The shallow flanks of dips pull their surroundings down by this much (median of two twin cells).
DIP_LIFT_VOXELS = 0.2
# Standard deviation of the window that says where the surroundings are: wider than a notch, and short against
# the waves of a face.
SURROUNDINGS_VOXELS = 4.0
# Edge of a block of columns.
COLUMN_TILE = 256


def refined_heights(
    grey: Sliceable,
    height: Heights,
    known: NDArray[np.bool_],
    top: bool,
    middle_grey: float,
    threads: int = 1,
) -> Heights:
    """Find the heights at which the grey is half-way between the ceramic's and that of what lies against it.

    Both levels are those of the column itself, so that it does not matter whether sodium or gas lies there.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    height : ndarray, shape (ny, nx)
        Face to about two voxels, in slices.
    known : ndarray of bool, shape (ny, nx)
        Columns to refine; the others stay.
    top : bool
        Whether it is the face at larger z.
    middle_grey : float
        A grey between those of the ceramic and of what may lie against it.
    threads : int
        Number of threads.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The heights; unchanged where the grey does not cross the half level near the face.
    """
    nz, ny, nx = grey.shape
    out = height.astype(np.float32)
    margin = int(INSIDE_VOXELS[1] + SEARCH_VOXELS) + 2
    halo = reach(IN_PLANE_SMOOTHING)

    def work(region: Region) -> tuple[Region, Heights] | None:
        _, y, x = region
        own = known[y, x]
        if not own.any():
            return None
        low = max(0, int(np.floor(height[y, x][own].min())) - margin)
        high = min(nz, int(np.ceil(height[y, x][own].max())) + margin + 1)
        part = (slice(low, high), y, x)
        padded = read_padded(grey, part, halo)[halo:-halo]
        columns = smoothed(padded, IN_PLANE_SMOOTHING, 0.0)
        result = height[y, x].astype(np.float32)
        _cross(columns, low, own, top, middle_grey, result)
        return region, result

    blocks = tiles((slice(0, 1), slice(0, ny), slice(0, nx)), (1, COLUMN_TILE, COLUMN_TILE))
    for done in map_blocks(work, blocks, threads):
        if done is not None:
            out[done[0][1:]] = done[1]
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _cross(
    columns: NDArray[np.float32],
    first: int,
    known: NDArray[np.bool_],
    top: bool,
    middle_grey: float,
    height: Heights,
) -> None:
    """Replace heights by those of the half level; `columns` begin at slice `first`."""
    nz, ny, nx = columns.shape
    out = 1 if top else -1
    for j in range(ny):
        for i in range(nx):
            if not known[j, i]:
                continue
            h = height[j, i] - first
            at = h
            for _ in range(2):
                inside, n_in = 0.0, 0
                outside, n_out = 0.0, 0
                for k in range(nz):
                    depth = (at - k) * out
                    v = columns[k, j, i]
                    if INSIDE_VOXELS[0] <= depth <= INSIDE_VOXELS[1] and v > middle_grey:
                        inside += v
                        n_in += 1
                    if OUTSIDE_VOXELS[0] <= -depth <= OUTSIDE_VOXELS[1]:
                        outside += v
                        n_out += 1
                if n_in < 2 or n_out < 2:
                    break
                inside /= n_in
                outside /= n_out
                if inside - outside < 0.25 * middle_grey:
                    break
                half = 0.5 * (inside + outside)
                best = np.inf
                for k in range(nz - 1):
                    a, b = columns[k, j, i], columns[k + 1, j, i]
                    falls = (a >= half > b) if top else (a < half <= b)
                    if falls:
                        c = k + (half - a) / (b - a)
                        if abs(c - h) < abs(best - h):
                            best = c
                if abs(best - h) > SEARCH_VOXELS:
                    break
                at = best
                height[j, i] = best + first


def without_dips(height: Heights, where: NDArray[np.bool_]) -> Heights:
    """Lay an upper face over the dips that cracks and pores make where they open at it.

    Parameters
    ----------
    height : ndarray, shape (ny, nx)
        Height of the face in slices.
    where : ndarray of bool, shape (ny, nx)
        Columns that have it.

    Returns
    -------
    ndarray of float32, shape (ny, nx)
        The height of the surroundings in dips, else as it was.
    """
    as_it_was = height.astype(np.float32)
    height = np.where(where, height, 0.0).astype(np.float64)
    trusted = where
    for _ in range(6):
        weight = ndimage.gaussian_filter(trusted.astype(np.float64), SURROUNDINGS_VOXELS, mode="constant")
        level = ndimage.gaussian_filter(height * trusted, SURROUNDINGS_VOXELS, mode="constant")
        # A wide notch has no trusted column within the window: it stays as the closing left it.
        level = np.where(weight > 1e-3, level / np.maximum(weight, 1e-3), height)
        trusted = where & (np.abs(height - level) <= DIP_VOXELS)
        if not trusted.any():
            return as_it_was
    dips = ndimage.binary_dilation(where & (height < level - DIP_VOXELS), iterations=DIP_RIM_VOXELS)
    return np.where(dips & where, np.maximum(level + DIP_LIFT_VOXELS, height), as_it_was).astype(np.float32)


def face_ends(
    grey: Sliceable,
    zone: NDArray[np.bool_],
    factor: tuple[int, int, int],
    sigma: float,
    threshold: float,
    threads: int = 1,
) -> tuple[Heights, Heights, NDArray[np.bool_]]:
    """First and last bright voxel of every column inside a zone.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    zone : ndarray of bool
        On a coarse copy of the volume.
    factor : tuple of int
        Voxels of the volume along each edge of a voxel of the copy.
    sigma : float
        Smoothing before the threshold.
    threshold : float
        What is bright.
    threads : int
        Number of threads.

    Returns
    -------
    bottom, top : ndarray of float32, shape (ny, nx)
        Slices; without meaning where the column is empty.
    covered : ndarray of bool, shape (ny, nx)
        Columns that are not empty.
    """
    nz, ny, nx = grey.shape
    bottom = np.full((ny, nx), nz, dtype=np.float32)
    top = np.full((ny, nx), -1, dtype=np.float32)

    def work(region: Region) -> tuple[Region, Heights, Heights] | None:
        near = tuple(
            slice(s.start // f, min(-(-s.stop // f), n))
            for s, f, n in zip(region, factor, zone.shape, strict=True)
        )
        if not zone[near].any():
            return None
        smooth = smoothed(read_padded(grey, region, reach(sigma)), sigma)
        low = np.full(smooth.shape[1:], nz, dtype=np.float32)
        high = np.full(smooth.shape[1:], -1, dtype=np.float32)
        starts = np.array([s.start for s in region])
        _column_ends(smooth, starts, zone, np.array(factor), threshold, low, high)
        return region, low, high

    for done in map_blocks(work, tiles((slice(0, nz), slice(0, ny), slice(0, nx))), threads):
        if done is not None:
            plane = done[0][1:]
            np.minimum(bottom[plane], done[1], out=bottom[plane])
            np.maximum(top[plane], done[2], out=top[plane])
    return bottom, top, top >= 0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _column_ends(
    smooth: NDArray[np.float32],
    start: NDArray[np.int64],
    zone: NDArray[np.bool_],
    factor: NDArray[np.int64],
    threshold: float,
    low: Heights,
    high: Heights,
) -> None:
    nz, ny, nx = smooth.shape
    for k in range(nz):
        z = min((start[0] + k) // factor[0], zone.shape[0] - 1)
        for j in range(ny):
            y = min((start[1] + j) // factor[1], zone.shape[1] - 1)
            for i in range(nx):
                if smooth[k, j, i] > threshold:
                    x = min((start[2] + i) // factor[2], zone.shape[2] - 1)
                    if zone[z, y, x]:
                        low[j, i] = min(low[j, i], start[0] + k)
                        high[j, i] = max(high[j, i], start[0] + k)
