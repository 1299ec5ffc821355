"""Sheets that are no cracks but streaks: dark lines across the slices that go on outside the ceramic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.cracks.left_out import leave_out
from spallmap.tomography.labels import CASING, CERAMIC, OUTSIDE, SODIUM, is_filled

# Sheets that are this upright, as the median of their normals' component along the stack, may be streaks:
# these run across the slices, alike in neighbouring ones.
MOST_TILT = 0.2
# Grey is compared with that so far to either side, in voxels: streaks have a standard deviation of 1 to 2.5.
BESIDE_VOXELS = 6.0
# Slices nearer to the ceramic than this have its blur.
AWAY_SLICES = 6
# Least number of columns, and of samples in each, that can tell.
LEAST_COLUMNS = 30
LEAST_SAMPLES = 5
# Columns that share their noise, along a line.
ALIKE = 4.0
# A streak is as dark outside as inside, but for a third by which it changes along the stack; a crack ends at
# the ceramic.
LEAST_OUTSIDE = 0.4
SURE_SE = 4.0


@dataclass(frozen=True)
class _Dip:
    """By how much columns are darker than what lies beside them."""

    mean: float
    se: float


def without_streaks(cracks: Cracks, grey: Sliceable, labels: Sliceable) -> tuple[Cracks, int]:
    """Leave out sheets that go on where there is no ceramic.

    A streak of the reconstruction is a line across a slice, and lies in the same place in the slices above
    and below, whatever they show. So an upright sheet is followed along the stack into electrodes and gas:
    where these are darker in its columns than beside them, as the ceramic is, it is no crack. Voids do not
    count, since they are dark whatever runs through them. A streak that runs into a crack is a part of that
    crack, and stays.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    grey, labels : Sliceable, shape (nz, ny, nx)
        The volume and its phases.

    Returns
    -------
    cracks : Cracks
        The others, numbered anew in their order.
    n_streaks : int
        How many were left out.

    Examples
    --------
    >>> from spallmap.tomography import find_cracks
    >>> z, y, x = np.mgrid[:60, :70, :70]
    >>> labels = np.where((abs(z - 30) < 12) & (np.hypot(y - 35, x - 35) < 30), 1, 5).astype(np.uint8)
    >>> grey = np.where(labels == 1, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> grey -= 4_000.0 * np.exp(-0.5 * ((y - 30) / 1.2) ** 2)
    >>> found = find_cracks(grey, labels, (5.0, 5.0, 5.0))
    >>> left, n_streaks = without_streaks(found, grey, labels)
    >>> found.n, left.n, n_streaks
    (1, 0, 1)
    """
    upright = [k for k in range(1, cracks.n + 1) if _tilt(cracks, k) <= MOST_TILT]
    if not upright:
        return cracks, 0
    nz, columns = cracks.shape[0], {k: _columns(cracks, k) for k in upright}
    # What is dark at the end of the grey range hides a streak: each phase is asked by itself.
    phases = (CERAMIC, SODIUM, CASING, OUTSIDE)
    sums = {k: {p: np.zeros((2, len(columns[k][0]))) for p in phases} for k in upright}
    planes = [(slice(z, z + 1), slice(0, cracks.shape[1]), slice(0, cracks.shape[2])) for z in range(nz)]
    filled = np.array([bool(is_filled(np.asarray(labels[plane])).any()) for plane in planes])
    there = np.flatnonzero(filled)
    for z in range(nz):
        away = z < there[0] - AWAY_SLICES or z > there[-1] + AWAY_SLICES
        if not away and not filled[z]:
            continue
        plane = np.asarray(grey[planes[z]])[0].astype(np.float64)
        phase = np.asarray(labels[planes[z]])[0]
        for k in upright:
            for p in phases[1:] if away else phases[:1]:
                _add_dip(plane, phase == p, columns[k], sums[k][p])
    streaks = [
        k for k in upright if any(_is_streak(_dip(sums[k][CERAMIC]), _dip(sums[k][p])) for p in phases[1:])
    ]
    return leave_out(cracks, streaks), len(streaks)


def _tilt(cracks: Cracks, crack: int) -> float:
    return float(np.median(np.abs(cracks.ridge_normal[cracks.ridge_crack == crack, 0])))


def _columns(cracks: Cracks, crack: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Return columns of a sheet, shape (n, 2), and those beside it on either side, all in the field."""
    mine = cracks.ridge_crack == crack
    at, first = np.unique(cracks.ridge_index[mine][:, 1:], axis=0, return_index=True)
    across = cracks.ridge_normal[mine][first, 1:]
    across = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-9)
    sides = [np.rint(at + side * BESIDE_VOXELS * across).astype(np.intp) for side in (-1.0, 1.0)]
    size = np.array(cracks.shape[1:])
    known = np.all([np.all((c >= 0) & (c < size), axis=1) for c in sides], axis=0)
    return at[known].astype(np.intp), sides[0][known], sides[1][known]


def _add_dip(
    plane: NDArray[np.float64],
    phase: NDArray[np.bool_],
    columns: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]],
    sums: NDArray[np.float64],
) -> None:
    """Add to the sums of each column how dark it is in a slice, where it and its sides are of a phase."""
    here, left, right = ((c[:, 0], c[:, 1]) for c in columns)
    alike = phase[here] & phase[left] & phase[right]
    sums[0] += np.where(alike, (plane[left] + plane[right]) / 2.0 - plane[here], 0.0)
    sums[1] += alike


def _dip(sums: NDArray[np.float64]) -> _Dip | None:
    known = sums[1] >= LEAST_SAMPLES
    if np.count_nonzero(known) < LEAST_COLUMNS:
        return None
    each = sums[0][known] / sums[1][known]
    return _Dip(float(each.mean()), float(each.std(ddof=1) / np.sqrt(each.size / ALIKE)))


def _is_streak(inside: _Dip | None, outside: _Dip | None) -> bool:
    if inside is None or outside is None:
        return False
    return outside.mean > SURE_SE * outside.se and outside.mean > LEAST_OUTSIDE * inside.mean
