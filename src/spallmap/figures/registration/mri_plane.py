"""The plane of an MRI that its picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MriPlane:
    """One plane of an MRI with what belongs to it.

    Parameters
    ----------
    magnitude : ndarray, shape (ny, nx)
        On the scale of one coil's noise.
    model : ndarray, shape (ny, nx), or None
        Amplitude without noise.
    exclude : ndarray of bool, shape (ny, nx), or None
        Pixels that the registration did not look at.
    spacing_um : tuple of float
        Along y, x.
    """

    magnitude: NDArray[np.float64]
    model: NDArray[np.float64] | None
    exclude: NDArray[np.bool_] | None
    spacing_um: tuple[float, ...]


def single_coil_magnitude(image: NDArray[Any], sigma: float, n_coils: int) -> NDArray[np.float64]:
    """Take the mean power of the other coils' noise from a root of the sum of squares over coils.

    What is left has one coil's noise floor.
    """
    power = image.astype(np.float64) ** 2 - 2.0 * (n_coils - 1) * sigma**2
    return np.asarray(np.sqrt(np.maximum(power, 0.0)))


def brightest_plane(
    image: NDArray[Any],
    model: NDArray[Any] | None,
    sigma: float,
    spacing_um: Sequence[float],
    exclude: NDArray[np.bool_] | None,
    n_coils: int,
) -> MriPlane:
    """Choose the slice with the brightest model, or with the brightest image where there is none.

    Parameters
    ----------
    image : ndarray, shape (ny, nx) or (n_slices, ny, nx)
        Magnitude.
    model : ndarray, of the image's shape, optional
        Amplitude without noise.
    sigma : float
        Noise of one channel of one coil.
    spacing_um : sequence of float
        Of the image's axes.
    exclude : ndarray of bool, of the image's shape, optional
        Pixels that the registration did not look at.
    n_coils : int
        Coils whose squares were summed to the magnitude.

    Returns
    -------
    MriPlane
        A projection is its own plane.
    """
    magnitude = single_coil_magnitude(np.asarray(image), sigma, n_coils)
    amplitude = None if model is None else np.asarray(model, dtype=np.float64)
    if magnitude.ndim == 3:
        shown = magnitude if amplitude is None else amplitude
        k = int(np.argmax(shown.sum(axis=(1, 2))))
        magnitude = magnitude[k]
        amplitude = None if amplitude is None else amplitude[k]
        exclude = None if exclude is None else exclude[k]
    return MriPlane(magnitude, amplitude, exclude, tuple(spacing_um)[-2:])
