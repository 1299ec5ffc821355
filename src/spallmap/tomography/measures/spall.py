"""The piece of ceramic that a crack cuts off towards an electrode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.frames import Points
from spallmap.tomography.measures.morphology import SPALLING_CLOSURE, touch_um

# Gaps of the crack's shadow on the interface up to twice this wide are closed.
GAP_PIXELS = 4
# The rim of a spall lies within this fraction of the crack's greatest depth from the interface.
RIM_DEPTH_FRACTION = 0.25

# A roof's shadow on the interface has at least this fraction of its area; a plane that dips by 63 degrees has
# it.
SHADOW_FRACTION = 0.45


@dataclass(frozen=True)
class Spall:
    """What a crack cuts off.

    Parameters
    ----------
    closure : float
        Fraction of the rim of the crack's shadow on the interface where the crack has risen to the interface:
        1 for a complete bowl, small for a sheet that ends inside.
    volume_um3 : float
        Ceramic between crack and interface; 0 where the closure says that nothing is cut off.
    """

    closure: float
    volume_um3: float


def spall_of(
    points_xyz_um: Points,
    depth_bottom_um: NDArray[np.float64],
    depth_top_um: NDArray[np.float64],
    area_um2: float,
    spacing_um: Sequence[float],
) -> Spall:
    """Measure the ceramic between a crack and the interface that it rises to.

    The crack is seen from the interface as a roof over columns of voxels. A sheet that stands upright has a
    shadow without an inside and cuts nothing off.

    Parameters
    ----------
    points_xyz_um : ndarray, shape (n, 3)
        Middle surface of one crack.
    depth_bottom_um, depth_top_um : ndarray, shape (n,)
        Distance from the bottom and the top interface.
    area_um2 : float
        Area of the middle surface.
    spacing_um : sequence of float
        Voxel spacing along z, y and x; the columns' size.

    Returns
    -------
    Spall
        For the interface that more of the crack touches.
    """
    reach = touch_um(spacing_um)
    counts = [np.count_nonzero(d <= reach) for d in (depth_bottom_um, depth_top_um)]
    if max(counts) == 0:
        return Spall(0.0, 0.0)
    depth = depth_bottom_um if counts[0] >= counts[1] else depth_top_um
    _, dy, dx = spacing_um
    row = np.rint(points_xyz_um[:, 1] / dy).astype(np.int64)
    column = np.rint(points_xyz_um[:, 0] / dx).astype(np.int64)
    margin = 2 * GAP_PIXELS + 1
    row -= row.min() - margin
    column -= column.min() - margin
    roof = np.full((int(row.max()) + margin + 1, int(column.max()) + margin + 1), -np.inf)
    np.maximum.at(roof, (row, column), depth)
    seen = np.isfinite(roof)
    shadow = ndimage.binary_fill_holes(ndimage.binary_closing(seen, iterations=GAP_PIXELS))
    # Columns of the closed gaps take the depth of the nearest column that has one.
    nearest = ndimage.distance_transform_edt(~seen, return_distances=False, return_indices=True)
    filled = np.maximum(np.where(seen, roof, roof[tuple(nearest)]), 0.0)
    shadow = ndimage.binary_opening(shadow, iterations=GAP_PIXELS)
    if not shadow.any():
        return Spall(0.0, 0.0)
    # What counts as a roof lies across the columns: an upright sheet's shadow is all rim.
    if np.count_nonzero(shadow) * dy * dx < SHADOW_FRACTION * area_um2:
        return Spall(0.0, 0.0)
    rim = shadow & ~ndimage.binary_erosion(shadow)
    shallow = ndimage.minimum_filter(np.where(seen, roof, np.inf), size=5)
    limit = max(reach, RIM_DEPTH_FRACTION * float(depth[np.isfinite(depth)].max()))
    closure = float(np.mean(shallow[rim] <= limit))
    volume = float(filled[shadow].sum() * dy * dx)
    return Spall(closure, volume if closure >= SPALLING_CLOSURE else 0.0)
