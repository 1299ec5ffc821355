"""A look at some slices of a TIFF stack, for samples that were cut off at the end of their range."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import DataWarning
from spallmap.readers.info import ImageInfo
from spallmap.readers.tiff_files.clipped_ends import ENDS

# Slices that are looked at, as fractions of their number, and bytes of each.
_SLICES, _BYTES = (0.25, 0.5, 0.75), 1 << 22
# A hot pixel or a grain of metal is no clipped scan; the walls of a steel can are.
_CLIPPED_FRACTION = 0.01
# Volumes of labels have few values, of which the largest is no end of a range.
_FEW_VALUES = 16


def sampled(n_slices: int) -> tuple[int, ...]:
    """Numbers of the slices that are looked at.

    Examples
    --------
    >>> sampled(100), sampled(2)
    ((25, 50, 75), (0, 1))
    """
    return tuple(sorted({min(int(fraction * n_slices), n_slices - 1) for fraction in _SLICES}))


def clipping_warning(
    path: Path, info: ImageInfo, read: Callable[[Region], NDArray[Any]], itemsize: int
) -> DataWarning | None:
    """Report a tomogram of integers many of whose brightest samples stand at the end of their range.

    Parameters
    ----------
    path : Path
        The stack, for the message.
    info : ImageInfo
        Its headers.
    read : callable
        Reads a region of the samples as they are stored, with black as the smallest.
    itemsize : int
        Bytes of a sample.

    Returns
    -------
    DataWarning or None
        None where few are, or the samples are no integers.

    Raises
    ------
    InputError
        If the slices that are looked at are damaged.
    """
    n_slices, rows, columns = info.shape
    height = max(1, min(rows, _BYTES // max(columns * itemsize, 1)))
    top = (rows - height) // 2
    numbers = sampled(n_slices)
    parts = [read((slice(k, k + 1), slice(top, top + height), slice(0, columns))) for k in numbers]
    samples = np.concatenate([part.ravel() for part in parts])
    if samples.dtype.kind not in "ui":
        return None
    largest, smallest = int(samples.max()), int(samples.min())
    if largest == smallest or largest not in ENDS:
        return None
    body = samples != smallest
    fraction = float((samples == largest).sum() / body.sum())
    if fraction < _CLIPPED_FRACTION or len(np.unique(samples)) <= _FEW_VALUES:
        return None
    found = (
        f"{100 * fraction:.1f} % of the samples of {len(numbers)} slices at {largest}, an end of their range"
    )
    advice = "what is brighter was cut off in the export: greys of the densest phase are too low"
    return DataWarning(str(path), found, advice)
