"""Flat cuts through a volume and projections of it along an image's normal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spallmap.frames import (
    AffineMap,
    Points,
    grid_points,
    indices_to_points,
    points_to_indices,
    resample,
    sample_volume,
)


@dataclass(frozen=True)
class Cut:
    """A rectangle of sample points in a plane.

    Parameters
    ----------
    origin_um : ndarray, shape (3,)
        The first sample, in the frame of the volume to look at.
    across, up : ndarray, shape (3,)
        Unit vectors along the columns and along the rows.
    shape : tuple of int
        (rows, columns).
    step_um : float
        Distance of samples in both directions.
    """

    origin_um: NDArray[np.float64]
    across: NDArray[np.float64]
    up: NDArray[np.float64]
    shape: tuple[int, int]
    step_um: float

    def points(self) -> Points:
        """Every sample's point, shape (rows, columns, 3)."""
        rows, columns = (np.arange(n) * self.step_um for n in self.shape)
        return self.origin_um + rows[:, None, None] * self.up + columns[None, :, None] * self.across

    @property
    def extent_um(self) -> tuple[float, float, float, float]:
        """Outer edges for ``imshow(origin="lower")``, from the first sample: left, right, bottom, top."""
        half = self.step_um / 2.0
        return (-half, self.shape[1] * self.step_um - half, -half, self.shape[0] * self.step_um - half)

    def coordinates(self, points: ArrayLike) -> NDArray[np.float64]:
        """(across, up) of points, in micrometres from the first sample, shape (..., 2)."""
        d = np.asarray(points, dtype=np.float64) - self.origin_um
        return np.stack([d @ self.across, d @ self.up], axis=-1)


def box_corners(shape: Sequence[int], spacing_um: Sequence[float]) -> Points:
    """Return the eight corner samples of a volume, shape (8, 3)."""
    last = np.asarray(shape, dtype=np.float64) - 1.0
    corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij")).reshape(3, -1).T * last
    return indices_to_points(corners, spacing_um)


def cut_through(
    point_um: ArrayLike,
    across: ArrayLike,
    up: ArrayLike,
    shape: Sequence[int],
    spacing_um: Sequence[float],
    step_um: float | None = None,
) -> Cut:
    """Cover a volume's cut by a plane.

    Parameters
    ----------
    point_um : array_like, shape (3,)
        A point of the plane.
    across, up : array_like, shape (3,)
        Directions of the columns and the rows; `up` is made perpendicular to `across`.
    shape, spacing_um : sequence
        The volume's grid, in array order.
    step_um : float, optional
        Distance of samples; the finest spacing where absent.

    Returns
    -------
    Cut
        Just large enough for the shadow of the volume's box on the plane.
    """
    e = np.asarray(across, dtype=np.float64)
    e = e / np.linalg.norm(e)
    f = np.asarray(up, dtype=np.float64)
    f = f - (f @ e) * e
    f = f / np.linalg.norm(f)
    step = float(min(spacing_um)) if step_um is None else step_um
    p = np.asarray(point_um, dtype=np.float64)
    d = box_corners(shape, spacing_um) - p
    low = np.array([(d @ e).min(), (d @ f).min()])
    high = np.array([(d @ e).max(), (d @ f).max()])
    columns, rows = (int(n) for n in np.floor((high - low) / step + 1e-6) + 1)
    return Cut(p + low[0] * e + low[1] * f, e, f, (rows, columns), step)


def look(
    volume: NDArray[Any],
    spacing_um: Sequence[float],
    cut: Cut,
    to_volume: AffineMap | None = None,
    *,
    nearest: bool = False,
) -> NDArray[np.float64]:
    """Sample a volume on a cut; NaN outside.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        The samples.
    spacing_um : sequence of float
        Their spacing.
    cut : Cut
        Where.
    to_volume : AffineMap, optional
        From the cut's frame to the volume's; identity where absent.
    nearest : bool
        For labels.

    Returns
    -------
    ndarray, shape cut.shape
        The values.
    """
    points = cut.points() if to_volume is None else to_volume(cut.points())
    return sample_volume(volume, spacing_um, points, order=0 if nearest else 1, outside=np.nan)


@dataclass(frozen=True)
class Projection:
    """Thicknesses summed along the lines of sight of an image.

    Parameters
    ----------
    thickness_um : ndarray, shape (ny, nx)
        Length of each line of sight inside the mask.
    spacing_um : tuple of float
        Sample distance along y, x.
    origin_um : tuple of float
        (x, y) of the first sample in the image's own frame.
    """

    thickness_um: NDArray[np.float64]
    spacing_um: tuple[float, float]
    origin_um: tuple[float, float]

    @property
    def extent_um(self) -> tuple[float, float, float, float]:
        """Outer edges for ``imshow(origin="upper")`` in the image's own frame."""
        (ny, nx), (dy, dx), (x0, y0) = self.thickness_um.shape, self.spacing_um, self.origin_um
        return (x0 - dx / 2.0, x0 + (nx - 0.5) * dx, y0 + (ny - 0.5) * dy, y0 - dy / 2.0)


def project(
    mask: NDArray[np.bool_],
    spacing_um: Sequence[float],
    image_to_volume: AffineMap,
    image_shape: Sequence[int],
    image_spacing_um: Sequence[float],
    step_um: float | None = None,
) -> Projection:
    """Sum a mask along the normal of an image, over the image's field.

    Parameters
    ----------
    mask : ndarray of bool, shape (nz, ny, nx)
        What to project.
    spacing_um : sequence of float
        Its spacing.
    image_to_volume : AffineMap
        From the image's frame to the volume's.
    image_shape, image_spacing_um : sequence
        The image's grid (rows, columns).
    step_um : float, optional
        Distance of lines of sight and of samples along them; the finest voxel where absent. Coarser steps may
        miss sheets of one voxel.

    Returns
    -------
    Projection
        On a grid over the image's field, independent of its pixels.
    """
    step = float(min(spacing_um)) if step_um is None else step_um
    depths = image_to_volume.inverse()(box_corners(mask.shape, spacing_um))[:, 2]
    (rows, columns), (dy, dx) = image_shape, image_spacing_um
    size = (
        int(np.ceil((depths.max() - depths.min()) / step)) + 1,
        max(int(np.ceil(rows * dy / step)), 1),
        max(int(np.ceil(columns * dx / step)), 1),
    )
    origin = np.array([(step - dx) / 2.0, (step - dy) / 2.0, depths.min()])
    to_volume = image_to_volume @ AffineMap.from_parts(np.eye(3), origin)
    sampled = resample(mask.astype(np.float32), spacing_um, size, (step, step, step), to_volume)
    thickness: NDArray[np.float64] = sampled.sum(axis=0, dtype=np.float64) * step
    return Projection(thickness, (step, step), (float(origin[0]), float(origin[1])))


def mean_per_pixel(
    fine: Projection, image_shape: Sequence[int], image_spacing_um: Sequence[float]
) -> NDArray[np.float64]:
    """Mean of a projection over each pixel of its image.

    Parameters
    ----------
    fine : Projection
        As from :func:`project`, over the same image's field.
    image_shape, image_spacing_um : sequence
        The image's grid (rows, columns).

    Returns
    -------
    ndarray, shape image_shape
        Micrometres; NaN in a pixel that no line of sight of the projection falls into.
    """
    (ny, nx), (y0, x0) = fine.thickness_um.shape, fine.origin_um[::-1]
    rows = np.rint((y0 + np.arange(ny) * fine.spacing_um[0]) / image_spacing_um[0]).astype(int)
    columns = np.rint((x0 + np.arange(nx) * fine.spacing_um[1]) / image_spacing_um[1]).astype(int)
    rows, columns = rows.clip(0, image_shape[0] - 1), columns.clip(0, image_shape[1] - 1)
    flat = (rows[:, None] * image_shape[1] + columns[None, :]).ravel()
    n = int(image_shape[0] * image_shape[1])
    total, count = np.bincount(flat, fine.thickness_um.ravel(), n), np.bincount(flat, minlength=n)
    mean: NDArray[np.float64] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean.reshape(tuple(image_shape))


def image_values_at(
    image: NDArray[Any], spacing_um: Sequence[float], points: ArrayLike, *, nearest: bool = False
) -> NDArray[np.float64]:
    """Look a plane image up at points of its own frame, along its normal; NaN outside its pixels.

    Parameters
    ----------
    image : ndarray, shape (ny, nx)
        The samples.
    spacing_um : sequence of float
        Their spacing along y, x.
    points : array_like, shape (..., 3)
        Points (x, y, z) of the image's own frame; z does not matter.
    nearest : bool
        For labels.

    Returns
    -------
    ndarray, shape (...)
        The values.
    """
    indices = points_to_indices(points, spacing_um)
    shape = np.asarray(image.shape)
    inside = np.all((indices > -0.5) & (indices < shape - 0.5), axis=-1)
    clipped = indices.clip(0, shape - 1)
    flat = np.concatenate([np.zeros((*clipped.shape[:-1], 1)), clipped], axis=-1)
    points3 = indices_to_points(flat, (1.0, 1.0, 1.0))
    values = sample_volume(image[None], (1.0, 1.0, 1.0), points3, order=0 if nearest else 1, outside=np.nan)
    return np.where(inside, values, np.nan)


def image_grid_in(to_reference: AffineMap, shape: Sequence[int], spacing_um: Sequence[float]) -> Points:
    """Where every pixel of an image lies in the reference frame, shape (ny, nx, 3)."""
    return to_reference(grid_points(shape, spacing_um))
