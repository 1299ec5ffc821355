"""What is known of a whole volume so that any block of it can be labelled by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, read_padded, shape_of, tiles, whole
from spallmap.tomography.blockwise.gaussian import reach, smoothed
from spallmap.tomography.blockwise.opening import opened
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.labels import CASING, CERAMIC, OUTSIDE, SODIUM, VOID
from spallmap.tomography.phases.topology import FINE_SMOOTHING_VOXELS, SODIUM_EDGE_GREY, Topology

# Gaussian sigma that quiets the noise before thresholds; about the blur of the scan, so edges stay in place.
SMOOTHING_VOXELS = FINE_SMOOTHING_VOXELS
# The same for sodium against air, whose contrast is a quarter of the ceramic's.
SOLID_SMOOTHING_VOXELS = 1.2
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

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import plan_phases
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> disc = (abs(z - 20) < 12) & (np.hypot(y - 30, x - 30) < 24)
    >>> grey = np.where(disc, 50_000, 10_000).astype(np.uint16)
    >>> plan = plan_phases(grey, (5.0, 5.0, 5.0))
    >>> plan.has_ceramic
    True
    >>> plan.labels(grey, (slice(5, 20), slice(30, 31), slice(30, 31))).ravel().tolist()
    [5, 5, 5, 5, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
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
        bodies, first, n = self.topology, block[0].start, block[0].stop - block[0].start
        if near.any():
            # Smoothed as it is, the bright ceramic would fill the gas that lies against it.
            most = 2.0 * bodies.by_slice(bodies.sodium_grey, first - HALO, n + 2 * HALO) - AIR_GREY
            capped = np.clip(most, 0.0, np.iinfo(np.uint16).max).astype(np.uint16)
            padded = np.where(near, np.minimum(padded, capped), padded)
        smooth = smoothed(padded, SOLID_SMOOTHING_VOXELS)
        solid = (smooth > bodies.by_slice(bodies.solid_grey, first - h, n + 2 * h)) & ~self._filled_around(
            block, h, 0.0
        )
        own = smooth[h:-h, h:-h, h:-h]
        body = opened(solid, OPENING_VOXELS, REGROWN_VOXELS)
        for label, pair in ((SODIUM, bodies.sodium_grey), (CASING, bodies.casing_grey)):
            labels[body & (kind == label) & (own > bodies.by_slice(pair, first, n))] = label

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
