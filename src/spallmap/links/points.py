"""Where links lie in the reference frame, for the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import AffineMap, indices_to_points

COLUMNS = (
    "region",
    "crack",
    "probability",
    "x_um",
    "y_um",
    "z_um",
    "depth_min_um",
    "depth_max_um",
    "n_voxels",
)


def crack_points_on_region(
    region: NDArray[np.bool_],
    mri_spacing_um: Sequence[float],
    mri_to_reference: AffineMap,
    crack: NDArray[np.bool_],
    spacing_um: Sequence[float],
) -> NDArray[np.float64]:
    """Find the voxels of a crack that a region lies on.

    Parameters
    ----------
    region : ndarray of bool, shape (rows, columns)
        One long-T2 region.
    mri_spacing_um : sequence of float
        (row spacing, column spacing), um.
    mri_to_reference : AffineMap
        From the MRI's frame to the reference frame.
    crack : ndarray of bool, shape (nz, ny, nx)
        One crack.
    spacing_um : sequence of float
        Voxel spacing in array order.

    Returns
    -------
    ndarray, shape (n, 3)
        Centres (x, y, z) in the reference frame of the crack's voxels whose rays meet a pixel of the region.
    """
    points = indices_to_points(np.argwhere(crack), spacing_um)
    own = mri_to_reference.inverse()(points)
    index = np.rint(own[:, 1::-1] / np.asarray(mri_spacing_um, dtype=np.float64)).astype(np.int64)
    inside = np.all((index >= 0) & (index < np.array(region.shape)), axis=1)
    inside[inside] = region[index[inside, 0], index[inside, 1]]
    return points[inside]


def link_points(
    table: pd.DataFrame,
    regions_labels: NDArray[Any],
    mri_spacing_um: Sequence[float],
    mri_to_reference: AffineMap,
    cracks_labels: NDArray[Any],
    spacing_um: Sequence[float],
) -> pd.DataFrame:
    """Give every link a point in the reference frame.

    The point is the crack's voxel nearest to the ray through the region's centroid. Several sheets of a crack
    can meet that ray; the image cannot tell them apart, so the range of depths along it is given too.

    Parameters
    ----------
    table : pandas.DataFrame
        Links with columns region, crack and probability.
    regions_labels : ndarray of int, shape (rows, columns)
        The regions.
    mri_spacing_um : sequence of float
        (row spacing, column spacing), um.
    mri_to_reference : AffineMap
        From the MRI's frame to the reference frame.
    cracks_labels : ndarray of int, shape (nz, ny, nx)
        The cracks.
    spacing_um : sequence of float
        Voxel spacing in array order.

    Returns
    -------
    pandas.DataFrame
        region, crack, probability, x_um, y_um, z_um (the point), depth_min_um, depth_max_um (own z of the
        crack's voxels behind the region) and n_voxels (their number; where it is 0, the depths are the
        point's own).
    """
    boxes = ndimage.find_objects(cracks_labels.astype(np.int32, copy=False))
    to_own = mri_to_reference.inverse()
    rows = []
    for region, crack, probability in table[["region", "crack", "probability"]].itertuples(index=False):
        box = boxes[int(crack) - 1]
        start = np.array([s.start for s in box])
        voxels = np.argwhere(cracks_labels[box] == crack) + start
        points = indices_to_points(voxels, spacing_um)
        mask = regions_labels == region
        centroid = np.argwhere(mask).mean(axis=0) * np.asarray(mri_spacing_um, dtype=np.float64)
        own = to_own(points)
        nearest = int(np.argmin(np.hypot(own[:, 1] - centroid[0], own[:, 0] - centroid[1])))
        index = np.rint(own[:, 1::-1] / np.asarray(mri_spacing_um, dtype=np.float64)).astype(np.int64)
        inside = np.all((index >= 0) & (index < np.array(mask.shape)), axis=1)
        inside[inside] = mask[index[inside, 0], index[inside, 1]]
        depths = own[inside, 2] if inside.any() else own[[nearest], 2]
        place = (*points[nearest], depths.min(), depths.max())
        rows.append((int(region), int(crack), float(probability), *place, int(inside.sum())))
    return pd.DataFrame(rows, columns=list(COLUMNS))
