"""Ridges of the plate response: the middle layer of a sheet, one voxel thick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, grown, inner, read_padded
from spallmap.tomography.blockwise.distances import capped_distance
from spallmap.tomography.blockwise.gaussian import gaussian_taps, smooth_block
from spallmap.tomography.blockwise.voxels import order
from spallmap.tomography.cracks.bright import BRIGHT_HALO, without_bright
from spallmap.tomography.cracks.plate import combine, filter_halo, padded_responses
from spallmap.tomography.cracks.pores import pore_cores
from spallmap.tomography.grey.common_scale import CERAMIC_GREY
from spallmap.tomography.labels import VOID, is_filled

# Smoothing before the direction across a sheet is taken; the middle of the filter's scales.
NORMAL_SIGMA_VOXELS = 1.5
# Within this many voxels of the ceramic's surface, sheets that run along it are the surface's own roughness.
DISTANCE_NEAR = 2.5
# Cosine between the two normals above which a sheet runs along the surface (37 degrees).
ALONG_SURFACE = 0.8
# The ceramic's outermost layer shares its voxels with what lies outside.
SHELL_VOXELS = 1.0
# Distances from the ceramic's surface are measured up to this many voxels.
DISTANCE_CAP = 10
# Smoothing of the distance before its gradient is taken for the surface's normal.
SURFACE_SIGMA = 2.0
# Distances beyond this do not rotate the surface's normal.
SURFACE_CAP = 6.0
# Voxels around a block that the distances and their gradient depend on: six, eight and one, rounded up.
LABEL_HALO = 16


@dataclass(frozen=True)
class Candidates:
    """Ridge voxels of a part of a volume, and the cores of its pores.

    Parameters
    ----------
    index : ndarray of int32, shape (n, 3)
        Voxels (z, y, x) of the volume, in its order.
    normal : ndarray of float32, shape (n, 3)
        Unit vectors (z, y, x) across the sheet.
    response : ndarray of float32, shape (n,)
        Plate response.
    distance : ndarray of float32, shape (n,)
        Distance to the ceramic's surface in voxels, up to :data:`DISTANCE_CAP`.
    skims : ndarray of bool, shape (n,)
        Runs along the ceramic's surface, right below it.
    cores : ndarray of int32, shape (m, 3)
        Voxels around which a ball fits into a void.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import Candidates, Thresholds, find_candidates
    >>> labels = np.ones((12, 12, 12), dtype=np.uint8)
    >>> thresholds = Thresholds((1.0, 1.0, 1.0), 100.0, 200.0, 150, "by hand")
    >>> box = (slice(0, 12), slice(0, 12), slice(0, 12))
    >>> found = find_candidates(np.full(labels.shape, 50_000.0), labels, box, thresholds)
    >>> len(found.index), len(Candidates.joined([found, found]).cores)
    (0, 0)
    """

    index: NDArray[Any]
    normal: NDArray[np.float32]
    response: NDArray[np.float32]
    distance: NDArray[np.float32]
    skims: NDArray[np.bool_]
    cores: NDArray[Any]

    @classmethod
    def joined(cls, parts: Iterable[Candidates]) -> Candidates:
        """Put the parts of one volume together; the order of the parts does not matter.

        Memory is that of the answer and its largest field, beside what the caller holds.

        Parameters
        ----------
        parts : iterable of Candidates
            From regions that do not overlap, each in the volume's order.

        Returns
        -------
        Candidates
            All of them, in the volume's order.
        """
        every = [p for p in parts if len(p.index) or len(p.cores)]
        if len(every) < 2:
            return every[0] if every else _NONE
        held = {f.name: [getattr(p, f.name) for p in every] for f in fields(cls)}
        every.clear()
        index, cores = (np.concatenate(held.pop(name)) for name in ("index", "cores"))
        by = order(index)
        index = index[by]
        # One after the other, so that the parts of a field are gone before the next one is put together.
        rest = {name: np.concatenate(held.pop(name))[by] for name in list(held)}
        return cls(index=index, cores=cores[order(cores)], **rest)

    def chosen(self, which: NDArray[np.bool_]) -> Candidates:
        """Keep some of the ridge voxels.

        Parameters
        ----------
        which : ndarray of bool, shape (n,)
            The ones to keep.

        Returns
        -------
        Candidates
            With the same pores.
        """
        return Candidates(
            self.index[which],
            self.normal[which],
            self.response[which],
            self.distance[which],
            self.skims[which],
            self.cores,
        )


_NONE = Candidates(
    np.zeros((0, 3), np.int32),
    np.zeros((0, 3), np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.float32),
    np.zeros(0, np.bool_),
    np.zeros((0, 3), np.int32),
)


def block_candidates(
    grey: Sliceable,
    labels: Sliceable,
    region: Region,
    weights: tuple[float, ...],
    low: float,
    bright: float = float("inf"),
) -> Candidates:
    """Find ridge voxels in a part of a volume.

    A ridge voxel responds more than a threshold, and no less than the response one voxel away to both sides
    along the sheet's normal. Right below the ceramic's surface, those of sheets that run along it are marked:
    they are mostly the surface's own roughness.

    Parameters
    ----------
    grey, labels : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, and its phases.
    region : tuple of slice
        The part; what lies around it is read as well.
    weights : tuple of float
        Factor of each scale of the plate filter.
    low : float
        Threshold.
    bright : float
        What is brighter, smoothed, is cut off; see :mod:`spallmap.tomography.cracks.bright`.

    Returns
    -------
    Candidates
        The same whatever other regions the volume is cut into. The two outermost layers of the volume hold
        none.
    """
    shape = grey.shape
    outer = grown(region, LABEL_HALO, shape)
    phases = np.asarray(labels[outer])
    filled = is_filled(phases)
    here = inner(region, outer)
    if not filled[here].any():
        return _NONE
    start = np.array([s.start for s in region], dtype=np.int64)
    cores = (np.argwhere(pore_cores(phases == VOID)[here]) + start).astype(np.int32)
    distance = capped_distance(filled, DISTANCE_CAP)
    ring = grown(region, 2, shape)
    halo = filter_halo()
    wide = halo + (BRIGHT_HALO if np.isfinite(bright) else 0)
    source = read_padded(grey, ring, wide).astype(np.float32)
    # To the filter the ceramic goes on for ever: the step to sodium or air would hide where a crack comes up.
    source[~read_padded(filled, inner(ring, outer), wide)] = CERAMIC_GREY
    if np.isfinite(bright):
        source = without_bright(source, bright)
    response = combine(padded_responses(source, halo), weights)
    response[~filled[inner(ring, outer)]] = 0.0
    core = _grown_inside(region, shape)
    index = np.argwhere(response[inner(core, ring)] > low) + [s.start for s in core]
    if len(index) == 0:
        return replace(_NONE, cores=cores)
    taps = gaussian_taps(NORMAL_SIGMA_VOXELS)
    spare = halo - (len(taps) - 1)
    inside = (slice(spare, -spare) if spare else slice(None),) * 3
    origin = np.array([s.start for s in ring], dtype=np.int64)
    normal = sheet_normals(smooth_block(np.ascontiguousarray(source[inside]), taps), index - origin)
    keep = _is_maximum(response, index - origin, normal)
    index, normal = index[keep], normal[keep]
    depth = distance[here][tuple((index - start).T)]
    keep = depth > SHELL_VOXELS
    index, normal, depth = index[keep], normal[keep], depth[keep]
    skims = _along_surface(distance, here, index - start, normal, depth)
    strength = response[tuple((index - origin).T)]
    return Candidates(index.astype(np.int32), normal.astype(np.float32), strength, depth, skims, cores)


def _grown_inside(region: Region, shape: tuple[int, ...]) -> Region:
    """Take the volume's two outermost layers off a region: a ridge there has no neighbours to compare.

    Parameters
    ----------
    region : tuple of slice
        The region.
    shape : tuple of int
        Number of voxels of the volume.

    Returns
    -------
    tuple of slice
        Possibly empty.
    """
    z, y, x = (
        slice(min(max(s.start, 2), s.stop), max(min(s.stop, n - 2), min(max(s.start, 2), s.stop)))
        for s, n in zip(region, shape, strict=True)
    )
    return z, y, x


def _along_surface(
    distance: NDArray[np.float32],
    here: Region,
    index: NDArray[np.int64],
    normal: NDArray[np.float64],
    depth: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Whether ridge voxels of a region near the surface run along it."""
    along = np.zeros(len(index), dtype=bool)
    near = np.flatnonzero(depth <= DISTANCE_NEAR)
    if len(near):
        taps = gaussian_taps(SURFACE_SIGMA)
        capped = np.minimum(distance, np.float32(SURFACE_CAP))
        field = smooth_block(read_padded(capped, here, len(taps)), taps)
        outward = _gradient(field, index[near] + 1)
        along[near] = np.abs(np.einsum("ij,ij->i", outward, normal[near])) > ALONG_SURFACE
    return along


def _gradient(field: NDArray[np.float32], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the unit gradient at voxels that are not on the border."""
    steps = np.eye(3, dtype=np.int64)
    parts = [field[tuple((index + s).T)] - field[tuple((index - s).T)] for s in steps]
    gradient = np.stack(parts, axis=1).astype(np.float64)
    length = np.maximum(np.linalg.norm(gradient, axis=1, keepdims=True), 1e-12)
    unit: NDArray[np.float64] = gradient / length
    return unit


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def sheet_normals(g: NDArray[np.float32], index: NDArray[np.int64]) -> NDArray[np.float64]:
    """Directions of strongest curvature, across a dark sheet.

    Parameters
    ----------
    g : ndarray of float32, shape (nz, ny, nx)
        Smoothed grey values.
    index : ndarray of int, shape (n, 3)
        Voxels, not on the volume's border.

    Returns
    -------
    ndarray, shape (n, 3)
        Unit vectors (z, y, x) in voxels with a positive first non-zero component.
    """
    out = np.empty((index.shape[0], 3))
    H = np.empty((3, 3))
    for i in range(index.shape[0]):
        z, y, x = index[i]
        centre2 = 2.0 * g[z, y, x]
        H[0, 0] = g[z + 1, y, x] + g[z - 1, y, x] - centre2
        H[1, 1] = g[z, y + 1, x] + g[z, y - 1, x] - centre2
        H[2, 2] = g[z, y, x + 1] + g[z, y, x - 1] - centre2
        H[0, 1] = 0.25 * (g[z + 1, y + 1, x] - g[z + 1, y - 1, x] - g[z - 1, y + 1, x] + g[z - 1, y - 1, x])
        H[0, 2] = 0.25 * (g[z + 1, y, x + 1] - g[z + 1, y, x - 1] - g[z - 1, y, x + 1] + g[z - 1, y, x - 1])
        H[1, 2] = 0.25 * (g[z, y + 1, x + 1] - g[z, y + 1, x - 1] - g[z, y - 1, x + 1] + g[z, y - 1, x - 1])
        H[1, 0], H[2, 0], H[2, 1] = H[0, 1], H[0, 2], H[1, 2]
        n = np.linalg.eigh(H)[1][:, 2]
        if n[0] < 0:
            n = -n
        out[i] = n
    return out


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _at(R: NDArray[np.float32], z: float, y: float, x: float) -> float:
    i, j, k = int(np.floor(z)), int(np.floor(y)), int(np.floor(x))
    a, b, c = z - i, y - j, x - k
    low = (R[i, j, k] * (1 - c) + R[i, j, k + 1] * c) * (1 - b) + (
        R[i, j + 1, k] * (1 - c) + R[i, j + 1, k + 1] * c
    ) * b
    high = (R[i + 1, j, k] * (1 - c) + R[i + 1, j, k + 1] * c) * (1 - b) + (
        R[i + 1, j + 1, k] * (1 - c) + R[i + 1, j + 1, k + 1] * c
    ) * b
    return float(low * (1 - a) + high * a)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _is_maximum(
    R: NDArray[np.float32], index: NDArray[np.int64], normal: NDArray[np.float64]
) -> NDArray[np.bool_]:
    keep = np.zeros(index.shape[0], dtype=np.bool_)
    for i in range(index.shape[0]):
        z, y, x = index[i]
        a, b, c = normal[i]
        here = R[z, y, x]
        keep[i] = here >= _at(R, z + a, y + b, x + c) and here > _at(R, z - a, y - b, x - c)
    return keep
