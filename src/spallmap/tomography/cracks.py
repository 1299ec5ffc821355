"""Cracks in the ceramic: ridges of a plate filter above a threshold that comes from a null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.tomography.grey import CERAMIC_GREY
from spallmap.tomography.labels import CERAMIC, VOID
from spallmap.tomography.phases import DEFAULT_SODIUM_GREY, SMOOTHING_VOXELS
from spallmap.tomography.plate import SIGMAS_VOXELS, plate_response
from spallmap.tomography.pores import pore_mask
from spallmap.tomography.ridges import ridge_voxels
from spallmap.tomography.shapes import join_fragments, plate_components

HALO = 8
"""Voxels around the ceramic that the filters see: four times the largest scale."""
FAR_VOXELS = 6
"""The null leaves out what lies nearer than this to the ceramic's surface."""
LOW_QUANTILE, HIGH_QUANTILE = 0.999, 0.9999
"""Quantiles of the null that a crack must hold throughout and reach somewhere. Voids are kept out of the
null, so that these describe noise and rings, not pores."""
HIGH_MARGIN = 1.25
"""The high threshold lies this factor above its quantile, since a volume holds more than 10,000 voxels."""
NOISE_LOW, NOISE_HIGH = 2.45, 3.0
"""The two quantiles over the 90 % quantile, for where only the volume itself can serve as its null and
cracks would be part of its tail. Gaussian noise has 1.9 and 2.2 (simulated); rings and pores below
detection raise them by a quarter to a third in a simulated scan that has both."""
MIN_AREA_VOXELS = 150
"""Least number of ridge voxels of a crack: a sheet of 12 by 12 voxels. Smaller ones are not told from
pores."""
MIN_LEVEL = 1e-6
"""Keeps a noise-free null from dividing by zero."""
MIN_NULL_VOXELS = 5_000
"""Below this many voxels of null its far quantiles mean nothing."""
THICKNESS_REACH = 2.5
"""A dark voxel within this distance of a ridge belongs to its crack; half of five voxels."""


@dataclass(frozen=True)
class Thresholds:
    """What a crack had to exceed.

    Parameters
    ----------
    weights : tuple of float
        Factor of each scale of the plate filter; the null's 90 % quantile is 1 at every scale.
    low, high : float
        Response that a crack holds throughout, and that it reaches somewhere.
    min_area_voxels : int
        Least number of ridge voxels.
    null : str
        Where the thresholds come from, in words.
    """

    weights: tuple[float, ...]
    low: float
    high: float
    min_area_voxels: int
    null: str


@dataclass(frozen=True)
class Cracks:
    """The cracks of a volume.

    Parameters
    ----------
    labels : ndarray of int32, shape (nz, ny, nx)
        Number of the crack that a voxel belongs to, by falling area; 0 elsewhere.
    ridge_index : ndarray of int, shape (n, 3)
        Voxels (z, y, x) of the cracks' middle layers.
    ridge_normal : ndarray, shape (n, 3)
        Unit vectors (z, y, x) across the sheet there, in voxels.
    ridge_crack : ndarray of int, shape (n,)
        Crack of each of them.
    response : ndarray of float32
        Plate response within `box`, in units of the null's 90 % quantile.
    box : tuple of slice
        The part of the volume that was filtered.
    thresholds : Thresholds
        What was asked of a crack.
    """

    labels: NDArray[np.int32]
    ridge_index: NDArray[np.int64]
    ridge_normal: NDArray[np.float64]
    ridge_crack: NDArray[np.int32]
    response: NDArray[np.float32]
    box: tuple[slice, slice, slice]
    thresholds: Thresholds

    @property
    def n(self) -> int:
        """Number of cracks."""
        return int(self.ridge_crack.max(initial=0))


@dataclass(frozen=True)
class _Ceramic:
    """The ceramic's bounding box, cut out."""

    grey: NDArray[np.float32]
    filled: NDArray[np.bool_]
    void: NDArray[np.bool_]
    distance: NDArray[np.float32]
    box: tuple[slice, slice, slice]

    @property
    def quiet(self) -> NDArray[np.bool_]:
        """Ceramic far from its surface and from voids."""
        return (self.distance > FAR_VOXELS) & ~ndimage.binary_dilation(self.void, iterations=5)


def find_cracks(
    grey: NDArray[Any],
    phases: NDArray[Any],
    spacing_um: Sequence[float],
    null_grey: NDArray[Any] | None = None,
    null_phases: NDArray[Any] | None = None,
    min_area_voxels: int = MIN_AREA_VOXELS,
) -> Cracks:
    """Find cracks inside the ceramic.

    The response of dark plates is thinned to its ridges. Ridges above a low threshold are joined to pieces;
    a piece is a crack when it somewhere exceeds a high threshold, is large enough, reaches away from the
    ceramic's surface and has the shape of a sheet. Small pieces that continue a crack over a gap of a few
    voxels, as a pore or a patch closed below detection leaves, are joined to it. Nothing is assumed about
    what fills a crack but that it is darker than the ceramic.

    Parameters
    ----------
    grey : ndarray, shape (nz, ny, nx)
        Volume on the common scale.
    phases : ndarray
        Its labels, from :func:`spallmap.tomography.segment_phases`.
    spacing_um : sequence of float
        Voxel spacing along z, y and x. The filter works on voxels, which should be nearly cubes.
    null_grey, null_phases : ndarray, optional
        The pristine scan of the same cell in its own frame, on the common scale, and its labels: the null.
        Where absent, the quiet part of the volume's own ceramic.
    min_area_voxels : int
        Least number of ridge voxels of a crack.

    Returns
    -------
    Cracks
        Possibly none.
    """
    if len(tuple(spacing_um)) != 3 or min(spacing_um) <= 0:
        raise ValueError(f"three positive spacings are needed; got {spacing_um}")
    ceramic = _cut(grey, phases)
    null = None if null_grey is None or null_phases is None else _cut(null_grey, null_phases)
    if ceramic is None:
        return _nothing(phases.shape)
    thresholds = _thresholds(ceramic, null, min_area_voxels)
    if thresholds is None:
        return _nothing(phases.shape)
    response = plate_response(ceramic.grey, ceramic.filled, SIGMAS_VOXELS, thresholds.weights)
    pores = pore_mask(ceramic.void)
    index, normal = ridge_voxels(
        response, ceramic.grey, _interior((response > thresholds.low) & ~pores), ceramic.distance
    )
    pieces = plate_components(index, normal, response, ceramic.distance, thresholds.high, min_area_voxels)
    crack = join_fragments(index, normal, pieces)
    kept = crack > 0
    index, normal, crack = index[kept], normal[kept], crack[kept]
    labels = np.zeros(phases.shape, dtype=np.int32)
    labels[ceramic.box] = _thicken(index, crack, ceramic, pores)
    offset = np.array([s.start for s in ceramic.box], dtype=np.int64)
    return Cracks(labels, index + offset, normal, crack, response, ceramic.box, thresholds)


def _cut(grey: NDArray[Any], phases: NDArray[Any]) -> _Ceramic | None:
    filled = (phases == CERAMIC) | (phases == VOID)
    found = ndimage.find_objects(filled.astype(np.uint8))
    if not found:
        return None
    z, y, x = (
        slice(max(0, s.start - HALO), min(n, s.stop + HALO))
        for s, n in zip(found[0], phases.shape, strict=True)
    )
    box = (z, y, x)
    inside = np.ascontiguousarray(filled[box])
    # Where the field of view cuts the ceramic there is no surface.
    distance = ndimage.distance_transform_edt(np.pad(inside, 1, mode="edge"))[1:-1, 1:-1, 1:-1]
    return _Ceramic(
        grey[box].astype(np.float32), inside, phases[box] == VOID, distance.astype(np.float32), box
    )


def _thresholds(ceramic: _Ceramic, null: _Ceramic | None, min_area: int) -> Thresholds | None:
    own = null is None
    source = ceramic if null is None else null
    quiet = source.quiet
    if np.count_nonzero(quiet) < MIN_NULL_VOXELS:
        own, source = True, ceramic
        quiet = source.quiet
        if np.count_nonzero(quiet) < MIN_NULL_VOXELS:
            return None
    weights = []
    for sigma in SIGMAS_VOXELS:
        level = float(np.quantile(plate_response(source.grey, quiet, (sigma,), (1.0,))[quiet], 0.9))
        weights.append(1.0 / max(level, MIN_LEVEL))
    values = plate_response(source.grey, quiet, SIGMAS_VOXELS, weights)[quiet]
    n = f"{values.size} voxels of ceramic far from surfaces and voids"
    if own:
        level = float(np.quantile(values, 0.9))
        low, high = NOISE_LOW * level, NOISE_HIGH * level
        text = f"own ceramic: the noise tail above the 90 % quantile of {n}"
    else:
        low, high = (float(q) for q in np.quantile(values, (LOW_QUANTILE, HIGH_QUANTILE)))
        text = f"pristine scan: quantiles {LOW_QUANTILE} and {HIGH_QUANTILE} of {n}"
    return Thresholds(tuple(weights), low, HIGH_MARGIN * high, min_area, text)


def _interior(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Clear the layers where a ridge has no neighbours to be compared with."""
    inner = np.zeros_like(mask)
    core = (slice(2, -2),) * 3
    inner[core] = mask[core]
    return inner


def _thicken(
    index: NDArray[np.int64], crack: NDArray[np.int32], ceramic: _Ceramic, pores: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Ridge voxels and the dark voxels beside them."""
    labels = np.zeros(ceramic.filled.shape, dtype=np.int32)
    if len(index) == 0:
        return labels
    labels[tuple(index.T)] = crack
    smooth = ndimage.gaussian_filter(ceramic.grey, SMOOTHING_VOXELS)
    dark = (smooth < (DEFAULT_SODIUM_GREY + CERAMIC_GREY) / 2.0) & ceramic.filled & ~pores
    away, nearest = ndimage.distance_transform_edt(labels == 0, return_indices=True)
    beside = dark & (away <= THICKNESS_REACH)
    labels[beside] = labels[tuple(axis[beside] for axis in nearest)]
    return labels


def _nothing(shape: tuple[int, ...]) -> Cracks:
    empty = np.zeros((0, 3))
    none = slice(0, 0)
    return Cracks(
        labels=np.zeros(shape, dtype=np.int32),
        ridge_index=empty.astype(np.int64),
        ridge_normal=empty,
        ridge_crack=np.zeros(0, dtype=np.int32),
        response=np.zeros((0, 0, 0), dtype=np.float32),
        box=(none, none, none),
        thresholds=Thresholds((), np.inf, np.inf, 0, "none: too little ceramic to look for cracks in"),
    )
