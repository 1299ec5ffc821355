"""By how much the decays depart from the model, and what that does to errors and to open intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Half the width in pixels of the square whose median chi-square speaks for the pixel in its middle. One pixel
# of five echoes has three degrees of freedom, and its own chi-square scatters by 0.8; the median of a full
# square by 0.2. An electrode four pixels thick fills half of one.
REACH = 3
# Pixels that a median needs.
MIN_MEDIAN_PIXELS = 8
# Standard errors by which a median must lie above what pure noise gives: of 1 000 clean maps of an electrode
# some tens have a square beyond it, whose errors become 1.3 times as large.
_SIGMAS = 3.0
# A single pixel whose chi-square pure noise exceeds this seldom is wider than its neighbours say: in a clean
# image of 256 x 256 six such pixels are expected.
_LONE = 1e-4
# Pixels looked at in one go, times the pixels of a square: some 50 MB.
_AT_ONCE = 2**17


def median_chi2(freedom: int) -> tuple[float, float]:
    """Median of a reduced chi-square of pure noise, and the standard error of the median of one, relative.

    Parameters
    ----------
    freedom : int
        Degrees of freedom, 1 or more.

    Returns
    -------
    median, spread : float
        The standard error of the median of n values is ``median * spread / sqrt(n)``.
    """
    middle = float(stats.chi2.median(freedom))
    return middle / freedom, float(0.5 / stats.chi2.pdf(middle, freedom) / middle)


def misfit_variances(chi2_reduced: Array, fitted: Flags, freedom: int, n_alike: float = 1.0) -> Array:
    """By how much the variance of each pixel's samples is larger than the noise explains.

    It is the median chi-square of the square of pixels around it over that of pure noise, where that stands
    out of its own scatter, or the pixel's own chi-square, where chance alone hardly makes one so large. It is
    never below 1: residuals that are too small speak against the noise level, not for smaller errors. In a
    list of pixels, which has no neighbourhood, the whole list is one square.

    Parameters
    ----------
    chi2_reduced : ndarray, shape of one echo
        Of each pixel.
    fitted : ndarray of bool, shape of one echo
        Pixels with a signal of their own.
    freedom : int
        Degrees of freedom of a pixel.
    n_alike : float
        Pixels that share one sample of the noise.

    Returns
    -------
    ndarray, shape of one echo
        1 or more; standard errors grow with its root.

    References
    ----------
    Birge, The calculation of errors by the method of least squares, Phys. Rev. 40 (1932) 207.
    """
    found = np.ones(chi2_reduced.shape)
    if freedom < 1 or not fitted.any():
        return found
    expected, spread = median_chi2(freedom)
    medians, counts = _local_medians(np.where(fitted, chi2_reduced, np.nan))
    ratio = medians / expected
    limit = 1.0 + _SIGMAS * spread * np.sqrt(n_alike / np.maximum(counts, 1))
    stands_out = fitted & (counts >= MIN_MEDIAN_PIXELS * n_alike) & (ratio > limit)
    found[stands_out] = ratio[stands_out]
    lone = fitted & (chi2_reduced > stats.chi2.isf(_LONE, freedom) / freedom)
    found[lone] = np.maximum(found[lone], chi2_reduced[lone])
    return found


def common_misfit(chi2_reduced: Array, freedom: int, n_alike: float = 1.0) -> float:
    """By how much the variance of several pixels' samples is larger than the noise explains.

    Parameters
    ----------
    chi2_reduced : ndarray, shape (n_pixels,)
        Of each pixel.
    freedom : int
        Degrees of freedom of a pixel.
    n_alike : float
        Pixels that share one sample of the noise.

    Returns
    -------
    float
        The ratio of their median to that of pure noise where it stands out of its own scatter, else 1.
    """
    if freedom < 1:
        return 1.0
    expected, spread = median_chi2(freedom)
    ratio = float(np.median(chi2_reduced)) / expected
    return ratio if ratio > 1.0 + _SIGMAS * spread * np.sqrt(n_alike / chi2_reduced.size) else 1.0


def _local_medians(values: Array) -> tuple[Array, NDArray[np.int64]]:
    """Median and number of the values that are not NaN in the square around each such pixel."""
    medians, counts = np.full(values.shape, np.nan), np.zeros(values.shape, dtype=np.int64)
    known = ~np.isnan(values)
    if values.ndim < 2:
        medians[known], counts[known] = np.median(values[known]), np.count_nonzero(known)
        return medians, counts
    width = 2 * REACH + 1
    step = max(1, _AT_ONCE // width**2 * width)
    for index in np.ndindex(values.shape[:-2]):
        padded = np.pad(values[index], REACH, constant_values=np.nan)
        squares = np.lib.stride_tricks.sliding_window_view(padded, (width, width))
        rows, columns = np.nonzero(known[index])
        for begin in range(0, rows.size, step):
            at = rows[begin : begin + step], columns[begin : begin + step]
            # NaN come last
            ordered = np.sort(squares[at].reshape(-1, width**2), axis=1)
            n = np.count_nonzero(~np.isnan(ordered), axis=1)
            line = np.arange(n.size)
            medians[index][at] = 0.5 * (ordered[line, (n - 1) // 2] + ordered[line, n // 2])
            counts[index][at] = n
    return medians, counts


def mostly_open(open_below: Flags, open_above: Flags, fitted: Flags) -> Flags:
    """Fitted pixels the intervals of whose nearest neighbours, itself included, are mostly open at one end.

    Where T2 lies beyond the echoes noise closes the interval of some pixels, of 2.5 % at least, and those are
    the ones with the most wrong T2.

    Parameters
    ----------
    open_below, open_above : ndarray of bool, shape of one echo
        Pixels whose interval has no lower or upper end.
    fitted : ndarray of bool, shape of one echo
        Pixels with a signal of their own; the others are not asked.

    Returns
    -------
    ndarray of bool, shape of one echo
        True for such pixels; in a list of pixels, which has no neighbourhood, the pixel itself decides.
    """
    if fitted.ndim < 2:
        alone: Flags = fitted & (open_below | open_above)
        return alone
    near = np.ones((1,) * (fitted.ndim - 2) + (3, 3), dtype=np.int64)

    def counted(flags: Flags) -> NDArray[np.int64]:
        total: NDArray[np.int64] = ndimage.convolve(flags.astype(np.int64), near, mode="constant")
        return total

    most = np.maximum(counted(fitted & open_below), counted(fitted & open_above))
    found: Flags = fitted & (2 * most > counted(fitted))
    return found
