"""The middle layer of each crack below the voxel: position, direction, aperture, filling."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.frames import Points, indices_to_points
from spallmap.tomography.blockwise.neighbours import PointGrid, cell_order, point_grid
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.cracks.ridges import SHELL_VOXELS
from spallmap.tomography.measures.blur import measure_blur
from spallmap.tomography.measures.filling import distinguish_filling, sodium_contrast
from spallmap.tomography.measures.profiles import (
    STEP_VOXELS,
    WINDOW_VOXELS,
    profile_offsets,
    sample_profiles,
)
from spallmap.tomography.phases.interfaces import Interfaces, find_interfaces

# Gaussian radius over which profiles and directions of one sheet are averaged.
SMOOTH_VOXELS = 2.0
# A sample of a mean profile needs at least this fraction of its neighbours' samples in clean ceramic.
MIN_CLEAN_FRACTION = 0.2
# Gaussian radius of the average that the rim is found with: narrow, so as not to move it.
RIM_SMOOTH_VOXELS = 1.0
# The rim is where the opening has fallen to half of that beside it.
RIM_OPENING_FRACTION = 0.5
# How far the opening beside a point is looked at to decide whether the point lies beyond the crack's rim.
RIM_REACH_VOXELS = 5.0
# Quantile of the openings around a point that stands for the opening beside it.
RIM_QUANTILE = 0.8
# The window ends this far from the crack's wall and middle: three standard deviations of the blur.
TAIL_VOXELS = 2.2
LEAST_WINDOW_VOXELS = 2.5
# Width to both sides of the window in which what is missing is not the crack's.
BASE_VOXELS = 2.5
# Points that say what fills a crack have at least this fraction of the opening around them.
VOTER_FRACTION = 0.85
# And lie no further than this from the sheet: those beyond repeat what nearer ones say.
ALIGNED_VOXELS = 0.75
# Relative standard error of the opening that comes from the grey levels of ceramic, air and sodium.
CONTRAST_ERROR = 0.03

UNKNOWN = 0
AIR = 1
METAL = 2
# A filling is reported where its probability is at least this.
REPORTED_PROBABILITY = 0.9


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
    aperture_um, aperture_se_um : ndarray, shape (n,)
        Opening across the sheet, and its standard error with what is not known of the filling.
    filling : ndarray of int8, shape (n,)
        0 unknown, 1 air, 2 sodium.
    sodium_probability : ndarray, shape (n,)
        Probability that the crack holds sodium there.
    depth_um : ndarray, shape (n,)
        Distance from the nearer electrode interface.
    depth_bottom_um, depth_top_um : ndarray, shape (n,)
        Distance from each interface; top is the one at larger z.
    dip_deg : ndarray, shape (n,)
        Angle between the sheet and the nearer interface: 0 parallel, 90 perpendicular.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import find_cracks, trace_sheets
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> sheets = trace_sheets(find_cracks(grey, labels, spacing_um), grey, labels, spacing_um)
    >>> [(number, len(own.crack) == len(sheets.crack)) for number, own in sheets.by_crack()]
    [(1, True)]
    """

    points_xyz_um: Points
    normals_xyz: NDArray[np.float64]
    crack: NDArray[np.int32]
    area_um2: NDArray[np.float64]
    aperture_um: NDArray[np.float64]
    aperture_se_um: NDArray[np.float64]
    filling: NDArray[np.int8]
    sodium_probability: NDArray[np.float64]
    depth_um: NDArray[np.float64]
    depth_bottom_um: NDArray[np.float64]
    depth_top_um: NDArray[np.float64]
    dip_deg: NDArray[np.float64]

    def chosen(self, rows: NDArray[Any]) -> Sheets:
        """Return some of the points.

        Parameters
        ----------
        rows : ndarray
            Their numbers, or a mask.

        Returns
        -------
        Sheets
            Them alone.
        """
        return Sheets(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    def by_crack(self) -> Iterator[tuple[int, Sheets]]:
        """Go through the cracks.

        Yields
        ------
        number : int
            The crack.
        sheets : Sheets
            Its points.
        """
        order = np.argsort(self.crack, kind="stable")
        numbers, counts = np.unique(self.crack, return_counts=True)
        ends = np.cumsum(counts)
        for number, start, end in zip(numbers, ends - counts, ends, strict=True):
            yield int(number), self.chosen(order[start:end])


def trace_sheets(
    cracks: Cracks,
    grey: Sliceable,
    labels: Sliceable,
    spacing_um: Sequence[float],
    threads: int = 1,
) -> Sheets:
    """Trace the middle surfaces of cracks and measure their opening.

    The aperture is the grey that is missing across the sheet, summed along the normal, over the contrast
    between the ceramic beside the crack and what fills it. It does not depend on the blur, and holds below
    a voxel. What fills a crack is judged by `distinguish_filling`; where it cannot
    be distinguished, the aperture lies between that of air and that of sodium and its error covers both.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale.
    labels : Sliceable
        Its phases.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    threads : int
        Threads to read the volume with.

    Returns
    -------
    Sheets
        Points in the volume's frame, in an order that depends on their positions alone.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import find_cracks, trace_sheets
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> radius = np.hypot(y - 30, x - 30)
    >>> labels = np.where((abs(z - 20) < 12) & (radius < 26), 1, 5).astype(np.uint8)
    >>> crack = (abs(z - 20 - 0.3 * (y - 30)) < 0.7) & (radius < 13)
    >>> grey = np.where((labels == 1) & ~crack, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> spacing_um = (5.0, 5.0, 5.0)
    >>> sheets = trace_sheets(find_cracks(grey, labels, spacing_um), grey, labels, spacing_um)
    >>> round(float(np.median(sheets.dip_deg))), round(float(np.median(sheets.depth_um)), -1)
    (16, 50.0)
    """
    spacing = np.asarray(spacing_um, dtype=np.float64)
    faces = find_interfaces(labels, grey, threads) if cracks.n else None
    if faces is None:
        return _empty()
    voxel = float(spacing.min())
    order = cell_order(cracks.ridge_index.astype(np.float64))
    index, crack = cracks.ridge_index[order], cracks.ridge_crack[order]
    # Distances between points are taken in units of the least spacing, which profiles are sampled in.
    scale = spacing / voxel
    normal = _smooth_normals(point_grid(index * scale, crack), cracks.ridge_normal[order] / spacing)
    step = normal / spacing * voxel
    profile = sample_profiles(grey, labels, cracks.pores.mask, index, step, threads)
    fraction = _local_fraction(point_grid(index * scale, crack), normal, profile)
    inner = fraction >= RIM_OPENING_FRACTION
    index, crack, fraction = index[inner], crack[inner], fraction[inner]
    normal, step, profile = normal[inner], step[inner], profile[inner]
    grid = point_grid(index * scale, crack)
    missing, centroid, own, noise = _mean_opening(grid, normal, profile)
    shift = np.clip(centroid + own, -1.5, 1.5)
    # Beside its rim a crack looks shallow for its width whatever fills it: such points do not vote.
    voter = (fraction >= VOTER_FRACTION) & (np.abs(shift) <= ALIGNED_VOXELS)
    filling = distinguish_filling(
        grid, normal, profile, shift, voter, sodium_contrast(grey, labels), measure_blur(grey, faces)
    )
    p = filling.sodium_probability
    lost = 1.0 - filling.sodium_contrast
    # Over the mean contrast: where nothing is known the error is as large for air as for sodium.
    aperture = missing / (1.0 - p * lost)
    spread = aperture / (1.0 - p * lost) * lost * np.sqrt(p * (1.0 - p))
    error = np.sqrt(noise**2 + spread**2 + (CONTRAST_ERROR * aperture) ** 2)
    # The ridge may be more than a layer thick; the voxels within half a step of the sheet are one layer.
    layer = np.abs(shift) <= 0.5
    position = (index + shift[:, None] * step)[layer]
    bottom, top = faces.depth_um(position, spacing_um)
    reported = np.where(
        p >= REPORTED_PROBABILITY, METAL, np.where(p <= 1.0 - REPORTED_PROBABILITY, AIR, UNKNOWN)
    )
    return Sheets(
        points_xyz_um=indices_to_points(position, spacing_um),
        normals_xyz=normal[layer][:, ::-1].copy(),
        crack=crack[layer],
        area_um2=_areas(np.minimum(bottom, top) / voxel, float(np.prod(spacing) / voxel)),
        aperture_um=aperture[layer] * voxel,
        aperture_se_um=error[layer] * voxel,
        filling=reported[layer].astype(np.int8),
        sodium_probability=p[layer],
        depth_um=np.minimum(bottom, top),
        depth_bottom_um=bottom,
        depth_top_um=top,
        dip_deg=_dip(normal[layer], bottom, top, faces, spacing_um),
    )


def _areas(depth_voxels: NDArray[np.float64], each_um2: float) -> NDArray[np.float64]:
    """Area that each point stands for: a layer of voxels one step of the least spacing thick.

    The ceramic's outermost voxel is shared with what lies outside and holds no point; the next stands for it
    where a crack comes up to a face.
    """
    second = (depth_voxels >= SHELL_VOXELS) & (depth_voxels < 2.0 * SHELL_VOXELS)
    return np.where(second, 2.0 * each_um2, each_um2)


def _smooth_normals(grid: PointGrid, covector: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average directions irrespective of their sign, and make them unit vectors (z, y, x)."""
    n = covector / np.linalg.norm(covector, axis=1, keepdims=True)
    first, second = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 1, 2, 2])
    products = n[:, first] * n[:, second]
    out = np.empty_like(n)
    for around in grid.around(2.0 * SMOOTH_VOXELS, n):
        mean = around.mean(products, SMOOTH_VOXELS)
        tensor = np.empty((len(mean), 3, 3))
        tensor[:, first, second] = mean
        tensor[:, second, first] = mean
        out[around.rows] = np.linalg.eigh(tensor)[1][:, :, 2]
    aligned: NDArray[np.float64] = np.where(np.einsum("ij,ij->i", out, n)[:, None] < 0, -out, out)
    return aligned


def _local_fraction(
    grid: PointGrid, normal: NDArray[np.float64], profile: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Compare the opening at each point with that of the crack beside it: small on a blurred rim."""
    missing = np.empty(len(normal))
    for around in grid.around(2.0 * RIM_SMOOTH_VOXELS, normal):
        missing[around.rows] = _missing(_clean(*around.mean_of_finite(profile, RIM_SMOOTH_VOXELS)))
    fraction = np.empty(len(normal))
    for around in grid.around(RIM_REACH_VOXELS, normal):
        beside = around.quantile(missing, RIM_QUANTILE)
        fraction[around.rows] = missing[around.rows] / np.maximum(beside, 1e-9)
    return fraction


def _mean_opening(
    grid: PointGrid, normal: NDArray[np.float64], profile: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Measure the sheet around each point.

    Returns the opening in voxels of air, the sheet's distance from the neighbours' mean position, that
    position's from the point along its normal, and the opening's standard error from noise.
    """
    n = len(normal)
    missing, centroid, own, scatter = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    offsets = profile_offsets()
    near = np.abs(offsets) <= 2.0
    single = _missing(np.nan_to_num(profile).astype(np.float64), least=-np.inf)
    moments = np.column_stack([grid.points, single, single**2])
    for around in grid.around(2.0 * SMOOTH_VOXELS, normal):
        rows = around.rows
        deficit = _clean(*around.mean_of_finite(profile, SMOOTH_VOXELS))
        w = np.maximum(deficit[:, near], 0.0)
        # Their mean profile is centred on their own voxels: its centroid is the sheet's distance from their
        # mean position.
        centroid[rows] = np.sum(w * offsets[near], axis=1) / np.maximum(w.sum(axis=1), 1e-9)
        missing[rows] = _opening(deficit, centroid[rows])
        mean = around.mean(moments, SMOOTH_VOXELS)
        own[rows] = np.einsum("ij,ij->i", mean[:, :3] - grid.points[rows], normal[rows])
        count = np.maximum(np.diff(around.starts), 1)
        # Neighbouring profiles share the blur's and the noise's grain: a fifth of them counts.
        scatter[rows] = np.sqrt(np.maximum(mean[:, 4] - mean[:, 3] ** 2, 0.0) * 5.0 / count)
    return missing, centroid, own, scatter


def _clean(total: NDArray[np.float64], fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over what is clean; 0 where nearly nothing is."""
    return np.where(fraction > MIN_CLEAN_FRACTION, total / np.maximum(fraction, MIN_CLEAN_FRACTION), 0.0)


def _missing(deficit: NDArray[np.float64], least: float = 0.0) -> NDArray[np.float64]:
    """Sum a profile over the window: voxels of air that would be missing as much grey."""
    window = np.abs(profile_offsets()) <= WINDOW_VOXELS
    total: NDArray[np.float64] = deficit[:, window].sum(axis=1) * STEP_VOXELS
    return np.maximum(total, least)


def _opening(deficit: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum mean profiles over a window as wide as each needs, above what is missing just beyond it.

    What is missing there is no crack: rings, pores too small to be seen, cupping.
    """
    away = np.abs(profile_offsets() - centre[:, None])
    half = np.full(len(deficit), WINDOW_VOXELS)
    opening = np.zeros(len(deficit))
    for _ in range(2):
        # The last sample counts by the fraction of its step that lies inside.
        inside = np.clip((half[:, None] - away) / STEP_VOXELS + 0.5, 0.0, 1.0)
        beyond = np.clip((half[:, None] + BASE_VOXELS - away) / STEP_VOXELS + 0.5, 0.0, 1.0) - inside
        base = np.sum(beyond * deficit, axis=1) / np.maximum(beyond.sum(axis=1), 1e-9)
        opening = np.maximum(np.sum(inside * (deficit - base[:, None]), axis=1) * STEP_VOXELS, 0.0)
        half = np.clip(0.5 * opening + TAIL_VOXELS, LEAST_WINDOW_VOXELS, WINDOW_VOXELS)
    return opening


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
    none: dict[str, Any] = {f.name: np.zeros(0) for f in fields(Sheets)}
    none |= {"points_xyz_um": np.zeros((0, 3)), "normals_xyz": np.zeros((0, 3))}
    none |= {"crack": np.zeros(0, np.int32), "filling": np.zeros(0, np.int8)}
    return Sheets(**none)
