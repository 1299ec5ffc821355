"""What is odd in a tomogram's grey values and is used all the same, in words."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from spallmap.blocks import Sliceable
from spallmap.errors import DataWarning
from spallmap.tomography.blockwise.coarse import Coarse
from spallmap.tomography.grey.artefacts import Artefacts
from spallmap.tomography.grey.clipping import clipping_warnings

Mask = NDArray[np.bool_]

# Rings of this standard deviation over the contrast are told: usual ones have 0.3 to 2.5 %, three times
# stronger ones 2.7 to 4.4 %.
STRONG_RINGS = 0.026
# And where their mean square is so many times that of its error: rings of that strength have 700 and more, a
# scan whose grey drifts by a fifth along the stack, which no smooth function follows, 9.
SURE_RINGS = 50.0
# Cupping of this depth is told: usual scans have up to 10 %.
STRONG_CUPPING = 0.12
# A step of the ceramic's grey between slices, over the contrast, and over what other slices show. Scans of
# one piece have steps of up to 0.8 %, most 0.3 %; joined ones of 1 to 7 %.
LEAST_STEP = 0.012
STEP_OVER_USUAL = 6.0
# Slices of the coarse copy on either side of a step whose levels are compared.
STEP_SLICES = 4
# Fraction of it between two neighbouring slices: that of a drift over as many slices is a quarter.
SHARP = 0.4
# Fraction of the ceramic's outline at the end of the field from which on it is cut.
CUT_FRACTION = 0.02
# Above and below the ceramic a field of view holds no more padding than this.
MOST_PADDED = 0.02
# Brightness beside the ceramic's side wall beyond that further in, over the contrast: blur alone makes it
# negative, fringes that are seen have 4 % and more.
LEAST_FRINGE = 0.04
# Distances from the wall in voxels between which a fringe and the ceramic behind it are looked for.
FRINGE_VOXELS = (1.5, 3.0)
BEHIND_VOXELS = (5.0, 8.0)
# Slices that are looked at for fringes, in the middle half of the ceramic's height.
FRINGE_SLICES = 7


def grey_warnings(
    source: Sliceable,
    coarse: Coarse,
    body: Mask | None,
    padded: Mask,
    artefacts: Artefacts | None,
    levels: tuple[float, float],
    source_label: str,
) -> tuple[DataWarning, ...]:
    """Say what is odd in the grey values of a cell, what was done about it and what it costs.

    Parameters
    ----------
    source : Sliceable, shape (nz, ny, nx)
        The scan.
    coarse : Coarse
        Its coarse copy.
    body : ndarray of bool or None
        The filled ceramic in the copy; None where there is none.
    padded : ndarray of bool
        Blocks of the copy that hold nothing but padding.
    artefacts : Artefacts or None
        Rings and cupping.
    levels : tuple of float
        Grey of air and of the ceramic.
    source_label : str
        What to call the volume.

    Returns
    -------
    tuple of DataWarning
        Empty where nothing is odd.
    """
    odd = clipping_warnings(source, coarse, body, source_label)
    if body is None:
        return odd
    contrast = levels[1] - levels[0]
    said = [
        _cut_field(body, padded),
        _fringes(source, coarse, body, levels),
        _step(coarse, body, contrast),
        *_shading(artefacts, contrast),
    ]
    return odd + tuple(DataWarning(source_label, *words) for words in said if words is not None)


def _cut_field(body: Mask, padded: Mask) -> tuple[str, str] | None:
    footprint = np.any(body, axis=0)
    outside = np.all(padded, axis=0)
    if np.mean(padded[:, footprint]) > MOST_PADDED:
        # Air that was cut off at the least grey, and no end of the field.
        outside = np.zeros_like(outside)
    inner = ndimage.binary_erosion(np.pad(~outside, 1), iterations=2)[1:-1, 1:-1]
    rim = footprint & ~ndimage.binary_erosion(footprint, border_value=0)
    cut = float(np.mean(~inner[rim]))
    if cut < CUT_FRACTION:
        return None
    return (
        f"a field of view that cuts the ceramic along {100.0 * cut:.0f} % of its outline",
        "used as far as it reaches; no crack is seen outside, and areas are those of what is seen",
    )


def _fringes(
    source: Sliceable, coarse: Coarse, body: Mask, levels: tuple[float, float]
) -> tuple[str, str] | None:
    """Compare the ceramic beside its side wall with that further in."""
    planes = np.flatnonzero(body.any(axis=(1, 2)))
    first, last = planes[len(planes) // 4], planes[-1 - len(planes) // 4]
    beside: list[NDArray[np.float32]] = []
    behind: list[NDArray[np.float32]] = []
    fz, fy, fx = coarse.factor
    for k in np.unique(np.linspace(first, last, FRINGE_SLICES).astype(int)):
        z = int(k) * fz
        image = np.asarray(source[z : z + 1, 0 : source.shape[1], 0 : source.shape[2]])[0].astype(np.float32)
        there = np.repeat(np.repeat(ndimage.binary_dilation(body[k], iterations=2), fy, axis=0), fx, axis=1)
        image = image[: there.shape[0], : there.shape[1]]
        solid = ndimage.binary_fill_holes((image > sum(levels) / 2.0) & there)
        away = ndimage.distance_transform_edt(ndimage.binary_opening(solid, iterations=2))
        for which, (near, far) in ((beside, FRINGE_VOXELS), (behind, BEHIND_VOXELS)):
            which.append(image[(away >= near) & (away < far)])
    rim, inside = np.concatenate(beside), np.concatenate(behind)
    if min(rim.size, inside.size) < 100:
        return None
    excess = float(np.median(rim) - np.median(inside)) / (levels[1] - levels[0])
    if excess < LEAST_FRINGE:
        return None
    return (
        f"bright fringes along the ceramic's edges, by {100.0 * excess:.0f} % of the contrast",
        "cut off before cracks are looked for; apertures below a voxel, and faces, are less certain",
    )


def _step(coarse: Coarse, body: Mask, contrast: float) -> tuple[str, str] | None:
    """Look for a slice at which the quiet ceramic's grey steps, as where two scans were joined."""
    inner = ndimage.binary_erosion(body, iterations=3)
    planes = np.flatnonzero(inner.sum(axis=(1, 2)) >= 50)
    n = STEP_SLICES
    if len(planes) < 4 * n or len(planes) != planes[-1] - planes[0] + 1:
        return None
    levels = np.array([np.median(coarse.values[k][inner[k]]) for k in planes]) / contrast
    steps = np.array(
        [np.median(levels[k : k + n]) - np.median(levels[k - n : k]) for k in range(n, len(levels) - n + 1)]
    )
    change = np.diff(levels)
    steps -= n * np.median(change)
    usual = 1.4826 * float(stats.median_abs_deviation(change))
    at = int(np.argmax(np.abs(steps)))
    sharp = np.max(np.abs(change[at + n - 2 : at + n + 1])) > SHARP * abs(steps[at])
    if not sharp or abs(steps[at]) < max(LEAST_STEP, STEP_OVER_USUAL * usual):
        return None
    z = int(planes[at + n]) * coarse.factor[0]
    return (
        f"a step of the ceramic's grey by {100.0 * steps[at]:+.1f} % of the contrast at slice {z} (from 0)",
        "used as it is: where two scans were joined, one may be shifted by a fraction of a voxel",
    )


def _shading(artefacts: Artefacts | None, contrast: float) -> list[tuple[str, str]]:
    said = []
    if artefacts is not None and artefacts.rings is not None:
        rings = artefacts.rings
        sd = float(np.hypot(rings.steady_sd, rings.drifting_sd)) / contrast
        sure = max(rings.steady_excess, rings.drifting_excess) >= SURE_RINGS
        if rings.removed and sure and sd >= STRONG_RINGS:
            found = f"rings about the axis of rotation of {100.0 * sd:.1f} % of the contrast"
            said.append(
                (found, "taken out; arcs that are not seen all around stay and are part of the noise")
            )
    if artefacts is not None and artefacts.cupping is not None:
        depth = artefacts.cupping.depth
        if artefacts.cupping.removed and abs(depth) >= STRONG_CUPPING:
            found = f"a ceramic whose brightness changes by {100.0 * depth:+.0f} % from the middle to the rim"
            said.append((found, "taken out, as a smooth function of the position"))
    return said
