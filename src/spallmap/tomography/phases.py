"""Phases of a tomogram on the common grey scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.filters import threshold_otsu

from spallmap.errors import InputError
from spallmap.tomography.grey import AIR_GREY, CERAMIC_GREY, MIN_SODIUM_STEP
from spallmap.tomography.interfaces import close_notches, column_ends
from spallmap.tomography.labels import CASING, CERAMIC, OUTSIDE, SODIUM, VOID

SMOOTHING_VOXELS = 0.8
"""Gaussian sigma that quiets the noise before thresholds; about the blur of the scan, so edges stay in
place."""
SOLID_SMOOTHING_VOXELS = 1.2
"""The same for sodium against air, whose contrast is a quarter of the ceramic's."""
CORE_EROSION_VOXELS = 3
"""Erosion that parts the ceramic from whatever bright matter touches it."""
NOTCH_RADIUS_VOXELS = 8
"""A crack that opens at a face leaves a notch of at most twice this width; wider dips are the face's own
shape."""
FRAGMENT_VOXELS = 200
"""A bright piece inside the ceramic's outline of at least this size is ceramic that a crack has cut off."""
HALO_VOXELS = 2
"""Blurred edges of the ceramic look like sodium in a shell of about this thickness; it is opened away."""
SODIUM_REACH_UM = 60.0
"""An electrode begins within this distance of the ceramic's face."""
DEFAULT_SODIUM_GREY = 19_000.0
"""Where sodium lies on the common scale, some 22 % of the way from air, for its edge with the ceramic."""


def segment_phases(
    grey: NDArray[Any], spacing_um: Sequence[float], place: str = "tomogram"
) -> NDArray[np.uint8]:
    """Part a tomogram into its phases.

    The stack axis of the cell runs roughly along z. The ceramic is the thickest bright body, closed by its
    faces as height maps, so that a crack that opens at a face stays inside. Sodium and casing may share
    their grey: what crosses the ceramic's mid-plane beside it is casing, what lies on a face within the
    outline is sodium; where the two touch they are parted at the ceramic's outline.

    Parameters
    ----------
    grey : ndarray, shape (nz, ny, nx)
        Volume on the common scale, see :class:`spallmap.tomography.GreyScale`.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    place : str
        What to call the volume in an error.

    Returns
    -------
    ndarray of uint8, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 crack or void in the ceramic, 4 casing and other solid, 5 outside air.

    Raises
    ------
    InputError
        If there is no ceramic.
    """
    smooth = ndimage.gaussian_filter(grey.astype(np.float32), SMOOTHING_VOXELS)
    bright = smooth > (AIR_GREY + CERAMIC_GREY) / 2.0
    core = _ceramic_core(bright)
    if core is None:
        raise InputError(
            place, "no ceramic: no bright body", "a tomogram of a cell with a ceramic electrolyte"
        )
    # Where sodium lies against the ceramic the edge is at the middle of those two greys.
    sodium_edge = (DEFAULT_SODIUM_GREY + CERAMIC_GREY) / 2.0
    dense = smooth > sodium_edge
    filled = _fill(core, dense)
    phases = np.full(grey.shape, OUTSIDE, dtype=np.uint8)
    smooth = ndimage.gaussian_filter(grey.astype(np.float32), SOLID_SMOOTHING_VOXELS)
    solid = _solid(smooth, filled)
    sodium = _sodium(solid, filled, spacing_um)
    phases[_at_half_level(smooth, solid & ~sodium)] = CASING
    phases[_at_half_level(smooth, sodium)] = SODIUM
    phases[filled] = CERAMIC
    phases[filled & ~dense] = VOID
    return phases


def _ceramic_core(bright: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """Thickest bright component with the pieces that cracks cut off it."""
    distance_core = ndimage.binary_erosion(bright, iterations=CORE_EROSION_VOXELS, border_value=1)
    labels, n = ndimage.label(distance_core)
    if n == 0:
        return None
    # A thin bright casing may hold more voxels than the disc: the deepest erosion that leaves anything
    # decides.
    deep = ndimage.binary_erosion(distance_core, iterations=2 * CORE_EROSION_VOXELS, border_value=1)
    sizes = np.bincount(labels[deep] if deep.any() else labels[labels > 0], minlength=n + 1)
    grown = ndimage.binary_dilation(labels == sizes.argmax(), iterations=CORE_EROSION_VOXELS + 1) & bright
    outline = _close_outline(np.any(grown, axis=0))
    pieces, _ = ndimage.label(bright & outline)
    counts = np.bincount(pieces.ravel())
    own = np.unique(pieces[grown])
    keep = np.zeros(counts.size, dtype=bool)
    keep[own] = True
    low, high = column_ends(grown)
    # A cut-off piece lies within the disc's own range of heights, give or take the tilt.
    inside = np.zeros(counts.size, dtype=bool)
    z = np.arange(bright.shape[0])[:, None, None]
    covered = np.any(grown, axis=0)
    near = bright & outline & (z >= low[covered].min() - 1) & (z <= high[covered].max() + 1)
    inside[np.flatnonzero(np.bincount(pieces[near], minlength=counts.size) > 0.9 * counts)] = True
    keep |= inside & (counts >= FRAGMENT_VOXELS)
    keep[0] = False
    kept: NDArray[np.bool_] = keep[pieces]
    return kept


def _close_outline(outline: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Outline of the disc in the plane, without the notches of cracks in its side."""
    r = NOTCH_RADIUS_VOXELS
    padded = np.pad(outline, r + 1)
    closed = ndimage.binary_closing(padded, iterations=r)
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(closed)[r + 1 : -r - 1, r + 1 : -r - 1]
    return filled


def _fill(core: NDArray[np.bool_], edge: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Everything between the closed faces of the ceramic, and holes of every slice."""
    body = core & edge
    columns = np.any(body, axis=0)
    bottom, top = column_ends(body)
    top = close_notches(top, columns, NOTCH_RADIUS_VOXELS)
    bottom = -close_notches(-bottom, columns, NOTCH_RADIUS_VOXELS)
    z = np.arange(core.shape[0], dtype=np.float32)[:, None, None]
    filled: NDArray[np.bool_] = columns & (z >= np.rint(bottom)) & (z <= np.rint(top))
    for plane in filled:
        plane |= ndimage.binary_fill_holes(plane)
    return filled


def _at_half_level(smooth: NDArray[np.float32], part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Trim a solid to the surface where its own grey has fallen half-way to air."""
    inner = ndimage.binary_erosion(part, iterations=HALO_VOXELS)
    if not inner.any():
        return part
    return part & (smooth > (AIR_GREY + float(np.median(smooth[inner]))) / 2.0)


def _solid(smooth: NDArray[np.float32], filled: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Solid matter other than the ceramic, freed of the ceramic's blurred shell."""
    far = ~ndimage.binary_dilation(filled, iterations=3 * HALO_VOXELS)
    values = smooth[far]
    threshold = (AIR_GREY + DEFAULT_SODIUM_GREY) / 2.0
    dim = values[values < (AIR_GREY + CERAMIC_GREY) / 2.0]
    if dim.size and np.ptp(dim) > MIN_SODIUM_STEP * (CERAMIC_GREY - AIR_GREY):
        split = float(threshold_otsu(dim))
        bright_level = float(np.median(dim[dim > split]))
        if bright_level - AIR_GREY > MIN_SODIUM_STEP * (CERAMIC_GREY - AIR_GREY):
            threshold = (AIR_GREY + bright_level) / 2.0
    solid = (smooth > threshold) & ~filled
    core = ndimage.binary_erosion(solid, iterations=HALO_VOXELS, border_value=1)
    opened: NDArray[np.bool_] = ndimage.binary_dilation(core, iterations=HALO_VOXELS + 1) & solid
    return opened


def _sodium(
    solid: NDArray[np.bool_], filled: NDArray[np.bool_], spacing_um: Sequence[float]
) -> NDArray[np.bool_]:
    """Find the solid matter that is electrode and not casing."""
    columns = np.any(filled, axis=0)
    bottom, top = column_ends(filled)
    z = np.arange(solid.shape[0], dtype=np.float32)[:, None, None]
    outline = _close_outline(columns)
    reach = SODIUM_REACH_UM / spacing_um[0]
    on_face = ((z > top) & (z <= top + reach)) | ((z < bottom) & (z >= bottom - reach))
    inner = ndimage.binary_erosion(columns, iterations=2 * HALO_VOXELS)
    middle = _mid_slab(bottom, top, columns, z)
    labels, n = ndimage.label(solid)
    seeded = np.bincount(labels[on_face & inner & solid], minlength=n + 1) > 0
    crossing = np.bincount(labels[middle & ~outline & solid], minlength=n + 1) > 0
    seeded[0] = crossing[0] = False
    sodium = (seeded & ~crossing)[labels]
    both = seeded & crossing
    if both.any():
        sodium |= both[labels] & outline & ~middle
    return sodium


def _mid_slab(
    bottom: NDArray[np.float32], top: NDArray[np.float32], columns: NDArray[np.bool_], z: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Slab around the ceramic's mid-plane, which runs on beyond the disc at the disc's tilt."""
    rows, cols = np.nonzero(columns)
    design = np.column_stack([np.ones(len(rows)), rows, cols])
    middle = (bottom[rows, cols] + top[rows, cols]) / 2.0
    a, b, c = np.linalg.lstsq(design, middle, rcond=None)[0]
    quarter = float(np.median(top[rows, cols] - bottom[rows, cols])) / 4.0
    ny, nx = columns.shape
    plane = (a + b * np.arange(ny)[:, None] + c * np.arange(nx)[None, :]).astype(np.float32)
    slab: NDArray[np.bool_] = np.abs(z - plane) <= quarter
    return slab
