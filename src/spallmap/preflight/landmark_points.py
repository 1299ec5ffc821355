"""Landmarks held against the images that they lie in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.acquisitions import Acquisition
from spallmap.errors import DataWarning, InputError
from spallmap.landmarks import Landmarks
from spallmap.readers import ImageInfo

# A point may lie beyond the last pixel's centre by half a pixel, or by a few where the edge was cropped;
# pixel numbers in place of um, or nm in place of um, lie further out than this fraction of the field.
_BEYOND = 0.1
# Points that all lie nearer to the first sample than this fraction of the field are in mm (0.001 of it), or
# too near to each other to give a direction.
_LEAST_SPREAD = 0.005
# Distances between the points that disagree by more than this factor are not both in um: a voxel or a pixel
# taken for one is, by a factor of 2 to 1000; a tilt or a pixel size that is off is by 1.1 at most.
_MOST_STRETCH = 1.5
# A rigid map in space needs three points.
_LEAST_FIT_POINTS = 3


def check_points(
    acquisition: Acquisition, marks: Landmarks, own: ImageInfo | None, reference: ImageInfo | None
) -> None:
    """Check that landmarks lie in the images that they were picked in, and are in um.

    Parameters
    ----------
    acquisition : Acquisition
        Whose landmarks they are.
    marks : Landmarks
        The points.
    own, reference : ImageInfo or None
        Headers of the acquisition and of its cell's reference tomogram; None where they are not known yet.

    Raises
    ------
    InputError
        Naming the file, the columns, the point and the field.
    """
    if own is not None:
        _check_field(acquisition, "u_um, v_um", marks.own_um[:, :2], _field(own)[:2])
    if reference is not None:
        _check_field(acquisition, "x_um, y_um, z_um", marks.reference_um, _field(reference))


def odd_points(acquisition: Acquisition, marks: Landmarks) -> list[DataWarning]:
    """Say where landmarks are too few for what they are for, or are not in um.

    Parameters
    ----------
    acquisition : Acquisition
        Whose landmarks they are.
    marks : Landmarks
        The points.

    Returns
    -------
    list of DataWarning
        For a table without points, for one or two to fit to, and for distances that are not alike.
    """
    label = f"{acquisition.column('landmarks')}: {acquisition.landmarks}"
    if not len(marks.check):
        return [DataWarning(label, "no point", "no error is measured, and no search starts there")]
    warnings = []
    if 0 < marks.n_fit < _LEAST_FIT_POINTS:
        found = f"{marks.n_fit} points with use fit"
        warnings.append(DataWarning(label, found, f"no search starts there: that needs {_LEAST_FIT_POINTS}"))
    stretch = _stretch(acquisition.modality, marks)
    if stretch > _MOST_STRETCH:
        columns = "u_um, v_um and x_um, y_um, z_um"
        found = f"distances between points that differ by a factor of {stretch:.2g} between {columns}"
        warnings.append(DataWarning(label, found, "used all the same: see that all of them are in um"))
    return warnings


def _stretch(modality: str, marks: Landmarks) -> float:
    """By how much the distances of the points disagree; a projection may shorten them."""
    own, reference = (float(np.sqrt(np.sum(np.var(p, axis=0)))) for p in (marks.own_um, marks.reference_um))
    if len(marks.check) < 2 or min(own, reference) == 0.0:
        return 1.0
    shortened = own / reference
    return max(shortened, 1.0 / shortened) if modality in ("sem", "edx") else shortened


def _field(info: ImageInfo) -> NDArray[np.float64]:
    """Distance from the first to the last sample, as (x, y, z), um."""
    spacing = info.spacing_um or (np.nan,) * len(info.spatial_shape)
    steps = np.array(info.spatial_shape, dtype=np.float64) - 1.0
    return (steps * np.array(spacing, dtype=np.float64))[::-1]


def _check_field(
    acquisition: Acquisition, columns: str, points: NDArray[np.float64], field: NDArray[np.float64]
) -> None:
    label = f"{acquisition.column('landmarks')}: {acquisition.landmarks}"
    said = " x ".join(f"{f:g}" for f in field)
    allowed = f"um from the centre of the first sample, in a field of {said} um"
    beyond = _BEYOND * field.max()
    outside = np.flatnonzero(((points < -beyond) | (points > field + beyond)).any(axis=1))
    if outside.size:
        row = int(outside[0])
        point = ", ".join(f"{c:g}" for c in points[row])
        found = f"the point ({point}) outside the image"
        raise InputError(f"{label}, point {row + 1}, columns {columns}", found, allowed)
    if len(points) > 1 and np.abs(points).max() < _LEAST_SPREAD * field.max():
        found = f"no coordinate above {np.abs(points).max():g}, as if in mm"
        raise InputError(f"{label}, columns {columns}", found, allowed)
