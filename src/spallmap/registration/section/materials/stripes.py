"""Takes the brightness of rows and columns off a section image."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from spallmap.registration.section.materials.masks import Mask

Maps = NDArray[np.float32]

# Length over which grains' greys are alike: about one grain of the ceramics of sodium cells.
GRAIN_UM = 14.0
# Least length of ceramic in a row or column whose brightness is taken off.
LEAST_UM = 100.0
# Variance of a median over that of a mean, normal values.
MEDIAN_VARIANCE = np.pi / 2.0


def without_stripes(grey: Maps, ceramic: Mask, spacing_um: tuple[float, float]) -> Maps:
    """Make the ceramic as bright in one row or column as in another.

    An ion beam leaves curtains along the columns, charging leaves bands along the rows, and detectors shade
    the field. The ceramic is one material: the median of its greys along a row or column is that line's
    brightness, as far as its grains leave it uncertain (a shrunken estimate).

    Parameters
    ----------
    grey : ndarray of float32, shape (rows, columns)
        The image.
    ceramic : ndarray of bool, shape (rows, columns)
        Where it shows ceramic, pores and cracks left out.
    spacing_um : tuple of float
        Row and column spacing.

    Returns
    -------
    ndarray of float32, shape (rows, columns)
        The image divided by the brightness of its rows and columns, which is 1 on average; as it was where
        grains explain their differences.

    References
    ----------
    James, Stein, "Estimation with quadratic loss", Proceedings of the Fourth Berkeley Symposium (1961).
    """
    flat = grey.copy()
    for axis in (1, 0):
        flat /= np.expand_dims(_brightness(flat, ceramic, axis, spacing_um), axis)
    return flat


def _brightness(grey: Maps, ceramic: Mask, axis: int, spacing_um: tuple[float, float]) -> Maps:
    """Brightness of the lines along an axis."""
    seen = ceramic & (grey > 0.0)
    length = seen.sum(axis=axis) * spacing_um[axis]
    enough = length > LEAST_UM
    brightness = np.ones(len(length), dtype=np.float32)
    if np.count_nonzero(enough) < 2:
        return brightness
    logs = np.full(grey.shape, np.nan, dtype=np.float32)
    logs[seen] = np.log(grey[seen])
    middle = float(np.nanmedian(logs))
    variance = float(1.4826 * np.nanmedian(np.abs(logs - middle))) ** 2
    with warnings.catch_warnings():
        # Lines without ceramic have no median, and need none.
        warnings.simplefilter("ignore", RuntimeWarning)
        level = np.nanmedian(logs, axis=axis)[enough] - middle
    by_grains = MEDIAN_VARIANCE * variance * GRAIN_UM / length[enough]
    true = max(float(np.mean(level**2 - by_grains)), 0.0)
    if true > 0.0:
        brightness[enough] = np.exp(level * true / (true + by_grains))
    return brightness
