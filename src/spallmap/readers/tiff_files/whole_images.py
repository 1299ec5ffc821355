"""Reading a whole TIFF image as grey values."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.memory import check_fits
from spallmap.readers.tiff_files.directories import READABLE
from spallmap.readers.tiff_files.main_image import main_series, page_directories
from spallmap.readers.tiff_files.stored_values import SampleValues, stack_values

if TYPE_CHECKING:
    import tifffile


def series_values(
    path: Path, tif: tifffile.TiffFile
) -> tuple[tifffile.TiffPageSeries, tuple[SampleValues, ...], tuple[DataWarning, ...]]:
    """Choose the image with the data, and say how its samples become values.

    Parameters
    ----------
    path : Path
        Named in messages.
    tif : tifffile.TiffFile
        The open file.

    Returns
    -------
    tifffile.TiffPageSeries, tuple of SampleValues, tuple of DataWarning
        The series, one way for each of its pages, all of one type; and what is odd.

    Raises
    ------
    InputError
        As :func:`main_series` and :func:`stack_values`.
    """
    series = main_series(path, tif)
    pages, firsts = page_directories(path, series)
    values, warnings = stack_values(pages, np.dtype(series.dtype), firsts)
    return series, values, warnings


def read_series(path: Path, tif: tifffile.TiffFile) -> NDArray[Any]:
    """Read the data of an open TIFF as values, after checking that all its bytes are there.

    Parameters
    ----------
    path : Path
        Named in the message.
    tif : tifffile.TiffFile
        The open file.

    Returns
    -------
    ndarray
        The values, calibrated and with black as the smallest.

    Raises
    ------
    InputError
        If a page is missing or ends beyond the end of the file, or would not fit in memory.
    """
    series, values, _ = series_values(path, tif)
    check_fits(str(path), series.shape, series.dtype)
    for number, page in enumerate(series.pages):
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if any(n == 0 for n in page.databytecounts) or max(ends, default=0) > page.parent.filehandle.size:
            raise InputError(str(path), f"page {number} cut short", READABLE)
    offset = series.dataoffset
    if offset is not None and offset + series.nbytes > series.pages[0].parent.filehandle.size:
        raise InputError(str(path), "fewer samples than the header announces", READABLE)
    data: NDArray[Any] = series.asarray()
    if len(set(values)) == 1:
        return values[0].apply(data)
    planes = data.reshape(len(values), math.prod(data.shape) // len(values))
    applied = np.stack([value.apply(plane) for value, plane in zip(values, planes, strict=True)])
    return applied.reshape(data.shape)
