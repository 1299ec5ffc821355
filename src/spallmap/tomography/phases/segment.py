"""Phases of a tomogram on the common grey scale, in volumes of any size."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.blocks import Sliceable, map_blocks, tiles, whole
from spallmap.tomography.blockwise.coarse import Coarse, coarse_copy, slabs
from spallmap.tomography.grey.common_scale import AIR_GREY, MIDDLE_GREY, GreyScale
from spallmap.tomography.phases.faces import face_ends, refined_heights, without_dips
from spallmap.tomography.phases.interfaces import close_notches, fit_plane
from spallmap.tomography.phases.phase_plan import SMOOTHING_VOXELS, PhasePlan
from spallmap.tomography.phases.topology import NOTCH_RADIUS_VOXELS, close_outline, find_topology

# Bodies are distinguished on a block-averaged copy of at most about this size; what separates them is some
# voxels wide, and a copy of 216^3 voxels shows a cell's parts with 20 and more of its voxels.
MAX_COARSE_VOXELS = 10_000_000
# A dip of whole voxels below the closed face is the face's own roughness up to this depth.
NOTCH_VOXELS = 1.5
# Width of the rim of an upright disc, where blur has rounded its edges off.
RIM_VOXELS = 2
# Beside padding the smoothing mixes it with the ceramic this far: no void is seen there.
WALL_VOXELS = 2
# What is said of a volume with a ceramic's grey and no ceramic.
NO_BODY = "no ceramic: no bright body lies between two faces"


def plan_phases(
    grey: Sliceable,
    spacing_um: Sequence[float],
    source_label: str = "tomogram",
    threads: int = 1,
    ceramic: bool = True,
) -> PhasePlan:
    """Find what has to be known of a whole tomogram to separate its phases.

    The stack axis of the cell runs roughly along z. The ceramic is the thickest bright body, closed by its
    faces as height maps, so that a crack that opens at a face stays inside. Sodium and casing may share
    their grey: what crosses the ceramic's mid-plane beside it is casing, what lies on a face within the
    outline is sodium; where the two touch they are separated at the ceramic's outline. Which body is which is
    decided on a coarse copy, where their surfaces lie at full resolution.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, see :class:`spallmap.tomography.GreyScale`. It is read three times, and
        once more where it is padded.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    source_label : str
        What to call the volume in an error.
    threads : int
        Number of threads.
    ceramic : bool
        Whether to look for a ceramic: not where the grey scale was made without one.

    Returns
    -------
    PhasePlan
        The plan; without ceramic it knows solid and air alone.

    Raises
    ------
    InputError
        If a voxel is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import plan_phases
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> disc = (abs(z - 20) < 12) & (np.hypot(y - 30, x - 30) < 24)
    >>> plan = plan_phases(np.where(disc, 50_000, 10_000).astype(np.uint16), (5.0, 5.0, 5.0))
    >>> float(plan.bottom[30, 30]), float(plan.top[30, 30])
    (8.5, 31.5)
    """
    nz, ny, nx = grey.shape
    coarse = coarse_copy(grey, MAX_COARSE_VOXELS, 1, source_label, threads)
    topology = find_topology(coarse.values, coarse.factor, spacing_um, ceramic)
    bottom = np.zeros((ny, nx), dtype=np.float32)
    top = np.full((ny, nx), -1.0, dtype=np.float32)
    covered = np.zeros((ny, nx), dtype=bool)
    if topology.ceramic.any():
        bottom, top, covered = face_ends(
            grey, topology.ceramic, coarse.factor, SMOOTHING_VOXELS, MIDDLE_GREY, threads
        )
    padding = _padding_columns(grey, coarse, threads)
    if covered.any():
        bottom, top, covered = _without_notches(bottom, top, covered)
        covered = covered & ~padding
    if not covered.any():
        return PhasePlan((nz, ny, nx), bottom, top, covered, covered, covered, padding, padding, topology)
    bottom_cut, top_cut = covered & (bottom <= 0.0), covered & (top >= nz - 1)
    found = [
        refined_heights(grey, height, covered & ~cut, up, MIDDLE_GREY, threads)
        for height, cut, up in ((bottom - 0.5, bottom_cut, False), (top + 0.5, top_cut, True))
    ]
    whole_columns = _away_from_side(found[0], found[1], covered)
    low = np.where(bottom_cut, -0.5, -without_dips(-found[0], whole_columns & ~bottom_cut))
    high = np.where(top_cut, nz - 0.5, without_dips(found[1], whole_columns & ~top_cut))
    return PhasePlan(
        (nz, ny, nx),
        low.astype(np.float32),
        high.astype(np.float32),
        covered,
        bottom_cut,
        top_cut,
        padding,
        ndimage.binary_dilation(padding, np.ones((3, 3), dtype=bool), iterations=WALL_VOXELS),
        topology,
    )


def _padding_columns(grey: Sliceable, coarse: Coarse, threads: int) -> NDArray[np.bool_]:
    """Columns that hold nothing but the grey that the common scale gives to padding."""
    shape = grey.shape[1:]
    if not np.any(np.all(coarse.values == AIR_GREY, axis=0)):
        return np.zeros(shape, dtype=bool)
    columns = np.ones(shape, dtype=bool)
    for part in map_blocks(
        lambda region: np.all(np.asarray(grey[region]) == AIR_GREY, axis=0), slabs(grey.shape), threads
    ):
        columns &= part
    return columns


def _without_notches(
    bottom: NDArray[np.float32], top: NDArray[np.float32], covered: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_]]:
    """Close what cracks have cut into the faces and into the side."""
    closed = close_outline(covered, NOTCH_RADIUS_VOXELS)
    # A ragged rim is left as it is.
    added = ndimage.binary_opening(closed & ~covered, np.ones((3, 3), dtype=bool))
    if added.any():
        nearest = ndimage.distance_transform_edt(~covered, return_distances=False, return_indices=True)
        bottom = np.where(added, bottom[tuple(nearest)], bottom)
        top = np.where(added, top[tuple(nearest)], top)
        covered = covered | added
    high = close_notches(top, covered, NOTCH_RADIUS_VOXELS)
    low = -close_notches(-bottom, covered, NOTCH_RADIUS_VOXELS)
    top = np.where(high - top > NOTCH_VOXELS, high, top)
    bottom = np.where(bottom - low > NOTCH_VOXELS, low, bottom)
    return bottom.astype(np.float32), top.astype(np.float32), covered


def _away_from_side(
    bottom: NDArray[np.float32], top: NDArray[np.float32], covered: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Columns that run from face to face: those of a tilted disc's rim end at its side wall."""
    _, b, c = fit_plane((bottom + top) / 2.0, covered)
    width = float(np.hypot(b, c)) * float(np.median((top - bottom)[covered]))
    inner: NDArray[np.bool_] = ndimage.binary_erosion(
        covered, iterations=int(np.ceil(width)) + RIM_VOXELS, border_value=1
    )
    return inner


def segment_phases(
    grey: Sliceable,
    spacing_um: Sequence[float],
    source_label: str = "tomogram",
    threads: int = 1,
    ceramic: bool = True,
) -> NDArray[np.uint8]:
    """Separate the phases of a whole tomogram, see :func:`plan_phases`.

    Parameters
    ----------
    grey : Sliceable, shape (nz, ny, nx)
        Volume on the common scale, see :class:`spallmap.tomography.GreyScale`.
    spacing_um : sequence of float
        Voxel spacing along z, y and x.
    source_label : str
        What to call the volume in an error.
    threads : int
        Number of threads.
    ceramic : bool
        Whether to look for a ceramic.

    Returns
    -------
    ndarray of uint8, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 crack or void in the ceramic, 4 casing and other solid, 5 outside air. Without
        ceramic only 4 and 5.

    Raises
    ------
    InputError
        If a voxel is NaN or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import CERAMIC, OUTSIDE, segment_phases
    >>> z, y, x = np.mgrid[:40, :60, :60]
    >>> disc = (abs(z - 20) < 12) & (np.hypot(y - 30, x - 30) < 24)
    >>> labels = segment_phases(np.where(disc, 50_000, 10_000).astype(np.uint16), (5.0, 5.0, 5.0))
    >>> bool(np.all(labels[disc] == CERAMIC)), bool(np.all(labels[~disc] == OUTSIDE))
    (True, True)
    """
    plan = plan_phases(grey, spacing_um, source_label, threads, ceramic)
    shape = plan.shape
    out = np.empty(shape, dtype=np.uint8)
    blocks = tiles(whole(shape))
    for block, labels in zip(
        blocks, map_blocks(lambda b: plan.labels(grey, b), blocks, threads), strict=True
    ):
        out[block] = labels
    return out


def grey_summary(scale: GreyScale, plan: PhasePlan) -> dict[str, Any]:
    """Say what was found of a tomogram's greys and phases, for ``grey.json``.

    Parameters
    ----------
    scale : GreyScale
        From :func:`spallmap.tomography.common_grey`.
    plan : PhasePlan
        From :func:`plan_phases` of the same tomogram.

    Returns
    -------
    dict
        The scale as :meth:`spallmap.tomography.GreyScale.as_json` gives it. Where its grey promised a ceramic
        that the phases do not show, the finding says so.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import GreyScale, grey_summary, plan_phases
    >>> scale = GreyScale(air_level=120.0, ceramic_level=700.0, sodium_level=None, noise_sd=9.0)
    >>> can = np.full((12, 20, 20), 10_000, dtype=np.uint16)
    >>> can[:, 2:4] = 50_000
    >>> grey_summary(scale, plan_phases(can, (5.0, 5.0, 5.0)))["finding"]
    'no ceramic: no bright body lies between two faces'
    """
    summary = scale.as_json()
    if scale.ceramic_level is not None and not plan.has_ceramic:
        summary["finding"] = NO_BODY
    return summary
