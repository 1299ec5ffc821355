"""Plane images on square grids: what an inset and an overview are brought to before they are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Sheet:
    """A plane image on a square grid.

    Parameters
    ----------
    values : ndarray, shape (k, ny, nx)
        One or more channels; 0 where masked.
    mask : ndarray of bool, shape (ny, nx)
        Where the samples show the specimen.
    spacing_um : float
        Along rows and columns.
    """

    values: FloatArray
    mask: NDArray[np.bool_]
    spacing_um: float


def resample_sheet(
    channels: NDArray[np.float64],
    mask: NDArray[np.bool_],
    spacing_um: Sequence[float],
    grid_um: float,
    blur_um: float,
) -> Sheet:
    """Blur an image to a wanted width and sample it on a square grid that starts at the first sample.

    Parameters
    ----------
    channels : ndarray, shape (k, ny, nx)
        The image.
    mask : ndarray of bool, shape (ny, nx)
        Masked samples neither count nor bleed into others.
    spacing_um : sequence of float
        (row spacing, column spacing).
    grid_um : float
        Spacing of the wanted grid.
    blur_um : float
        Wanted Gaussian sigma, the samples' own aperture (a box: its variance is a twelfth of its width
        squared) counted in.

    Returns
    -------
    Sheet
        A sample is masked where less than half of its weight showed the specimen.
    """
    sigma = [float(np.sqrt(max(blur_um**2 - s**2 / 12.0, 0.0))) / s for s in spacing_um]
    weight = ndimage.gaussian_filter(mask.astype(np.float64), sigma, mode="constant")
    shape = [int((n - 1) * s / grid_um) + 1 for n, s in zip(mask.shape, spacing_um, strict=True)]
    indices = np.stack(
        np.meshgrid(
            *(np.arange(n) * grid_um / s for n, s in zip(shape, spacing_um, strict=True)), indexing="ij"
        )
    )
    sampled_weight = ndimage.map_coordinates(weight, indices, order=1, mode="nearest")
    nearest = ndimage.map_coordinates(mask.astype(np.uint8), indices, order=0, mode="nearest") > 0
    kept = nearest & (sampled_weight > 0.25)
    values = []
    for channel in channels:
        blurred = ndimage.gaussian_filter(np.where(mask, channel, 0.0), sigma, mode="constant")
        sampled = ndimage.map_coordinates(blurred, indices, order=1, mode="nearest")
        values.append(np.where(kept, sampled / np.maximum(sampled_weight, 1e-6), 0.0))
    return Sheet(np.stack(values), kept, grid_um)
