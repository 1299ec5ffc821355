"""Which body is which, on a coarse copy: the ceramic with its cut-off pieces, electrodes, casing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY, MIDDLE_GREY
from spallmap.tomography.grey.levels import MIN_SODIUM_STEP, holes_are_small, is_ceramic
from spallmap.tomography.labels import CASING, SODIUM
from spallmap.tomography.phases.interfaces import close_notches, column_ends

Mask = NDArray[np.bool_]
Pair = tuple[float, float]

# Where sodium lies on the common scale, some 22 % of the way from air, for its edge with the ceramic.
DEFAULT_SODIUM_GREY = 19_000.0
# Where sodium lies against the ceramic the edge is at the middle of those two greys.
SODIUM_EDGE_GREY = (DEFAULT_SODIUM_GREY + CERAMIC_GREY) / 2.0
# Smoothing of a copy that averages blocks: most of its noise is gone already.
COARSE_SMOOTHING_VOXELS = 0.6
# Smoothing of a copy at full resolution: about the blur of a scan, so that edges stay in place.
FINE_SMOOTHING_VOXELS = 0.8
# Erosion that separates the ceramic from whatever bright matter touches it, in voxels of the volume.
CORE_EROSION_VOXELS = 3
# A crack that opens at a face leaves a notch of at most twice this width; wider dips are the face's own
# shape.
NOTCH_RADIUS_VOXELS = 8
# A bright piece inside the ceramic's outline of at least this size is ceramic that a crack has cut off.
FRAGMENT_VOXELS = 200
# Blurred edges of the ceramic look like sodium in a shell of about this thickness; it is opened away.
HALO_VOXELS = 2
# An electrode begins within this distance of the ceramic's face.
SODIUM_REACH_UM = 60.0
# Thresholds of the cell's two sides that differ by this fraction of their height above air are of two grey
# scales: those of scans of one piece differed by up to 0.034, of scans joined with a step of 7 % by 0.28.
UNLIKE = 0.1
# What a voxel of the volume belongs to is known this many voxels of the copy around each of its bodies: its
# edges are no further off.
CLASS_REACH = 2.5


@dataclass(frozen=True)
class Topology:
    """Bodies on the coarse copy.

    Parameters
    ----------
    factor : tuple of int
        Voxels of the volume along each edge of a voxel of the copy.
    ceramic : ndarray of bool, shape (nz, ny, nx)
        Where bright voxels belong to the ceramic; a voxel larger than it, where the copy is coarser than the
        volume. Empty where there is no ceramic.
    kind : ndarray of uint8, shape (nz, ny, nx)
        What solid matter belongs to: 2 sodium, 4 casing, 0 neither.
    solid_grey, sodium_grey, casing_grey : tuple of float
        Thresholds before and behind `middle`: what is solid at all, and where the surfaces of sodium and of
        casing lie. They are the same but where two scans of other grey were joined.
    middle : float
        Height of the ceramic's middle, in slices of the volume.
    """

    factor: tuple[int, int, int]
    ceramic: Mask
    kind: NDArray[np.uint8]
    solid_grey: Pair
    sodium_grey: Pair
    casing_grey: Pair
    middle: float = 0.0

    def by_slice(self, pair: Pair, first: int, n: int) -> NDArray[np.float32]:
        """Return a threshold of each of `n` slices of the volume from `first` on, shape (n, 1, 1)."""
        behind = np.arange(first, first + n) >= self.middle
        found: NDArray[np.float32] = np.where(behind, pair[1], pair[0]).astype(np.float32)[:, None, None]
        return found


def find_topology(
    values: NDArray[np.float32],
    factor: tuple[int, int, int],
    spacing_um: Sequence[float],
    ceramic: bool = True,
) -> Topology:
    """Distinguish the bodies of a cell.

    Parameters
    ----------
    values : ndarray of float32
        Coarse copy of a volume on the common grey scale.
    factor : tuple of int
        Voxels of the volume along each of its edges.
    spacing_um : sequence of float
        Voxel spacing of the volume along z, y and x.
    ceramic : bool
        Whether to look for a ceramic at all.

    Returns
    -------
    Topology
        The bodies.
    """
    step = max(factor)
    sigma = FINE_SMOOTHING_VOXELS if step == 1 else COARSE_SMOOTHING_VOXELS
    smooth = ndimage.gaussian_filter(values, sigma, mode="nearest")
    core = _ceramic_core(smooth > MIDDLE_GREY, step) if ceramic else None
    filled = None if core is None else _fill(core, smooth > SODIUM_EDGE_GREY, step)
    if core is None or filled is None or not _is_solid(values, core, filled):
        return _without_ceramic(values, factor)
    outside = ~ndimage.binary_dilation(filled, iterations=_scaled(3 * HALO_VOXELS, step))
    planes = np.flatnonzero(filled.any(axis=(1, 2)))
    half = int(planes[0] + planes[-1] + 1) // 2
    air, threshold = _surface_levels(smooth, outside, half)
    limit = np.repeat(np.array(threshold, dtype=np.float32), (half, len(smooth) - half))[:, None, None]
    solid = _opened((smooth > limit) & ~filled, _scaled(HALO_VOXELS, step))
    sodium = _sodium(solid, filled, spacing_um[0] * factor[0], step)
    casing = solid & ~sodium
    kind = np.zeros(values.shape, dtype=np.uint8)
    kind[casing] = CASING
    kind[sodium] = SODIUM
    if step > 1:
        core = ndimage.binary_dilation(core, np.ones((3, 3, 3), dtype=bool))
    return Topology(
        factor,
        core,
        _spread(kind),
        threshold,
        _half_levels(smooth, sodium, air, threshold, half),
        _half_levels(smooth, casing, air, threshold, half),
        half * float(factor[0]),
    )


def close_outline(outline: Mask, radius: int) -> Mask:
    """Fill the notches of cracks in the outline of a disc, and its holes.

    Parameters
    ----------
    outline : ndarray of bool, shape (ny, nx)
        Columns of the disc.
    radius : int
        Notches up to twice as wide are filled.

    Returns
    -------
    ndarray of bool
        The closed outline.
    """
    padded = np.pad(outline, radius + 1)
    closed = ndimage.binary_closing(padded, iterations=radius)
    n = radius + 1
    filled: Mask = ndimage.binary_fill_holes(closed)[n:-n, n:-n]
    return filled


def _scaled(voxels: int, step: int) -> int:
    """Return a length in voxels of the volume as voxels of the copy."""
    return max(1, -(-voxels // step))


def _without_ceramic(values: NDArray[np.float32], factor: tuple[int, int, int]) -> Topology:
    none = np.zeros(values.shape, dtype=bool)
    kind = np.full(values.shape, CASING, dtype=np.uint8)
    threshold = (float(threshold_otsu(values)),) * 2
    return Topology(factor, none, kind, threshold, threshold, threshold)


def _is_solid(values: NDArray[np.float32], core: Mask, filled: Mask) -> bool:
    """Say whether a body is a ceramic by its own matter, and not because its hole was filled."""
    return (
        holes_are_small(core & filled, filled)
        and is_ceramic(values, core, AIR_GREY)
        and is_ceramic(values, filled, AIR_GREY)
    )


def _ceramic_core(bright: Mask, step: int) -> Mask | None:
    """Thickest bright component with the pieces that cracks cut off it."""
    erosion = _scaled(CORE_EROSION_VOXELS, step)
    eroded = ndimage.binary_erosion(bright, iterations=erosion, border_value=1)
    labels, n = ndimage.label(eroded)
    if n == 0:
        return None
    # A thin bright casing may hold more voxels than the disc: the deepest erosion that leaves anything
    # decides.
    deep = ndimage.binary_erosion(eroded, iterations=2 * erosion, border_value=1)
    sizes = np.bincount(labels[deep] if deep.any() else labels[labels > 0], minlength=n + 1)
    grown = ndimage.binary_dilation(labels == sizes.argmax(), iterations=erosion + 1) & bright
    covered = np.any(grown, axis=0)
    outline = close_outline(covered, _scaled(NOTCH_RADIUS_VOXELS, step))
    pieces, _ = ndimage.label(bright & outline)
    counts = np.bincount(pieces.ravel())
    keep = np.zeros(counts.size, dtype=bool)
    keep[np.unique(pieces[grown])] = True
    low, high = column_ends(grown)
    # A cut-off piece lies within the disc's own range of heights, give or take the tilt.
    z = np.arange(bright.shape[0])[:, None, None]
    near = bright & outline & (z >= low[covered].min() - 1) & (z <= high[covered].max() + 1)
    inside = np.bincount(pieces[near], minlength=counts.size) > 0.9 * counts
    keep |= inside & (counts >= max(2.0, FRAGMENT_VOXELS / step**3))
    keep[0] = False
    kept: Mask = keep[pieces]
    return kept


def _fill(core: Mask, dense: Mask, step: int) -> Mask | None:
    """Everything between the closed faces of the ceramic, and holes of every slice."""
    body = core & dense
    columns = np.any(body, axis=0)
    if not columns.any():
        return None
    bottom, top = column_ends(body)
    radius = _scaled(NOTCH_RADIUS_VOXELS, step)
    top = close_notches(top, columns, radius)
    bottom = -close_notches(-bottom, columns, radius)
    z = np.arange(core.shape[0], dtype=np.float32)[:, None, None]
    filled: Mask = columns & (z >= np.rint(bottom)) & (z <= np.rint(top))
    for plane in filled:
        plane |= ndimage.binary_fill_holes(plane)
    return filled


def _surface_levels(smooth: NDArray[np.float32], outside: Mask, half: int) -> tuple[Pair, Pair]:
    """Air, and what is solid half-way to the dim phase, before and behind the ceramic's middle.

    One of each, unless both sides have a dim phase and these are unlike: then two scans of other grey were
    joined, and each side has levels of its own.
    """
    common = _dim_levels(smooth[outside])
    before, behind = (_dim_levels(smooth[part][outside[part]]) for part in (np.s_[:half], np.s_[half:]))
    bright = DEFAULT_SODIUM_GREY if common is None else common[1]
    threshold = (AIR_GREY + bright) / 2.0
    if before is None or behind is None:
        return (float(AIR_GREY),) * 2, (threshold,) * 2
    own = (before[0] + before[1]) / 2.0, (behind[0] + behind[1]) / 2.0
    if abs(own[0] - own[1]) < UNLIKE * (threshold - AIR_GREY):
        return (float(AIR_GREY),) * 2, (threshold,) * 2
    return (before[0], behind[0]), own


def _dim_levels(values: NDArray[np.float32]) -> Pair | None:
    """Grey of what is dark and of the dim phase, where there is one."""
    dim = values[values < MIDDLE_GREY]
    least = MIN_SODIUM_STEP * (CERAMIC_GREY - AIR_GREY)
    if dim.size and np.ptp(dim) > least:
        split = float(threshold_otsu(dim))
        bright = float(np.median(dim[dim > split]))
        if bright - AIR_GREY > least:
            return float(np.median(dim[dim <= split])), bright
    return None


def _opened(solid: Mask, iterations: int) -> Mask:
    core = ndimage.binary_erosion(solid, iterations=iterations, border_value=1)
    opened: Mask = ndimage.binary_dilation(core, iterations=iterations + 1) & solid
    return opened


def _half_levels(smooth: NDArray[np.float32], part: Mask, air: Pair, least: Pair, half: int) -> Pair:
    """Grey of a part's surface before and behind the ceramic's middle: one where there is one scale."""
    if least[0] == least[1]:
        return (_half_level(smooth, part, air[0], least[0]),) * 2
    before, behind = np.s_[:half], np.s_[half:]
    return (
        _half_level(smooth[before], part[before], air[0], least[0]),
        _half_level(smooth[behind], part[behind], air[1], least[1]),
    )


def _half_level(smooth: NDArray[np.float32], part: Mask, air: float, least: float) -> float:
    """Grey at which a part's surface lies: half-way from air to its own grey."""
    inner = ndimage.binary_erosion(part)
    if not inner.any():
        return least
    return max(least, (air + float(np.median(smooth[inner]))) / 2.0)


def _spread(kind: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give the voxels around bodies the kind of the nearest one."""
    if not kind.any():
        return kind
    distance, index = ndimage.distance_transform_edt(kind == 0, return_indices=True)
    return np.where(distance <= CLASS_REACH, kind[tuple(index)], 0).astype(np.uint8)


def _sodium(solid: Mask, filled: Mask, spacing_z_um: float, step: int) -> Mask:
    """Find the solid matter that is electrode and not casing."""
    columns = np.any(filled, axis=0)
    bottom, top = column_ends(filled)
    z = np.arange(solid.shape[0], dtype=np.float32)[:, None, None]
    outline = close_outline(columns, _scaled(NOTCH_RADIUS_VOXELS, step))
    reach = max(2.0, SODIUM_REACH_UM / spacing_z_um)
    on_face = ((z > top) & (z <= top + reach)) | ((z < bottom) & (z >= bottom - reach))
    inner = ndimage.binary_erosion(columns, iterations=_scaled(2 * HALO_VOXELS, step), border_value=1)
    middle = _mid_slab(bottom, top, columns, z)
    labels, n = ndimage.label(solid)
    seeded = np.bincount(labels[on_face & inner & solid], minlength=n + 1) > 0
    crossing = np.bincount(labels[middle & ~outline & solid], minlength=n + 1) > 0
    seeded[0] = crossing[0] = False
    sodium: Mask = (seeded & ~crossing)[labels]
    both = seeded & crossing
    if both.any():
        sodium |= both[labels] & outline & ~middle
    return sodium


def _mid_slab(
    bottom: NDArray[np.float32], top: NDArray[np.float32], columns: Mask, z: NDArray[np.float32]
) -> Mask:
    """Slab around the ceramic's mid-plane, which runs on beyond the disc at the disc's tilt."""
    rows, cols = np.nonzero(columns)
    design = np.column_stack([np.ones(len(rows)), rows, cols])
    middle = (bottom[rows, cols] + top[rows, cols]) / 2.0
    a, b, c = np.linalg.lstsq(design, middle, rcond=None)[0]
    quarter = float(np.median(top[rows, cols] - bottom[rows, cols])) / 4.0
    ny, nx = columns.shape
    plane = (a + b * np.arange(ny)[:, None] + c * np.arange(nx)[None, :]).astype(np.float32)
    slab: Mask = np.abs(z - plane) <= quarter
    return slab
