"""The middle layer of each crack below the voxel: position, direction, aperture, filling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse, special
from scipy.spatial import cKDTree

from spallmap.frames import Points, indices_to_points
from spallmap.tomography.cracks import Cracks
from spallmap.tomography.grey import AIR_GREY, CERAMIC_GREY
from spallmap.tomography.interfaces import Interfaces, find_interfaces
from spallmap.tomography.labels import CERAMIC, SODIUM, VOID
from spallmap.tomography.phases import DEFAULT_SODIUM_GREY
from spallmap.tomography.pores import pore_mask

WINDOW_VOXELS = 4.0
"""The deficit is summed this far to both sides: half of three voxels and three standard deviations of the
blur."""
SHOULDER_VOXELS = 7.0
"""Between the window and this distance the profile shows the ceramic's own grey."""
STEP_VOXELS = 0.5
"""Sampling along the normal."""
EDGE_VOXELS = 1.5
"""Samples nearer than this to the ceramic's surface or to a pore are blurred with what lies beyond."""
SMOOTH_VOXELS = 2.0
"""Gaussian radius over which profiles and directions of one sheet are averaged."""
THIN_VOXELS, WIDE_VOXELS = 0.8, 1.6
"""Below the first a profile is the blur itself; above the second its depth tells what fills the crack."""
DEFAULT_BLUR_VOXELS = 0.8
"""Standard deviation of the blur where no thin part of a crack shows it."""

MIN_CLEAN_SHARE = 0.2
"""A sample of a mean profile needs at least this share of its neighbours' samples in clean ceramic."""
RIM_SMOOTH_VOXELS = 1.0
"""Gaussian radius of the average that the rim is found with: narrow, so as not to move it."""
RIM_SHARE = 0.5
"""The rim is where the opening has fallen to half of that beside it."""
VOTER_SHARE = 0.85
"""Points that say what fills a crack have at least this share of the opening around them."""
RIM_REACH_VOXELS = 5.0
"""How far the opening beside a point is looked at to tell whether the point lies beyond the crack's rim."""

UNKNOWN, AIR, METAL = 0, 1, 2


@dataclass(frozen=True)
class Sheets:
    """Points on the middle surfaces of all cracks.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Sub-voxel positions in the volume's frame.
    normals_xyz : ndarray, shape (n, 3)
        Unit vectors across the sheet in physical space.
    crack : ndarray of int, shape (n,)
        Number of the crack.
    area_um2 : ndarray, shape (n,)
        Sheet area that the point stands for.
    aperture_um : ndarray, shape (n,)
        Opening across the sheet.
    filling : ndarray of int8, shape (n,)
        0 not to be told (air is assumed), 1 air, 2 sodium.
    depth_um : ndarray, shape (n,)
        Distance from the nearer electrode interface.
    depth_bottom_um, depth_top_um : ndarray, shape (n,)
        Distance from each interface; top is the one at larger z.
    dip_deg : ndarray, shape (n,)
        Angle between the sheet and the nearer interface: 0 parallel, 90 perpendicular.
    """

    points_xyz_um: Points
    normals_xyz: NDArray[np.float64]
    crack: NDArray[np.int32]
    area_um2: NDArray[np.float64]
    aperture_um: NDArray[np.float64]
    filling: NDArray[np.int8]
    depth_um: NDArray[np.float64]
    depth_bottom_um: NDArray[np.float64]
    depth_top_um: NDArray[np.float64]
    dip_deg: NDArray[np.float64]


def trace_sheets(
    cracks: Cracks, grey: NDArray[Any], phases: NDArray[Any], spacing_um: Sequence[float]
) -> Sheets:
    """Trace the middle surfaces of cracks and measure their opening.

    The aperture is the grey that is missing across the sheet, summed along the normal, over the contrast
    between the ceramic beside the crack and what fills it. It does not depend on the blur, and holds below
    a voxel. What fills a crack can be told where it is wide: sodium leaves a shallower trough than air for
    the same missing grey. Elsewhere air is assumed; a thin sodium-filled crack is then reported too narrow
    by a quarter.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey : ndarray, shape (nz, ny, nx)
        Volume on the common scale.
    phases : ndarray
        Its labels.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.

    Returns
    -------
    Sheets
        Points in the volume's frame.
    """
    spacing = np.asarray(spacing_um, dtype=np.float64)
    faces = find_interfaces(phases)
    if cracks.n == 0 or faces is None:
        return _empty()
    index, crack = cracks.ridge_index.astype(np.float64), cracks.ridge_crack
    average = _neighbour_average(index, crack)
    normal = _smooth_normals(cracks.ridge_normal / spacing, average)
    step = normal / spacing * float(spacing.min())
    profile = _profiles(cracks, grey, phases, step)
    narrow = _neighbour_average(index, crack, RIM_SMOOTH_VOXELS)
    inner = _local_share(index, crack, _missing(_mean_profile(profile, narrow))) >= RIM_SHARE
    index, crack, normal = index[inner], crack[inner], normal[inner]
    step, profile = step[inner], profile[inner]
    average = _neighbour_average(index, crack)
    deficit = _mean_profile(profile, average)
    missing = _missing(deficit)
    narrow = _neighbour_average(index, crack, RIM_SMOOTH_VOXELS)
    # Each profile's own depth: averaged profiles are not aligned to better than half a voxel, which would
    # blur it.
    trough = narrow @ np.nan_to_num(profile[:, np.abs(_offsets()) <= 1.5]).max(axis=1)
    contrast = _sodium_contrast(grey, phases)
    width = _missing(_mean_profile(profile, narrow))
    # Beside its rim a crack looks shallow for its width whatever fills it: such points do not vote.
    voter = (_local_share(index, crack, width) >= VOTER_SHARE).astype(np.float64)
    metal = average @ (voter * _is_metal(width, trough, contrast)) > 0.5 * (average @ voter)
    filling = np.where(missing <= WIDE_VOXELS, UNKNOWN, np.where(metal, METAL, AIR)).astype(np.int8)
    aperture = np.where(filling == METAL, missing / contrast, missing)
    shift = _centre_voxels(index * spacing / spacing.min(), normal, deficit, average)
    # The ridge may be more than a layer thick; the voxels within half a step of the sheet are one layer.
    layer = np.abs(shift) <= 0.5
    index, normal, aperture, filling = (
        (index + shift[:, None] * step)[layer],
        normal[layer],
        aperture[layer],
        filling[layer],
    )
    bottom, top = faces.depth_um(index, spacing_um)
    return Sheets(
        points_xyz_um=indices_to_points(index, spacing_um),
        normals_xyz=normal[:, ::-1].copy(),
        crack=crack[layer],
        # The layer is one step of the least spacing thick.
        area_um2=np.full(len(index), float(np.prod(spacing) / spacing.min())),
        aperture_um=aperture * float(spacing.min()),
        filling=filling,
        depth_um=np.minimum(bottom, top),
        depth_bottom_um=bottom,
        depth_top_um=top,
        dip_deg=_dip(normal, bottom, top, faces, spacing_um),
    )


def _offsets() -> NDArray[np.float64]:
    n = round(SHOULDER_VOXELS / STEP_VOXELS)
    offsets: NDArray[np.float64] = np.arange(-n, n + 1, dtype=np.float64) * STEP_VOXELS
    return offsets


def _neighbour_average(
    index: NDArray[np.float64], crack: NDArray[np.int32], radius: float = SMOOTH_VOXELS
) -> sparse.csr_array:
    """Gaussian average over the points of the same crack around each point."""
    tree = cKDTree(index)
    pairs = tree.query_pairs(2.0 * radius, output_type="ndarray")
    pairs = pairs[crack[pairs[:, 0]] == crack[pairs[:, 1]]]
    distance2 = np.sum((index[pairs[:, 0]] - index[pairs[:, 1]]) ** 2, axis=1)
    w = np.exp(-0.5 * distance2 / radius**2)
    n = len(index)
    rows = np.concatenate([pairs[:, 0], pairs[:, 1], np.arange(n)])
    cols = np.concatenate([pairs[:, 1], pairs[:, 0], np.arange(n)])
    matrix = sparse.csr_array((np.concatenate([w, w, np.ones(n)]), (rows, cols)), shape=(n, n))
    total = np.asarray(matrix.sum(axis=1)).ravel()
    average: sparse.csr_array[np.float64] = sparse.csr_array(sparse.diags_array(1.0 / total) @ matrix)
    return average


def _mean_profile(profile: NDArray[np.float64], average: sparse.csr_array) -> NDArray[np.float64]:
    """Average profiles over neighbours, leaving samples out that are not clean; 0 where nearly none is."""
    weight = average @ np.isfinite(profile).astype(np.float64)
    total: NDArray[np.float64] = average @ np.nan_to_num(profile)
    return np.where(weight > MIN_CLEAN_SHARE, total / np.maximum(weight, MIN_CLEAN_SHARE), 0.0)


def _missing(deficit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum a profile over the window: voxels of air that would be missing as much grey."""
    window = np.abs(_offsets()) <= WINDOW_VOXELS
    total: NDArray[np.float64] = deficit[:, window].sum(axis=1) * STEP_VOXELS
    return np.maximum(total, 0.0)


def _local_share(
    index: NDArray[np.float64], crack: NDArray[np.int32], missing: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Divide the opening at each point by the 80 % quantile of the openings around it."""
    share = np.ones(len(index))
    neighbours = cast(list[list[int]], cKDTree(index).query_ball_point(index, RIM_REACH_VOXELS))
    for i, around in enumerate(neighbours):
        own = [j for j in around if crack[j] == crack[i]]
        share[i] = missing[i] / max(float(np.quantile(missing[own], 0.8)), 1e-9)
    return share


def _smooth_normals(covector: NDArray[np.float64], average: sparse.csr_array) -> NDArray[np.float64]:
    """Average directions irrespective of their sign, and make them unit vectors (z, y, x)."""
    n = covector / np.linalg.norm(covector, axis=1, keepdims=True)
    tensor = (average @ (n[:, :, None] * n[:, None, :]).reshape(len(n), 9)).reshape(-1, 3, 3)
    direction: NDArray[np.float64] = np.linalg.eigh(tensor)[1][:, :, 2]
    flipped = np.einsum("ij,ij->i", direction, n) < 0
    direction[flipped] *= -1.0
    return direction


def _profiles(
    cracks: Cracks, grey: NDArray[Any], phases: NDArray[Any], step: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sample the missing share of the contrast to air along normals; NaN outside clean ceramic."""
    box = cracks.box
    start = np.array([s.start for s in box])
    void = phases[box] == VOID
    filled = (phases[box] == CERAMIC) | void
    blocked = ~filled | (pore_mask(void) & (cracks.labels[box] == 0))
    clean = ndimage.distance_transform_edt(~blocked) > EDGE_VOXELS
    offsets = _offsets()
    where = cracks.ridge_index[:, None, :] - start + offsets[None, :, None] * step[:, None, :]
    flat = np.moveaxis(where, -1, 0)
    values = ndimage.map_coordinates(grey[box].astype(np.float32), flat, order=1, mode="nearest")
    usable = ndimage.map_coordinates(clean.astype(np.uint8), flat, order=0, mode="constant") > 0
    shoulder = usable & (np.abs(offsets) > WINDOW_VOXELS)
    base = np.full(len(values), float(CERAMIC_GREY))
    enough = shoulder.sum(axis=1) >= 3
    # Half-samples are enough: a shoulder is flat, and the median leaves a pore or a second sheet aside.
    base[enough] = np.nanmedian(np.where(shoulder, values, np.nan)[enough], axis=1)
    # Relative to the contrast on the spot, cupping cancels.
    return np.where(usable, (base[:, None] - values) / (base[:, None] - AIR_GREY), np.nan).astype(np.float64)


def _sodium_contrast(grey: NDArray[Any], phases: NDArray[Any]) -> float:
    """Contrast of ceramic to sodium over that of ceramic to air."""
    inner = ndimage.binary_erosion(phases == SODIUM, iterations=3)
    level = float(np.median(grey[inner])) if inner.any() else DEFAULT_SODIUM_GREY
    return float((CERAMIC_GREY - level) / (CERAMIC_GREY - AIR_GREY))


def _is_metal(
    missing: NDArray[np.float64], trough: NDArray[np.float64], sodium_contrast: float
) -> NDArray[np.float64]:
    """1 where the depth of the trough speaks for sodium, 0 where it speaks for air; both relative to air."""
    thin = (missing < THIN_VOXELS) & (missing > 0.3) & (trough > 0)
    blur = DEFAULT_BLUR_VOXELS
    if np.count_nonzero(thin) >= 50:
        # A Gaussian's area over its height is sqrt(2 pi) standard deviations.
        blur = float(np.median(missing[thin] / trough[thin])) / np.sqrt(2.0 * np.pi)

    def misfit(contrast: float) -> NDArray[np.float64]:
        width = missing / contrast
        expected: NDArray[np.float64] = contrast * special.erf(width / (2.0 * np.sqrt(2.0) * blur))
        return np.abs(expected - trough)

    return (misfit(sodium_contrast) < misfit(1.0)).astype(np.float64)


def _centre_voxels(
    position: NDArray[np.float64],
    normal: NDArray[np.float64],
    deficit: NDArray[np.float64],
    average: sparse.csr_array,
) -> NDArray[np.float64]:
    """Shift along the normal onto the mean sheet of a point's neighbours.

    Their mean profile is centred on their own voxels: its centroid is the sheet's distance from their mean
    position.
    """
    offsets = _offsets()
    near = np.abs(offsets) <= 2.0
    w = np.maximum(deficit[:, near], 0.0)
    centroid = np.sum(w * offsets[near], axis=1) / np.maximum(w.sum(axis=1), 1e-9)
    own = np.einsum("ij,ij->i", average @ position - position, normal)
    shift: NDArray[np.float64] = np.clip(own + centroid, -1.5, 1.5)
    return shift


def _dip(
    normal: NDArray[np.float64],
    bottom: NDArray[np.float64],
    top: NDArray[np.float64],
    faces: Interfaces,
    spacing_um: Sequence[float],
) -> NDArray[np.float64]:
    low, high = faces.normal(spacing_um, top=False), faces.normal(spacing_um, top=True)
    face = np.where((bottom <= top)[:, None], low, high)
    cosine = np.abs(np.einsum("ij,ij->i", normal, face))
    dip: NDArray[np.float64] = np.degrees(np.arccos(np.clip(cosine, 0.0, 1.0)))
    return dip


def _empty() -> Sheets:
    none = np.zeros(0)
    return Sheets(
        np.zeros((0, 3)),
        np.zeros((0, 3)),
        np.zeros(0, np.int32),
        none,
        none,
        np.zeros(0, np.int8),
        none,
        none,
        none,
        none,
    )
