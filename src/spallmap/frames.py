"""Frames, and the maps between them.

This is the only module that converts array indices, which run (z, y, x), to points, which run (x, y, z), and
back. A point is a row of three um coordinates in its image's frame: the origin is the centre of the first
sample, x the column index times the column spacing, and so on (z is 0 in a plane image).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:  # who plans a run asks for axes alone: ITK and scipy are imported where they are used
    import SimpleITK as sitk  # noqa: N813
    from scipy.spatial.transform import Rotation

Points = NDArray[np.float64]


@dataclass(frozen=True)
class AffineMap:
    """A map of points from one frame to another.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4)
        Row-major homogeneous matrix; ``matrix @ (x, y, z, 1)`` is the mapped point, in micrometres.

    Raises
    ------
    ValueError
        If the matrix is not finite, has another shape, or its last row is not 0 0 0 1.

    Examples
    --------
    >>> shift = AffineMap.from_parts(np.eye(3), (10.0, 0.0, 0.0))
    >>> shift([[1.0, 2.0, 3.0]]).tolist()
    [[11.0, 2.0, 3.0]]
    >>> shift.to_itk().TransformPoint((1.0, 2.0, 3.0))
    (11.0, 2.0, 3.0)
    """

    matrix: NDArray[np.float64]

    def __post_init__(self) -> None:
        matrix: NDArray[np.float64] = np.asarray(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.all(np.isfinite(matrix)):
            raise ValueError(f"an affine map needs a finite 4x4 matrix; got shape {matrix.shape}")
        if not np.allclose(matrix[3], (0.0, 0.0, 0.0, 1.0)):
            raise ValueError(f"the last row must be 0 0 0 1; got {matrix[3]}")
        object.__setattr__(self, "matrix", matrix)

    @classmethod
    def identity(cls) -> AffineMap:
        """Return the map that leaves every point where it is."""
        return cls(np.eye(4))

    @classmethod
    def from_parts(cls, linear: ArrayLike, translation_um: ArrayLike) -> AffineMap:
        """Build a map from its linear part and its translation.

        Parameters
        ----------
        linear : array_like, shape (3, 3)
            Its columns are the images of the unit vectors.
        translation_um : array_like, shape (3,)
            Image of the origin.

        Returns
        -------
        AffineMap
            The map ``p -> linear @ p + translation_um``.
        """
        matrix = np.eye(4)
        matrix[:3, :3] = np.asarray(linear, dtype=np.float64)
        matrix[:3, 3] = np.asarray(translation_um, dtype=np.float64)
        return cls(matrix)

    @classmethod
    def from_itk(cls, transform: sitk.Transform) -> AffineMap:
        """Take over a linear three-dimensional ITK transform by the points that it maps."""
        origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
        columns = [np.array(transform.TransformPoint(tuple(e))) - origin for e in np.eye(3)]
        return cls.from_parts(np.column_stack(columns), origin)

    def to_itk(self) -> sitk.AffineTransform:
        """Return the ITK transform whose ``TransformPoint`` is this map."""
        import SimpleITK as sitk  # noqa: N813

        transform = sitk.AffineTransform(3)
        transform.SetMatrix(self.matrix[:3, :3].ravel().tolist())
        transform.SetTranslation(self.matrix[:3, 3].tolist())
        return transform

    @property
    def linear(self) -> NDArray[np.float64]:
        """The 3x3 linear part."""
        return self.matrix[:3, :3]

    @property
    def translation_um(self) -> NDArray[np.float64]:
        """The image of the origin."""
        return self.matrix[:3, 3]

    def __call__(self, points: ArrayLike) -> Points:
        """Map points of shape (..., 3), in um."""
        p = np.asarray(points, dtype=np.float64)
        mapped: Points = p @ self.linear.T + self.translation_um
        return mapped

    def __matmul__(self, first: AffineMap) -> AffineMap:
        """Return the map that applies `first`, then this one."""
        return AffineMap(self.matrix @ first.matrix)

    def inverse(self) -> AffineMap:
        """Return the map back.

        Raises
        ------
        numpy.linalg.LinAlgError
            If the matrix is singular.
        """
        return AffineMap(np.asarray(np.linalg.inv(self.matrix), dtype=np.float64))


def rotation_map(
    rotation: Rotation, centre_um: ArrayLike, shift_um: ArrayLike = (0.0, 0.0, 0.0)
) -> AffineMap:
    """Rotate about a centre, then shift.

    Parameters
    ----------
    rotation : scipy.spatial.transform.Rotation
        The rotation.
    centre_um : array_like, shape (3,)
        The point that the rotation alone leaves where it is.
    shift_um : array_like, shape (3,)
        Added afterwards.

    Returns
    -------
    AffineMap
        The rigid map.

    Examples
    --------
    >>> from scipy.spatial.transform import Rotation
    >>> quarter = Rotation.from_euler("z", 90, degrees=True)
    >>> rotation_map(quarter, (10.0, 0.0, 0.0), (0.0, 0.0, 5.0))([11.0, 0.0, 0.0]).round(6).tolist()
    [10.0, 1.0, 5.0]
    """
    R = rotation.as_matrix()
    centre = np.asarray(centre_um, dtype=np.float64)
    return AffineMap.from_parts(R, centre - R @ centre + np.asarray(shift_um, dtype=np.float64))


def grid_points(shape: Sequence[int], spacing_um: Sequence[float]) -> Points:
    """Points of every sample of a grid.

    Parameters
    ----------
    shape : sequence of int
        (rows, columns) of an image or (slices, rows, columns) of a volume.
    spacing_um : sequence of float
        Spacing along each array axis.

    Returns
    -------
    ndarray, shape (*shape, 3)
        The (x, y, z) of each sample.

    Examples
    --------
    >>> grid_points((2, 2), (10.0, 5.0)).tolist()
    [[[0.0, 0.0, 0.0], [5.0, 0.0, 0.0]], [[0.0, 10.0, 0.0], [5.0, 10.0, 0.0]]]
    """
    ranges = [np.arange(n) * float(s) for n, s in zip(shape, spacing_um, strict=True)]
    grid = list(np.meshgrid(*ranges, indexing="ij"))
    if len(shape) == 2:
        grid.insert(0, np.zeros(tuple(shape)))
    return np.stack(grid[::-1], axis=-1)


def points_to_indices(points: ArrayLike, spacing_um: Sequence[float]) -> NDArray[np.float64]:
    """Fractional array indices of points.

    Parameters
    ----------
    points : array_like, shape (..., 3)
        The (x, y, z) in the frame of the grid.
    spacing_um : sequence of float
        Spacing along each array axis; two values for an image, three for a volume.

    Returns
    -------
    ndarray, shape (..., 2) or (..., 3)
        Indices in array order, (row, column) or (slice, row, column).

    Examples
    --------
    >>> points_to_indices([8.0, 10.0, 30.0], (15.0, 5.0, 4.0)).tolist()  # slice, row, column
    [2.0, 2.0, 2.0]
    """
    p = np.asarray(points, dtype=np.float64)[..., ::-1]
    return p[..., 3 - len(spacing_um) :] / np.asarray(spacing_um, dtype=np.float64)


def indices_to_points(indices: ArrayLike, spacing_um: Sequence[float]) -> Points:
    """Points of fractional array indices; the inverse of :func:`points_to_indices`.

    Parameters
    ----------
    indices : array_like, shape (..., 2) or (..., 3)
        Indices in array order.
    spacing_um : sequence of float
        Spacing along each array axis.

    Returns
    -------
    ndarray, shape (..., 3)
        The (x, y, z); z is 0 for an image.

    Examples
    --------
    >>> indices_to_points([2, 3], (10.0, 5.0)).tolist()  # row 2, column 3 of an image
    [15.0, 20.0, 0.0]
    """
    p = np.asarray(indices, dtype=np.float64) * np.asarray(spacing_um, dtype=np.float64)
    if len(spacing_um) == 2:
        p = np.concatenate([np.zeros((*p.shape[:-1], 1)), p], axis=-1)
    return p[..., ::-1]


def grid_centre(shape: Sequence[int], spacing_um: Sequence[float]) -> Points:
    """Point in the middle between the first and the last sample.

    Parameters
    ----------
    shape : sequence of int
        Number of samples along each array axis.
    spacing_um : sequence of float
        Spacing along each array axis.

    Returns
    -------
    ndarray, shape (3,)
        The (x, y, z); z is 0 for an image.

    Examples
    --------
    >>> grid_centre((3, 5), (10.0, 5.0)).tolist()
    [10.0, 10.0, 0.0]
    """
    return indices_to_points((np.asarray(shape, dtype=np.float64) - 1.0) / 2.0, spacing_um)


def sample_volume(
    volume: NDArray[Any],
    spacing_um: Sequence[float],
    points: ArrayLike,
    order: Literal[0, 1, 3] = 1,
    outside: float = 0.0,
) -> NDArray[np.float64]:
    """Interpolate a volume at points of its own frame.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        The samples.
    spacing_um : sequence of float
        Spacing along each array axis.
    points : array_like, shape (..., 3)
        Where to look, as (x, y, z).
    order : int
        Spline order: 0 nearest (labels), 1 linear, 3 cubic.
    outside : float
        Value beyond the outermost sample centres.

    Returns
    -------
    ndarray, shape (...)
        The interpolated values.

    Examples
    --------
    >>> volume = np.arange(8.0).reshape(2, 2, 2)
    >>> sample_volume(volume, (3.0, 2.0, 1.0), [[0.5, 0.0, 0.0], [0.0, 0.0, 3.0], [0.0, 0.0, 3.1]]).tolist()
    [0.5, 4.0, 0.0]
    """
    indices = points_to_indices(points, spacing_um)
    from scipy import ndimage

    at = np.moveaxis(indices, -1, 0)
    return np.asarray(ndimage.map_coordinates(volume, at, np.float64, order, "constant", outside))


def to_itk_image(data: NDArray[Any], spacing_um: Sequence[float]) -> sitk.Image:
    """Wrap an array as an ITK image in micrometres with its origin at 0.

    Parameters
    ----------
    data : ndarray, shape (nz, ny, nx) or (ny, nx)
        The samples.
    spacing_um : sequence of float
        Their spacing in array order.

    Returns
    -------
    SimpleITK.Image
        Its sizes and spacings run x, y(, z).

    Examples
    --------
    >>> image = to_itk_image(np.zeros((2, 3, 4)), (5.0, 4.0, 3.0))
    >>> image.GetSize(), image.GetSpacing()
    ((4, 3, 2), (3.0, 4.0, 5.0))
    """
    import SimpleITK as sitk  # noqa: N813

    image = sitk.GetImageFromArray(data)
    image.SetSpacing([float(s) for s in reversed(tuple(spacing_um))])
    return image


def resample(
    volume: NDArray[Any],
    spacing_um: Sequence[float],
    grid_shape: Sequence[int],
    grid_spacing_um: Sequence[float],
    to_volume: AffineMap,
    *,
    nearest: bool = False,
    outside: float = 0.0,
) -> NDArray[Any]:
    """Resample a volume onto another three-dimensional grid, with ITK.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        The samples.
    spacing_um : sequence of float
        Their spacing in array order.
    grid_shape, grid_spacing_um : sequence
        The wanted grid, in array order.
    to_volume : AffineMap
        Maps the wanted grid's points to the volume's.
    nearest : bool
        Take the nearest sample (labels) instead of linear interpolation.
    outside : float
        Value outside the volume.

    Returns
    -------
    ndarray, shape grid_shape
        The resampled values, in the volume's type.

    Examples
    --------
    >>> volume = np.arange(8.0).reshape(2, 2, 2)
    >>> one_right = AffineMap.from_parts(np.eye(3), (1.0, 0.0, 0.0))
    >>> resample(volume, (1.0, 1.0, 1.0), (2, 2, 2), (1.0, 1.0, 1.0), one_right, outside=-1.0)[0].tolist()
    [[1.0, -1.0], [3.0, -1.0]]
    """
    import SimpleITK as sitk  # noqa: N813

    target = sitk.ResampleImageFilter()
    target.SetSize([int(n) for n in reversed(tuple(grid_shape))])
    target.SetOutputSpacing([float(s) for s in reversed(tuple(grid_spacing_um))])
    target.SetTransform(to_volume.to_itk())
    target.SetInterpolator(sitk.sitkNearestNeighbor if nearest else sitk.sitkLinear)
    target.SetDefaultPixelValue(outside)
    return np.asarray(sitk.GetArrayFromImage(target.Execute(to_itk_image(volume, spacing_um))))


def displacement_um(a: AffineMap, b: AffineMap, points: ArrayLike) -> NDArray[np.float64]:
    """Distance between where two maps send each point.

    Parameters
    ----------
    a, b : AffineMap
        The maps, into one frame.
    points : array_like, shape (..., 3)
        Points (x, y, z) of the frame that they map from, um.

    Returns
    -------
    ndarray, shape (...)
        Distances in um.

    Examples
    --------
    >>> shift = AffineMap.from_parts(np.eye(3), (3.0, 4.0, 0.0))
    >>> displacement_um(AffineMap.identity(), shift, [[0.0, 0.0, 0.0]]).tolist()
    [5.0]
    """
    return np.asarray(np.linalg.norm(a(points) - b(points), axis=-1))
