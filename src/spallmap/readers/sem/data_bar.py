"""Finding the data bar that electron microscopes burn into the bottom of their images."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# A drawn row repeats its left neighbour in most of its pixels (0.6 and more even across text); a scanned row
# of an 8-bit image with a noise of one grey level does so in a third.
DRAWN_ROW = 0.5
# A bar's first row is drawn over its whole width.
FULL_ROW = 0.9
# Fraction of the pixels with a texture above the edge that must give way to the bar in one row: a drawn edge
# is straight, a specimen's is not.
STRAIGHT_EDGE = 0.9
# That texture fills about as much of the rows before it; below a specimen with a bent edge it would fade out.
ROWS_BEFORE, SAME_BEFORE = 12, 0.8
# Between a single line of small print and a bar with a large logo.
HEIGHT_RANGE = (0.015, 0.35)
# Text and scale line cover at least this fraction of a bar and stand out by this fraction of the grey range.
INK_FRACTION = 0.002
INK_CONTRAST = 0.25
# Rows between two drawn ones that a line with a soft edge may spoil.
SPOILT_ROWS = 2
# Rows that the edge's margin has, so that one clipped row is no bar.
MARGIN_ROWS = 3


def find_data_bar(image: NDArray[Any]) -> int | None:
    """Find the first row of a data bar at the bottom of an image.

    A data bar is drawn, not scanned: neighbouring pixels are exactly alike, it starts at a straight edge over
    the full width, and it holds text or a scale line. An area that is merely clipped has no such edge or no
    such ink and is no bar.

    Parameters
    ----------
    image : ndarray, shape (rows, columns)
        Grey values of any real type.

    Returns
    -------
    int or None
        Index of the bar's first row; None where there is no bar.

    Examples
    --------
    >>> image = np.random.default_rng(1).integers(80, 120, (200, 260), dtype=np.uint8)
    >>> find_data_bar(image) is None
    True
    >>> image[170:] = 0  # the bar
    >>> image[180:184, 20:90] = 255  # its scale line
    >>> find_data_bar(image)
    170
    """
    n_rows = image.shape[0]
    if min(image.shape) < 2 * MARGIN_ROWS or image.min() == image.max():
        return None
    height_min, height_max = (int(np.ceil(fraction * n_rows)) for fraction in HEIGHT_RANGE)
    top_of_run = _first_drawn_row(image, n_rows - height_max)
    for row in range(max(top_of_run, n_rows - height_max, 1), n_rows - max(height_min, MARGIN_ROWS) + 1):
        if _is_bar_edge(image, row) and _has_ink(image[row:]):
            return row
    return None


def specimen_mask(shape: tuple[int, int], first_bar_row: int | None) -> NDArray[np.bool_]:
    """Mask that is False in the data bar.

    Parameters
    ----------
    shape : tuple of int
        (rows, columns).
    first_bar_row : int or None
        The bar's first row; None without a bar.

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        True where the image shows the specimen.

    Examples
    --------
    >>> specimen_mask((4, 2), first_bar_row=3).tolist()
    [[True, True], [True, True], [True, True], [False, False]]
    """
    mask = np.ones(shape, dtype=bool)
    if first_bar_row is not None:
        mask[first_bar_row:] = False
    return mask


def _first_drawn_row(image: NDArray[Any], stop: int) -> int:
    """Top of the run of drawn rows that reaches the bottom; not looked for above the row `stop`."""
    first, spoilt = int(image.shape[0]), 0
    for row in range(first - 1, max(stop - SPOILT_ROWS, 0) - 1, -1):
        drawn = np.mean(image[row, 1:] == image[row, :-1]) >= DRAWN_ROW
        spoilt = 0 if drawn else spoilt + 1
        if spoilt > SPOILT_ROWS:
            break
        if drawn:
            first = row
    return first


def _commonest(row: NDArray[Any]) -> Any:
    values, counts = np.unique(row, return_counts=True)
    return values[np.argmax(counts)]


def _is_bar_edge(image: NDArray[Any], row: int) -> bool:
    """Whether texture above gives way to full drawn rows, in one row and over the whole width."""
    below = image[row : row + MARGIN_ROWS]
    paper = [_commonest(r) for r in below]
    if min((r == p).mean() for r, p in zip(below, paper, strict=True)) < FULL_ROW:
        return False
    textured = image[row - 1] != paper[0]
    before = (image[max(row - ROWS_BEFORE, 0) : row] != paper[0]).mean(axis=1)
    if textured.mean() < max(1.0 - FULL_ROW, SAME_BEFORE * before.max()):
        return False
    return bool((below[0][textured] == paper[0]).mean() >= STRAIGHT_EDGE)


def _has_ink(bar: NDArray[Any]) -> bool:
    low, high = float(bar.min()), float(bar.max())
    paper = float(_commonest(bar))
    contrast = INK_CONTRAST * (high - low)
    # row by row: a bar of a large mosaic takes no eightfold copy
    ink = sum(int(np.count_nonzero(np.abs(row.astype(np.float64) - paper) > contrast)) for row in bar)
    return bool(high > low and ink / bar.size >= INK_FRACTION)
