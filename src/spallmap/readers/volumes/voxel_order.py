"""Whether plain voxels are of the type, byte order and row length that their header says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.checks.stored_words import FEWEST, SMOOTHER, refuse_other_words
from spallmap.readers.volumes.raw import RawLayout, RawVolume

# Slices that are looked at, as fractions of the height, and at most this many rows and columns of each.
_SLICES, _MOST_SIDE = (0.25, 0.5, 0.75), 128
# Voxels one after another that are looked at for the length of a row, and eight rows at least.
_LEAST_VOXELS = 1 << 16
# Step from row to row over distance from the median. Rows of another length shear a smooth image: 0.3 was
# seen for a round cell. Rows that fit are below 0.1 unless there is noise, which no length makes less.
SHEARED = 0.15


def check_voxels(source_label: str, raw: RawVolume, layout: RawLayout) -> None:
    """Refuse voxels that make an image in another byte order, type or order of axes alone.

    Parameters
    ----------
    source_label : str
        The file with the voxels, for messages.
    raw : RawVolume
        Reads them.
    layout : RawLayout
        What the header says.

    Raises
    ------
    InputError
        If neighbours are alike only with their bytes swapped, or in rows as long as another axis.
    """
    plain = raw.with_layout(replace(layout, slope=1.0, intercept=0.0))
    n_slices, n_rows, n_columns = layout.shape
    rows, columns = (_middle(n, _MOST_SIDE) for n in (n_rows, n_columns))
    at = sorted({int(f * n_slices) for f in _SLICES})
    parts = [plain.read((slice(z, z + 1), rows, columns)) for z in at]
    refuse_other_words(source_label, np.concatenate(parts), layout.header.name)
    wanted = -(-max(_LEAST_VOXELS, 8 * max(layout.shape)) // n_columns)  # rows
    whole = wanted >= n_rows
    z = _middle(n_slices, -(-wanted // n_rows)) if whole else slice(n_slices // 2, n_slices // 2 + 1)
    run = plain.read((z, slice(0, n_rows) if whole else _middle(n_rows, wanted), slice(0, n_columns)))
    other = other_row_length(run.ravel(), layout.shape)
    if other is not None:
        found = f"voxels that make rows of {other}, not of {n_columns}"
        allowed = (
            f"{layout.said}, as {layout.header.name} says: see whether its sizes stand in the order x, y, z"
        )
        raise InputError(source_label, found, allowed)


def _middle(n: int, most: int) -> slice:
    """Take the middle of an axis, at most so many."""
    start = max(0, (n - most) // 2)
    return slice(start, min(n, start + most))


def other_row_length(run: NDArray[Any], shape: tuple[int, ...]) -> int | None:
    """Length of rows that makes neighbours alike where the last of a shape does not.

    Parameters
    ----------
    run : ndarray, one axis
        Voxels in a row, in stored order.
    shape : tuple of int
        Number of voxels along z, y and x, as the header says.

    Returns
    -------
    int or None
        None where the header's own is as good, or where chance would decide.

    Examples
    --------
    >>> image = np.hypot(*np.ogrid[-30:30, -40:40]) < 20
    >>> other_row_length(image.ravel(), (9, 80, 60))
    80
    >>> other_row_length(image.ravel(), (9, 60, 80)) is None
    True
    """
    own = shape[-1]
    lengths = [n for n in dict.fromkeys(shape[:-1]) if n not in (own, 1) and 4 * n <= run.size]
    if own == 1 or run.size < max(FEWEST, 4 * own) or not lengths:
        return None
    with np.errstate(invalid="ignore", over="ignore"):
        values = run.astype(np.float64)
        spread = float(np.mean(np.abs(values - np.median(values))))
        steps = {n: float(np.mean(np.abs(values[n:] - values[:-n]))) for n in (own, *lengths)}
    best = min(lengths, key=lambda n: steps[n])
    if not np.isfinite(spread) or steps[own] <= SHEARED * spread or steps[best] >= SMOOTHER * steps[own]:
        return None
    return best
