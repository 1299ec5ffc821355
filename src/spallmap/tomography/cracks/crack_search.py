"""Cracks in the ceramic: ridges of a plate filter above a threshold that comes from a null."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable, grown, map_blocks, read_padded, shape_of, tiles
from spallmap.tomography.blockwise.gaussian import gaussian_taps, smooth_block
from spallmap.tomography.cracks.networks import in_networks
from spallmap.tomography.cracks.pores import Pores, find_pores
from spallmap.tomography.cracks.ridges import Candidates, block_candidates
from spallmap.tomography.cracks.sheet_groups import number_cracks
from spallmap.tomography.cracks.thresholds import (
    DEFAULT_SEED,
    MIN_AREA_VOXELS,
    Thresholds,
    ceramic_box,
    crack_thresholds,
)
from spallmap.tomography.grey.common_scale import CERAMIC_GREY
from spallmap.tomography.labels import is_filled
from spallmap.tomography.phases.phase_plan import SMOOTHING_VOXELS
from spallmap.tomography.phases.topology import DEFAULT_SODIUM_GREY

# Edge of the blocks that ridges are looked for in.
CANDIDATE_TILE = 160
# A dark voxel within this distance of a ridge belongs to its crack; half of four voxels.
THICKNESS_REACH = 2.0


@dataclass(frozen=True)
class Cracks:
    """The cracks of a volume.

    Parameters
    ----------
    shape : tuple of int
        Number of voxels of the volume along z, y and x.
    ridge_index : ndarray of int, shape (n, 3)
        Voxels (z, y, x) of the cracks' middle layers, in the volume's order.
    ridge_normal : ndarray, shape (n, 3)
        Unit vectors (z, y, x) across the sheet there, in voxels.
    ridge_crack : ndarray of int, shape (n,)
        Crack of each of them, numbered from 1 by falling number of voxels.
    ridge_response : ndarray, shape (n,)
        Plate response there, in units of the null's 90 % quantile.
    ridge_distance : ndarray, shape (n,)
        Distance to the ceramic's surface there, in voxels, capped.
    pores : Pores
        Round voids, where no crack was looked for.
    thresholds : Thresholds
        What was asked of a crack.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import find_cracks
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> cracks = find_cracks(grey, labels, spacing_um)
    >>> cracks.n, set(cracks.ridge_crack.tolist())
    (1, {1})
    """

    shape: tuple[int, int, int]
    ridge_index: NDArray[np.int64]
    ridge_normal: NDArray[np.float64]
    ridge_crack: NDArray[np.int32]
    ridge_response: NDArray[np.float32]
    ridge_distance: NDArray[np.float32]
    pores: Pores
    thresholds: Thresholds

    @property
    def n(self) -> int:
        """Number of cracks."""
        return int(self.ridge_crack.max(initial=0))


def find_cracks(
    grey: Sliceable,
    labels: Sliceable,
    spacing_um: Sequence[float],
    null_grey: Sliceable | None = None,
    null_labels: Sliceable | None = None,
    min_area_voxels: int = MIN_AREA_VOXELS,
    threads: int = 1,
    seed: int = DEFAULT_SEED,
) -> Cracks:
    """Find cracks inside the ceramic.

    The response of dark plates is thinned to its ridges. Ridges above a low threshold are joined to pieces;
    a piece is a crack when it somewhere exceeds a high threshold, is large enough, reaches away from the
    ceramic's surface and has the shape of a sheet. Small pieces that continue a crack over a gap of a few
    voxels, as a pore or a patch closed below detection leaves, are joined to it. Nothing is assumed about
    what fills a crack but that it is darker than the ceramic. The volume is read block by block; the answer
    does not depend on the blocks.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases, from :func:`spallmap.tomography.segment_phases`.
    spacing_um : sequence of float
        Voxel spacing along z, y and x. The filter works on voxels, which should be nearly cubes.
    null_grey, null_labels : Sliceable, optional
        The pristine scan of the same cell in its own frame, on the common scale, and its labels: the null.
        Where absent, the quiet part of the volume's own ceramic.
    min_area_voxels : int
        Least number of ridge voxels of a crack.
    threads : int
        Number of threads.
    seed : int
        Which blocks of a ceramic of many are taken for the null.

    Returns
    -------
    Cracks
        Possibly none.

    Raises
    ------
    ValueError
        If there are not three positive spacings.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import find_cracks
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> find_cracks(grey, labels, spacing_um).n
    1
    >>> find_cracks(grey + 40_000.0 * crack, labels, spacing_um).n
    0
    """
    if len(tuple(spacing_um)) != 3 or min(spacing_um) <= 0:
        raise ValueError(f"three positive spacings are needed; got {spacing_um}")
    thresholds = crack_thresholds(grey, labels, null_grey, null_labels, min_area_voxels, threads, seed)
    box = ceramic_box(labels, threads)
    if box is None or not thresholds.usable:
        return assemble_cracks([], labels.shape, thresholds)
    found = find_candidates(grey, labels, box, thresholds, threads)
    return assemble_cracks([found], labels.shape, thresholds, threads)


def slab_region(shape: Sequence[int], number: int, n_slabs: int) -> Region:
    """Return one of the slabs of whole slices that a volume is searched in, a job a slab.

    Parameters
    ----------
    shape : sequence of int
        Number of voxels along z, y and x.
    number : int
        Which slab, from 0.
    n_slabs : int
        Number of slabs; their thicknesses differ by a slice at most.

    Returns
    -------
    tuple of slice
        The slab; all of them cover the volume once.

    Examples
    --------
    >>> from spallmap.tomography import slab_region
    >>> [slab_region((10, 4, 4), k, 3)[0] for k in range(3)]
    [slice(0, 3, None), slice(3, 6, None), slice(6, 10, None)]
    """
    nz, ny, nx = shape
    return slice(nz * number // n_slabs, nz * (number + 1) // n_slabs), slice(0, ny), slice(0, nx)


def find_candidates(
    grey: Sliceable,
    labels: Sliceable,
    region: Region,
    thresholds: Thresholds,
    threads: int = 1,
    tile: int = CANDIDATE_TILE,
) -> Candidates:
    """Find ridge voxels and pores in a part of a volume.

    Parameters
    ----------
    grey, labels : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, and its phases.
    region : tuple of slice
        The part. Parts that cover the ceramic together give, through :func:`assemble_cracks`, the whole
        volume's cracks, whatever the cut.
    thresholds : Thresholds
        From :func:`spallmap.tomography.cracks.thresholds.crack_thresholds`.
    threads : int
        Number of threads.
    tile : int
        Edge of a block in voxels.

    Returns
    -------
    Candidates
        None where the thresholds are not usable.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import ceramic_box, crack_thresholds, find_candidates
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> found = find_candidates(grey, labels, ceramic_box(labels), crack_thresholds(grey, labels))
    >>> bool(np.mean(crack[tuple(found.index.T)]) > 0.8)
    True
    """
    if not thresholds.usable:
        return Candidates.joined([])

    def of(block: Region) -> Candidates:
        return block_candidates(grey, labels, block, thresholds.weights, thresholds.low, thresholds.bright)

    return Candidates.joined(map_blocks(of, tiles(region, tile), threads))


def assemble_cracks(
    parts: Iterable[Candidates], shape: tuple[int, ...], thresholds: Thresholds, threads: int = 1
) -> Cracks:
    """Join what was found in the parts of a volume to cracks.

    Parameters
    ----------
    parts : iterable of Candidates
        From :func:`find_candidates`, in any order.
    shape : tuple of int
        Number of voxels of the volume.
    thresholds : Thresholds
        That the candidates were found with.
    threads : int
        Number of threads.

    Returns
    -------
    Cracks
        Possibly none.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import (
    ...     assemble_cracks,
    ...     crack_thresholds,
    ...     find_candidates,
    ...     slab_region,
    ... )
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> thresholds = crack_thresholds(grey, labels)
    >>> slabs = [slab_region(grey.shape, k, 2) for k in range(2)]
    >>> parts = [find_candidates(grey, labels, slab, thresholds) for slab in slabs]
    >>> assemble_cracks(parts, grey.shape, thresholds).n
    1
    """
    found = Candidates.joined(parts)
    nz, ny, nx = shape
    pores = find_pores(found.cores, (nz, ny, nx))
    network = in_networks(found, pores.hold(found.index, threads), thresholds.high)
    pores = pores.away_from(found.index[network], threads)
    crack = number_cracks(found, pores.hold(found.index, threads), thresholds, network)
    kept = found.chosen(crack > 0)
    return Cracks(
        (nz, ny, nx),
        kept.index.astype(np.int64),
        kept.normal.astype(np.float64),
        crack[crack > 0],
        kept.response,
        kept.distance,
        pores,
        thresholds,
    )


def crack_labels(cracks: Cracks, grey: Sliceable, labels: Sliceable, region: Region) -> NDArray[np.int32]:
    """Label the voxels of the cracks in a part of a volume.

    Parameters
    ----------
    cracks : Cracks
        From :func:`find_cracks`.
    grey, labels : Sliceable, shape (nz, ny, nx)
        The volume and its phases.
    region : tuple of slice
        The part.

    Returns
    -------
    ndarray of int32
        Of the region's shape: the crack of its ridge voxels and of the dark voxels beside them, 0 elsewhere.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import crack_labels, find_cracks
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> cracks = find_cracks(grey, labels, spacing_um)
    >>> voxels = crack_labels(cracks, grey, labels, (slice(0, 40), slice(0, 60), slice(0, 60)))
    >>> bool(np.mean(voxels[crack] == 1) > 0.9)
    True
    """
    out = np.zeros(shape_of(region), dtype=np.int32)
    reach = int(THICKNESS_REACH) + 1
    outer = grown(region, reach, cracks.shape)
    near = _points_in(cracks.ridge_index, outer)
    if len(near) == 0:
        return out
    ridge = np.zeros(shape_of(outer), dtype=np.int32)
    ridge[tuple((cracks.ridge_index[near] - [s.start for s in outer]).T)] = cracks.ridge_crack[near]
    taps = gaussian_taps(SMOOTHING_VOXELS)
    smooth = smooth_block(read_padded(grey, region, len(taps) - 1).astype(np.float32), taps)
    dark = smooth < np.float32((DEFAULT_SODIUM_GREY + CERAMIC_GREY) / 2.0)
    dark &= is_filled(np.asarray(labels[region])) & ~cracks.pores.mask(region)
    padded = np.zeros(tuple(n + 2 * reach for n in out.shape), dtype=np.int32)
    begin = [reach - (s.start - o.start) for s, o in zip(region, outer, strict=True)]
    padded[tuple(slice(b, b + n) for b, n in zip(begin, ridge.shape, strict=True))] = ridge
    _nearest(padded, dark, reach, _offsets_by_distance(THICKNESS_REACH), out)
    return out


def _points_in(index: NDArray[np.int64], region: Region) -> NDArray[np.int64]:
    first, end = np.searchsorted(index[:, 0], (region[0].start, region[0].stop))
    inside = np.ones(end - first, dtype=bool)
    for axis in (1, 2):
        values = index[first:end, axis]
        inside &= (values >= region[axis].start) & (values < region[axis].stop)
    chosen: NDArray[np.int64] = first + np.flatnonzero(inside)
    return chosen


def _offsets_by_distance(reach: float) -> NDArray[np.int64]:
    """Offsets within a distance, the nearest first and none before its own voxel."""
    r = int(reach)
    offsets = np.indices((2 * r + 1,) * 3).reshape(3, -1).T - r
    squared = np.sum(offsets**2, axis=1)
    near = np.flatnonzero(squared <= reach * reach)
    return np.ascontiguousarray(offsets[near[np.argsort(squared[near], kind="stable")]], dtype=np.int64)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _nearest(
    ridge: NDArray[np.int32],
    dark: NDArray[np.bool_],
    halo: int,
    offsets: NDArray[np.int64],
    out: NDArray[np.int32],
) -> None:
    """Give dark voxels the number of the nearest ridge voxel; ridge voxels keep their own."""
    nz, ny, nx = dark.shape
    for z in range(nz):
        for y in range(ny):
            for x in range(nx):
                own = ridge[z + halo, y + halo, x + halo]
                if own > 0:
                    out[z, y, x] = own
                elif dark[z, y, x]:
                    for k in range(offsets.shape[0]):
                        dz, dy, dx = offsets[k]
                        number = ridge[z + halo + dz, y + halo + dy, x + halo + dx]
                        if number > 0:
                            out[z, y, x] = number
                            break
