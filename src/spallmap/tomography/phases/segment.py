"""Phases of a tomogram on the common grey scale, in volumes of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Region, Sliceable, map_blocks, read_padded, shape_of, tiles, whole
from spallmap.tomography.blockwise.coarse import Coarse, coarse_copy, slabs
from spallmap.tomography.blockwise.gaussian import reach, smoothed
from spallmap.tomography.blockwise.opening import opened
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY, MIDDLE_GREY
from spallmap.tomography.labels import CASING, CERAMIC, OUTSIDE, SODIUM, VOID
from spallmap.tomography.phases.faces import face_ends, refined_heights, without_dips
from spallmap.tomography.phases.interfaces import close_notches, fit_plane
from spallmap.tomography.phases.topology import (
    DEFAULT_SODIUM_GREY,
    FINE_SMOOTHING_VOXELS,
    NOTCH_RADIUS_VOXELS,
    SODIUM_EDGE_GREY,
    Topology,
    close_outline,
    find_topology,
)

__all__ = ["DEFAULT_SODIUM_GREY", "SMOOTHING_VOXELS", "PhasePlan", "plan_phases", "segment_phases"]

# Gaussian sigma that quiets the noise before thresholds; about the blur of the scan, so edges stay in place.
SMOOTHING_VOXELS = FINE_SMOOTHING_VOXELS
# The same for sodium against air, whose contrast is a quarter of the ceramic's.
SOLID_SMOOTHING_VOXELS = 1.2
# Bodies are distinguished on a block-averaged copy of at most about this size; what separates them is some
# voxels wide, and a copy of 216^3 voxels shows a cell's parts with 20 and more of its voxels.
MAX_COARSE_VOXELS = 10_000_000
# A dip of whole voxels below the closed face is the face's own roughness up to this depth.
NOTCH_VOXELS = 1.5
# Width of the rim of an upright disc, where blur has rounded its edges off.
RIM_VOXELS = 2
# What is void right at a face, where the blur of gas outside makes good ceramic as dark as the middle grey;
# one voxel deeper the edge with sodium is the threshold.
VOID_EDGE_GREY = 0.6 * AIR_GREY + 0.4 * CERAMIC_GREY - 1_500.0
# The ceramic's blur reaches this far beyond its faces.
FACE_BLUR_VOXELS = 1.5
# Half the edge of the cube that must fit into solid matter: the ceramic's blurred shell is two voxels thick,
# a thin casing four.
OPENING_VOXELS = 1
# How far around such a cube's middle matter stays: the cube's corners are two voxels off.
REGROWN_VOXELS = 2
# Beside padding the smoothing mixes it with the ceramic this far: no void is seen there.
WALL_VOXELS = 2
# Voxels around a region that its labels depend on.
HALO = reach(SOLID_SMOOTHING_VOXELS) + OPENING_VOXELS + REGROWN_VOXELS


@dataclass(frozen=True)
class PhasePlan:
    """What has to be known of a whole volume to label any part of it.

    Parameters
    ----------
    shape : tuple of int
        Of the volume.
    bottom, top : ndarray of float32, shape (ny, nx)
        Heights of the ceramic's faces in slices, to a fraction of a voxel, closed over notches; without
        meaning where there is no ceramic.
    covered : ndarray of bool, shape (ny, nx)
        Columns that hold ceramic.
    bottom_cut, top_cut : ndarray of bool, shape (ny, nx)
        Columns whose ceramic goes on beyond the first or the last slice: there is no face.
    padding, wall : ndarray of bool, shape (ny, nx)
        Columns of padding, and those with the ones so close to it that it would pass for a void there.
    topology : Topology
        The bodies on a coarse copy.
    """

    shape: tuple[int, int, int]
    bottom: NDArray[np.float32]
    top: NDArray[np.float32]
    covered: NDArray[np.bool_]
    bottom_cut: NDArray[np.bool_]
    top_cut: NDArray[np.bool_]
    padding: NDArray[np.bool_]
    wall: NDArray[np.bool_]
    topology: Topology

    @property
    def has_ceramic(self) -> bool:
        """Whether there is a ceramic at all."""
        return bool(self.covered.any())

    def filled(self, region: Region) -> NDArray[np.bool_]:
        """Say where the ceramic with its cracks and pores is.

        Parameters
        ----------
        region : tuple of slice
            Part of the volume.

        Returns
        -------
        ndarray of bool
            Over the region.
        """
        z, y, x = region
        height = np.arange(z.start, z.stop, dtype=np.float32)[:, None, None]
        inside: NDArray[np.bool_] = (
            self.covered[y, x] & (height >= self.bottom[y, x]) & (height <= self.top[y, x])
        )
        return inside

    def labels(self, grey: Sliceable, region: Region | None = None) -> NDArray[np.uint8]:
        """Label a part of the volume.

        Parameters
        ----------
        grey : Sliceable, shape (nz, ny, nx)
            The volume that the plan was made from.
        region : tuple of slice, optional
            The part; everything where absent.

        Returns
        -------
        ndarray of uint8
            1 ceramic, 2 sodium, 3 crack or void in the ceramic, 4 casing and other solid, 5 outside air. A
            voxel's label does not depend on the region that it is asked for with.
        """
        region = whole(self.shape) if region is None else region
        out = np.empty(shape_of(region), dtype=np.uint8)
        for block in tiles(region):
            inside = tuple(
                slice(b.start - r.start, b.stop - r.start) for b, r in zip(block, region, strict=True)
            )
            out[inside] = self._labels_of_block(grey, block)
        return out

    def _labels_of_block(self, grey: Sliceable, block: Region) -> NDArray[np.uint8]:
        padded = read_padded(grey, block, HALO)
        filled = self.filled(block)
        labels = np.full(filled.shape, OUTSIDE, dtype=np.uint8)
        if not filled.all():
            kind = self._kind(block)
            if kind.any() or not self.has_ceramic:
                self._label_solid(padded, block, kind, labels)
                labels[:, self.padding[block[1:]]] = OUTSIDE
        if filled.any():
            trim = HALO - reach(SMOOTHING_VOXELS)
            smooth = smoothed(padded[trim:-trim, trim:-trim, trim:-trim], SMOOTHING_VOXELS)
            z, y, x = block
            _label_ceramic(
                smooth,
                z.start,
                self.covered[y, x],
                self.bottom[y, x],
                self.top[y, x],
                self.wall[y, x],
                labels,
            )
        return labels

    def _kind(self, block: Region) -> NDArray[np.uint8]:
        """Say what solid voxels belong to."""
        coarse = self.topology.kind
        index = [
            np.minimum(np.arange(s.start, s.stop) // f, n - 1)
            for s, f, n in zip(block, self.topology.factor, coarse.shape, strict=True)
        ]
        return coarse[np.ix_(*index)]

    def _label_solid(
        self, padded: NDArray[np.uint16], block: Region, kind: NDArray[np.uint8], labels: NDArray[np.uint8]
    ) -> None:
        h = HALO - reach(SOLID_SMOOTHING_VOXELS)
        near = self._filled_around(block, HALO, FACE_BLUR_VOXELS)
        if near.any():
            # Smoothed as it is, the bright ceramic would fill the gas that lies against it.
            most = min(max(2.0 * self.topology.sodium_grey - AIR_GREY, 0.0), np.iinfo(np.uint16).max)
            padded = np.where(near, np.minimum(padded, np.uint16(most)), padded)
        smooth = smoothed(padded, SOLID_SMOOTHING_VOXELS)
        solid = (smooth > self.topology.solid_grey) & ~self._filled_around(block, h, 0.0)
        own = smooth[h:-h, h:-h, h:-h]
        body = opened(solid, OPENING_VOXELS, REGROWN_VOXELS)
        labels[body & (kind == SODIUM) & (own > self.topology.sodium_grey)] = SODIUM
        labels[body & (kind == CASING) & (own > self.topology.casing_grey)] = CASING

    def _filled_around(self, block: Region, halo: int, beyond: float) -> NDArray[np.bool_]:
        """Ceramic, and so far beyond its faces, in a block with a halo (outermost voxels repeated)."""
        index = [
            np.clip(np.arange(s.start - halo, s.stop + halo), 0, n - 1)
            for s, n in zip(block, self.shape, strict=True)
        ]
        plane = np.ix_(index[1], index[2])
        height = index[0].astype(np.float32)[:, None, None]
        inside: NDArray[np.bool_] = (
            self.covered[plane]
            & (height >= self.bottom[plane] - np.float32(beyond))
            & (height <= self.top[plane] + np.float32(beyond))
        )
        return inside


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _label_ceramic(
    smooth: NDArray[np.float32],
    first: int,
    covered: NDArray[np.bool_],
    bottom: NDArray[np.float32],
    top: NDArray[np.float32],
    wall: NDArray[np.bool_],
    labels: NDArray[np.uint8],
) -> None:
    for k in range(smooth.shape[0]):
        z = np.float32(first + k)
        for j in range(smooth.shape[1]):
            for i in range(smooth.shape[2]):
                if covered[j, i] and bottom[j, i] <= z <= top[j, i]:
                    depth = min(z - bottom[j, i], top[j, i] - z, np.float32(1.0))
                    edge = VOID_EDGE_GREY + depth * (SODIUM_EDGE_GREY - VOID_EDGE_GREY)
                    labels[k, j, i] = CERAMIC if wall[j, i] or smooth[k, j, i] > edge else VOID


def plan_phases(
    grey: Sliceable,
    spacing_um: Sequence[float],
    source_label: str = "tomogram",
    threads: int = 1,
    ceramic: bool = True,
) -> PhasePlan:
    """Find what has to be known of a whole tomogram to separate its phases.

    The stack axis of the cell runs roughly along z. The ceramic is the thickest bright body, closed by its
    faces as height maps, so that a crack that opens at a face stays inside. Sodium and casing may share
    their grey: what crosses the ceramic's mid-plane beside it is casing, what lies on a face within the
    outline is sodium; where the two touch they are separated at the ceramic's outline. Which body is which is
    decided on a coarse copy, where their surfaces lie at full resolution.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, see :class:`spallmap.tomography.GreyScale`. It is read three times, and
        once more where it is padded.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    source_label : str
        What to call the volume in an error.
    threads : int
        Number of threads.
    ceramic : bool
        Whether to look for a ceramic: not where the grey scale was made without one.

    Returns
    -------
    PhasePlan
        The plan; without ceramic it knows solid and air alone.

    Raises
    ------
    InputError
        If a voxel is NaN or infinite.
    """
    nz, ny, nx = grey.shape
    coarse = coarse_copy(grey, MAX_COARSE_VOXELS, 1, source_label, threads)
    topology = find_topology(coarse.values, coarse.factor, spacing_um, ceramic)
    bottom = np.zeros((ny, nx), dtype=np.float32)
    top = np.full((ny, nx), -1.0, dtype=np.float32)
    covered = np.zeros((ny, nx), dtype=bool)
    if topology.ceramic.any():
        bottom, top, covered = face_ends(
            grey, topology.ceramic, coarse.factor, SMOOTHING_VOXELS, MIDDLE_GREY, threads
        )
    padding = _padding_columns(grey, coarse, threads)
    if covered.any():
        bottom, top, covered = _without_notches(bottom, top, covered)
        covered = covered & ~padding
    if not covered.any():
        return PhasePlan((nz, ny, nx), bottom, top, covered, covered, covered, padding, padding, topology)
    bottom_cut, top_cut = covered & (bottom <= 0.0), covered & (top >= nz - 1)
    found = [
        refined_heights(grey, height, covered & ~cut, up, MIDDLE_GREY, threads)
        for height, cut, up in ((bottom - 0.5, bottom_cut, False), (top + 0.5, top_cut, True))
    ]
    whole_columns = _away_from_side(found[0], found[1], covered)
    low = np.where(bottom_cut, -0.5, -without_dips(-found[0], whole_columns & ~bottom_cut))
    high = np.where(top_cut, nz - 0.5, without_dips(found[1], whole_columns & ~top_cut))
    return PhasePlan(
        (nz, ny, nx),
        low.astype(np.float32),
        high.astype(np.float32),
        covered,
        bottom_cut,
        top_cut,
        padding,
        ndimage.binary_dilation(padding, np.ones((3, 3), dtype=bool), iterations=WALL_VOXELS),
        topology,
    )


def _padding_columns(grey: Sliceable, coarse: Coarse, threads: int) -> NDArray[np.bool_]:
    """Columns that hold nothing but the grey that the common scale gives to padding."""
    shape = grey.shape[1:]
    if not np.any(np.all(coarse.values == AIR_GREY, axis=0)):
        return np.zeros(shape, dtype=bool)
    columns = np.ones(shape, dtype=bool)
    for part in map_blocks(
        lambda region: np.all(np.asarray(grey[region]) == AIR_GREY, axis=0), slabs(grey.shape), threads
    ):
        columns &= part
    return columns


def _without_notches(
    bottom: NDArray[np.float32], top: NDArray[np.float32], covered: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Close what cracks have cut into the faces and into the side."""
    closed = close_outline(covered, NOTCH_RADIUS_VOXELS)
    # A ragged rim is left as it is.
    added = ndimage.binary_opening(closed & ~covered, np.ones((3, 3), dtype=bool))
    if added.any():
        nearest = ndimage.distance_transform_edt(~covered, return_distances=False, return_indices=True)
        bottom = np.where(added, bottom[tuple(nearest)], bottom)
        top = np.where(added, top[tuple(nearest)], top)
        covered = covered | added
    high = close_notches(top, covered, NOTCH_RADIUS_VOXELS)
    low = -close_notches(-bottom, covered, NOTCH_RADIUS_VOXELS)
    top = np.where(high - top > NOTCH_VOXELS, high, top)
    bottom = np.where(bottom - low > NOTCH_VOXELS, low, bottom)
    return bottom.astype(np.float32), top.astype(np.float32), covered


def _away_from_side(
    bottom: NDArray[np.float32], top: NDArray[np.float32], covered: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Columns that run from face to face: those of a tilted disc's rim end at its side wall."""
    _, b, c = fit_plane((bottom + top) / 2.0, covered)
    width = float(np.hypot(b, c)) * float(np.median((top - bottom)[covered]))
    inner: NDArray[np.bool_] = ndimage.binary_erosion(
        covered, iterations=int(np.ceil(width)) + RIM_VOXELS, border_value=1
    )
    return inner


def segment_phases(
    grey: Sliceable,
    spacing_um: Sequence[float],
    source_label: str = "tomogram",
    threads: int = 1,
    ceramic: bool = True,
) -> NDArray[np.uint8]:
    """Separate the phases of a whole tomogram, see :func:`plan_phases`.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, see :class:`spallmap.tomography.GreyScale`.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    source_label : str
        What to call the volume in an error.
    threads : int
        Number of threads.
    ceramic : bool
        Whether to look for a ceramic.

    Returns
    -------
    ndarray of uint8, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 crack or void in the ceramic, 4 casing and other solid, 5 outside air. Without
        ceramic only 4 and 5.
    """
    plan = plan_phases(grey, spacing_um, source_label, threads, ceramic)
    shape = plan.shape
    out = np.empty(shape, dtype=np.uint8)
    blocks = tiles(whole(shape))
    for block, labels in zip(
        blocks, map_blocks(lambda b: plan.labels(grey, b), blocks, threads), strict=True
    ):
        out[block] = labels
    return out
