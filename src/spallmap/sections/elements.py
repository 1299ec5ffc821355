"""Net counts of element maps and their standard deviation."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spallmap.errors import InputError

FloatMaps = NDArray[np.float32]

# Variance given to a pixel without a count. The Poisson variance equals the mean, which is not zero because
# none was seen: a flat prior on the mean gives it the variance counts + 1, so 1 where nothing was counted.
ZERO_COUNT_VARIANCE = 1.0


def net_counts(window: ArrayLike, background: ArrayLike | None = None) -> tuple[FloatMaps, FloatMaps]:
    """Turn window counts into net counts with their standard deviation.

    A map of window counts alone does not show how many of them are bremsstrahlung or belong to a
    neighbouring line: no background is invented, and the net counts are then the window's. Where the
    background under each window is known, as expected counts, it is subtracted; net counts may then be
    negative and are left so, because clipping would bias every mean that is taken later.

    Parameters
    ----------
    window : array_like, shape (n_elements, ny, nx)
        Counts in each element's energy window.
    background : array_like, broadcastable to `window`, optional
        Expected background counts in the same windows, taken as known exactly.

    Returns
    -------
    net : ndarray of float32, shape (n_elements, ny, nx)
        Net counts.
    sd : ndarray of float32, shape (n_elements, ny, nx)
        One standard deviation of them: the square root of the window's counts (Poisson), or of
        :data:`ZERO_COUNT_VARIANCE` where there are none.

    Raises
    ------
    InputError
        If counts are negative or not finite, or there is not one map of rows and columns per element.

    Examples
    --------
    >>> net, sd = net_counts([[[0, 4], [9, 16]]])
    >>> net.tolist(), sd.tolist()
    ([[[0.0, 4.0], [9.0, 16.0]]], [[[1.0, 2.0], [3.0, 4.0]]])
    >>> net_counts([[[0, 4]]], background=1.5)[0].tolist()
    [[[-1.5, 2.5]]]
    """
    counts = np.asarray(window, dtype=np.float64)
    if counts.ndim != 3 or counts.size == 0:
        raise InputError(
            "element maps", f"an array of shape {counts.shape}", "one map of rows and columns per element"
        )
    _check("element maps", counts)
    net = counts
    if background is not None:
        under = np.asarray(background, dtype=np.float64)
        _check("background of the element maps", under)
        net = counts - under
    variance = np.where(counts > 0.0, counts, ZERO_COUNT_VARIANCE)
    return net.astype(np.float32), np.sqrt(variance).astype(np.float32)


def _check(source_label: str, counts: NDArray[np.float64]) -> None:
    wrong = ~np.isfinite(counts) | (counts < 0.0)
    if wrong.any():
        raise InputError(
            source_label, f"{int(wrong.sum())} negative or non-finite counts", "counts of 0 and more"
        )
