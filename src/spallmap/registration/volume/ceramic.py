"""The ceramic of a tomogram as registration sees it: a deficit of grey in a filled mask, on several grids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.transform import downscale_local_mean

from spallmap.frames import Points, grid_points, indices_to_points
from spallmap.registration.verdict import Refused
from spallmap.tomography.labels import CASING, CERAMIC, OUTSIDE, SODIUM, VOID, is_filled

# Cropped this far around the ceramic: room for smoothing and for the last shifts.
_MARGIN_SAMPLES = 8

# The interface with the electrodes changes between scans; blur and roughness reach two to three voxels
# in.
_CORE_EROSION_SAMPLES = 3

# Where the padding outside a field of view begins, reconstruction and smoothing spoil this many samples.
# Edges of the field that were taken for the ceramic's drew two scans three samples apart.
_CUT_SAMPLES = 4

# A ceramic that reaches so near to padding is cut by the field's end.
_TOUCHING_SAMPLES = 2

# Closes the mouth of cracks and voids that open at the interface, up to four voxels wide.
_CLOSING_SAMPLES = 2

# The odd second moment must differ from the middle one by this factor. The cells' discs have 1.5 and more;
# at 1.15 a lopsided tenth of the rim tilts the axis by some ten degrees, where the search would miss.
_DISTINCT_RATIO = 1.15


@dataclass(frozen=True)
class CeramicView:
    """The surroundings of the ceramic, cropped from a tomogram.

    Parameters
    ----------
    deficit : ndarray of float32, shape (nz, ny, nx)
        0 at the grey of ceramic, 1 at that of sodium and of everything darker. Air and metal look the same
        here, so that it does not matter which of them lies against the ceramic.
    filled : ndarray of bool, shape (nz, ny, nx)
        The ceramic with its pores and cracks.
    spacing_um : tuple of float
        In array order.
    origin_um : ndarray, shape (3,)
        Point of the first sample in the tomogram's frame, (x, y, z).
    seen : ndarray of bool, optional
        Samples away from the padding outside a field of view; None where it does not cut the ceramic.
    """

    deficit: NDArray[np.float32]
    filled: NDArray[np.bool_]
    spacing_um: tuple[float, float, float]
    origin_um: NDArray[np.float64] = field(default_factory=lambda: np.zeros(3))
    seen: NDArray[np.bool_] | None = None

    @cached_property
    def core(self) -> NDArray[np.bool_]:
        """The filled ceramic without its skin, as far as the field of view shows it."""
        core: NDArray[np.bool_] = ndimage.binary_erosion(self.filled, iterations=_CORE_EROSION_SAMPLES)
        return core if self.seen is None else core & self.seen

    def points(self, chosen: NDArray[np.bool_]) -> Points:
        """Points of the chosen samples in the tomogram's frame, shape (n, 3)."""
        return indices_to_points(np.argwhere(chosen), self.spacing_um) + self.origin_um

    def coarser(self, factor: int) -> CeramicView:
        """Average blocks of `factor` samples along each axis; a rest at the end is dropped."""
        if factor == 1:
            return self
        origin = self.origin_um + indices_to_points([(factor - 1) / 2.0] * 3, self.spacing_um)
        spacing = tuple(s * factor for s in self.spacing_um)
        return CeramicView(
            block_mean(self.deficit, factor),
            block_mean(self.filled.astype(np.float32), factor) > 0.5,
            (spacing[0], spacing[1], spacing[2]),
            origin,
            None if self.seen is None else block_mean(self.seen.astype(np.float32), factor) > 0.99,
        )


def block_mean(volume: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average blocks of `factor` samples along each of three axes; a rest at the end is dropped."""
    # A rest would be averaged with zeros.
    whole = volume[tuple(slice(0, length // factor * factor) for length in volume.shape)]
    return np.asarray(downscale_local_mean(whole, (factor,) * 3), dtype=np.float32)


def ceramic_view(
    grey: NDArray[Any], phases: NDArray[Any], spacing_um: Sequence[float], name: str
) -> CeramicView:
    """Cut the ceramic out of a tomogram.

    Parameters
    ----------
    grey : ndarray, shape (nz, ny, nx)
        Grey values; ceramic brighter than sodium.
    phases : ndarray of int, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 void in the ceramic, 4 other solid, 5 outside.
    spacing_um : sequence of float
        In array order.
    name : str
        Which tomogram it is, for the reason of a refusal.

    Returns
    -------
    CeramicView
        The ceramic with some margin around it.

    Raises
    ------
    Refused
        If there is no ceramic, or nothing darker to set it against.
    """
    nothing = Refused(f"the {name} tomogram shows no ceramic")
    solid = is_filled(phases)
    boxes = ndimage.find_objects(solid.astype(np.uint8))
    if not boxes or boxes[0] is None:
        raise nothing
    box = tuple(
        slice(max(0, s.start - _MARGIN_SAMPLES), min(n, s.stop + _MARGIN_SAMPLES))
        for s, n in zip(boxes[0], grey.shape, strict=True)
    )
    origin = indices_to_points([float(s.start) for s in box], spacing_um)
    filled = _filled(solid[box])
    away = _padding_distance(grey, solid)[box[1:]]
    grey, phases = grey[box].astype(np.float32), phases[box]
    bright = phases == CERAMIC
    darker = [phases == label for label in (SODIUM, CASING, OUTSIDE, VOID)]
    dark = next((d for d in darker if np.count_nonzero(d) >= _MARGIN_SAMPLES**3), None)
    if dark is None or not bright.any():
        raise nothing
    top, bottom = float(np.median(grey[bright])), float(np.median(grey[dark]))
    if not top > bottom:
        raise nothing
    deficit = np.clip((top - grey) / (top - bottom), -1.0, 1.0)
    s = tuple(float(v) for v in spacing_um)
    seen = None
    if np.any(filled.any(axis=0) & (away <= _TOUCHING_SAMPLES)):
        seen = np.broadcast_to(away > _CUT_SAMPLES, filled.shape)
    return CeramicView(deficit.astype(np.float32), filled, (s[0], s[1], s[2]), origin, seen)


def _padding_distance(grey: NDArray[Any], solid: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return how far columns lie from those of padding, which have one grey and hold no ceramic."""
    shown = (grey.max(axis=0) != grey.min(axis=0)) | solid.any(axis=0)
    if shown.all():
        return np.full(shown.shape, np.inf)
    distance: NDArray[np.float64] = ndimage.distance_transform_edt(shown)
    return distance


def _filled(solid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pad = _CLOSING_SAMPLES
    closed = ndimage.binary_closing(np.pad(solid, pad), iterations=pad)
    closed = closed[pad:-pad, pad:-pad, pad:-pad]
    labels, n = ndimage.label(closed)
    if n > 1:
        closed = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    filled: NDArray[np.bool_] = ndimage.binary_fill_holes(closed)
    return filled


@dataclass(frozen=True)
class StackAxis:
    """The body axis of the ceramic by its moments.

    Parameters
    ----------
    centre_um : ndarray, shape (3,)
        Centroid.
    direction : ndarray, shape (3,)
        Unit vector of the axis whose moment of inertia stands out.
    distinct : bool
        Whether it stands out enough to be trusted.
    """

    centre_um: NDArray[np.float64]
    direction: NDArray[np.float64]
    distinct: bool


def stack_axis(view: CeramicView) -> StackAxis:
    """Find centroid and body axis of the filled ceramic.

    Parameters
    ----------
    view : CeramicView
        The ceramic.

    Returns
    -------
    StackAxis
        The eigenvector whose second moment is farthest from the middle one; its sign is arbitrary.
    """
    half = view.coarser(2)
    points = grid_points(half.filled.shape, half.spacing_um)[half.filled] + half.origin_um
    centre = points.mean(axis=0)
    spread = np.cov((points - centre).T)
    values, vectors = np.linalg.eigh(spread)
    low, high = values[1] / max(values[0], 1e-12), values[2] / max(values[1], 1e-12)
    odd = 0 if low >= high else 2
    return StackAxis(centre, vectors[:, odd], bool(max(low, high) >= _DISTINCT_RATIO))
