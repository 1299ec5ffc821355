"""Round voids of the ceramic, which are not cracks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

PORE_RADIUS_VOXELS = 2.3
"""A void into which a ball of this radius fits is too thick for a crack: 4.6 voxels."""
PORE_RIM_VOXELS = 1.5
"""The blurred rim of a pore, where the filter answers as to a sheet."""
SLENDER = 3.0
"""A thick void whose core is longer than this many times its width is a wide crack after all."""


def pore_mask(void: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Thick round voids with their rims.

    Parameters
    ----------
    void : ndarray of bool, shape (nz, ny, nx)
        Voids of the ceramic.

    Returns
    -------
    ndarray of bool
        Voxels in which no crack is looked for.
    """
    core = ndimage.distance_transform_edt(void) > PORE_RADIUS_VOXELS
    labels, n = ndimage.label(core, np.ones((3, 3, 3)))
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        points = np.argwhere(labels[box] == number)
        if len(points) >= 10:
            # Standard deviations along the principal axes; a sheet's core is thin in one of them only.
            extent = np.sqrt(np.maximum(np.linalg.eigvalsh(np.cov(points.T)), 0.0)) + 0.5
            if extent[1] > SLENDER * extent[0]:
                core[box][labels[box] == number] = False
    if n == 0 or not core.any():
        return core
    near: NDArray[np.bool_] = ndimage.distance_transform_edt(~core) <= PORE_RADIUS_VOXELS + PORE_RIM_VOXELS
    return near
