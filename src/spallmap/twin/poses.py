"""Where each instrument saw the cell: rigid maps from its frame to the cell frame, drawn at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, grid_centre
from spallmap.twin.geometry import CellGeometry, Floats

# Rows of the MRI run down the stack, columns across it.
MRI_AXES = AxesPrior.parse("-z,y")

# Rows of a section run down the stack, columns in an unknown direction across it.
SEM_AXES = AxesPrior.parse("-z,r")


def small_rotation(rng: np.random.Generator, tilt_deg: float, azimuth_deg: float) -> Floats:
    """Rotation about z, then about a horizontal axis.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws both angles evenly up to the limits.
    tilt_deg, azimuth_deg : float
        The limits.

    Returns
    -------
    ndarray, shape (3, 3)
        The rotation matrix.
    """
    direction = rng.uniform(0.0, 2.0 * np.pi)
    tilt = np.deg2rad(rng.uniform(0.1, 1.0) * tilt_deg)
    azimuth = np.deg2rad(rng.uniform(-1.0, 1.0) * azimuth_deg)
    tilted = Rotation.from_rotvec(tilt * np.array([np.cos(direction), np.sin(direction), 0.0]))
    matrix: Floats = (tilted * Rotation.from_rotvec([0.0, 0.0, azimuth])).as_matrix()
    return matrix


def placed(linear: ArrayLike, own_um: ArrayLike, cell_um: ArrayLike) -> AffineMap:
    """Map with a given linear part that sends one point of the own frame to one of the other frame."""
    matrix = np.asarray(linear, dtype=np.float64)
    return AffineMap.from_parts(matrix, np.asarray(cell_um) - matrix @ np.asarray(own_um))


def draw_xct_pose(
    rng: np.random.Generator, shape: Sequence[int], spacing_um: float, tilt_deg: float = 4.0
) -> AffineMap:
    """Draw a tomogram's map to the cell frame: up to `tilt_deg` of tilt and rotation, some 10 um of shift.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the pose.
    shape : sequence of int
        Slices, rows, columns.
    spacing_um : float
        Voxel size.
    tilt_deg : float
        Largest tilt, and largest rotation about the stack axis.

    Returns
    -------
    AffineMap
        Own points to cell points.

    Examples
    --------
    >>> import numpy as np
    >>> pose = draw_xct_pose(np.random.default_rng(7), (24, 40, 40), 37.0)
    >>> middle = pose(np.array([721.5, 721.5, 425.5]))
    >>> bool(np.all(np.abs(middle) <= 12.0))
    True
    """
    linear = small_rotation(rng, tilt_deg, tilt_deg)
    return placed(linear, grid_centre(shape, (spacing_um,) * 3), rng.uniform(-12.0, 12.0, 3))


def draw_mri_pose(
    rng: np.random.Generator,
    shape: Sequence[int],
    spacing_um: Sequence[float],
    reference_to_cell: AffineMap,
    azimuth_deg: float = 10.0,
) -> AffineMap:
    """Draw an MRI's map to the cell frame, within the limits of its axes prior in the reference frame.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the pose.
    shape, spacing_um : sequence
        Rows and columns, and their spacing.
    reference_to_cell : AffineMap
        The reference tomogram's pose.
    azimuth_deg : float
        Largest rotation about the stack axis away from the prior.

    Returns
    -------
    AffineMap
        Own points to cell points.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> pose = draw_mri_pose(np.random.default_rng(7), (64, 48), (23.0, 46.0), AffineMap.identity())
    >>> (pose.linear @ np.array([0.0, 1.0, 0.0])).round().tolist()[2]  # rows run down the stack
    -1.0
    """
    linear = reference_to_cell.linear @ small_rotation(rng, 4.0, azimuth_deg) @ MRI_AXES.linear()
    return placed(linear, grid_centre(shape, spacing_um), rng.uniform(-60.0, 60.0, 3))


def draw_section_pose(
    rng: np.random.Generator,
    geometry: CellGeometry,
    usable_shape: Sequence[int],
    spacing_um: float,
    site_depth_um: float,
) -> AffineMap:
    """Draw a section through the cell's site at any azimuth.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the pose.
    geometry : CellGeometry
        Says where the crack is, or would be.
    usable_shape : sequence of int
        Rows and columns above the data bar.
    spacing_um : float
        Pixel size.
    site_depth_um : float
        Depth under the ceramic's face that the field is centred on.

    Returns
    -------
    AffineMap
        Own points to cell points; the plane passes within some 25 um of the site's axis.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.twin import draw_cell
    >>> rng = np.random.default_rng(7)
    >>> cell = draw_cell(rng).shorted
    >>> pose = draw_section_pose(rng, cell, (582, 900), 1.0, 60.0)
    >>> depth = pose.inverse()(np.array(cell.site_um))[2]
    >>> bool(abs(depth) < 40.0)
    True
    """
    azimuth = rng.uniform(0.0, 360.0)
    linear = small_rotation(rng, 4.0, 2.0) @ SEM_AXES.linear(azimuth)
    x, y, z = geometry.site_um
    target = np.array([x, y, z - np.sign(z) * site_depth_um])
    u, v = linear[:, 0], linear[:, 1]
    target += (
        rng.uniform(-60.0, 60.0) * u + rng.uniform(-35.0, 35.0) * v + rng.uniform(-25.0, 25.0) * linear[:, 2]
    )
    return placed(linear, grid_centre(usable_shape, (spacing_um, spacing_um)), target)


def draw_inset_pose(
    rng: np.random.Generator,
    inset_shape: Sequence[int],
    inset_spacing_um: float,
    overview_point_um: ArrayLike,
    rotation_deg: float,
) -> AffineMap:
    """Draw where a small field lies in an image of the same plane.

    Parameters
    ----------
    rng : numpy.random.Generator
        Draws the rotation.
    inset_shape : sequence of int
        Its rows and columns.
    inset_spacing_um : float
        Its pixel size.
    overview_point_um : array_like, shape (3,)
        Where its middle lies, in the frame of the larger image.
    rotation_deg : float
        Largest rotation in the plane.

    Returns
    -------
    AffineMap
        Own points to the larger image's points.

    Examples
    --------
    >>> import numpy as np
    >>> pose = draw_inset_pose(np.random.default_rng(7), (61, 81), 0.5, (300.0, 200.0, 0.0), 4.0)
    >>> pose(np.array([20.0, 15.0, 0.0])).round(6).tolist()
    [300.0, 200.0, 0.0]
    """
    rotation = Rotation.from_euler("z", rng.uniform(-1.0, 1.0) * rotation_deg, degrees=True).as_matrix()
    return placed(rotation, grid_centre(inset_shape, (inset_spacing_um,) * 2), overview_point_um)
