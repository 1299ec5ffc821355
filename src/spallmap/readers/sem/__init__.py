"""Electron microscope images: TIFF with the pixel size in the vendor's own tag, and a data bar.

A vendor is one module whose ``read_tag`` takes the page with the image and its (rows, columns) and gives a
:class:`~spallmap.readers.sem.vendor_tag.VendorTag`, or None where the page is another vendor's; it is named
in ``VENDORS``.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.memory import check_fits
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.sem import fei, jeol, tescan, zeiss
from spallmap.readers.sem.data_bar import find_data_bar, specimen_mask
from spallmap.readers.tiff_files import (
    clipped_ends,
    is_tiff_name,
    open_tiff,
    pick_spacing,
    read_series,
    series_values,
    spacing_from_tags,
)

if TYPE_CHECKING:
    import tifffile

AXES = ("y", "x")
# A new vendor is one module here, with its line in this list.
VENDORS = (zeiss.read_tag, fei.read_tag, tescan.read_tag, jeol.read_tag)
GREY_IMAGE = "one grey image"


def claims(path: Path) -> bool:
    """Whether the path is a TIFF file."""
    return path.is_file() and is_tiff_name(path)


def files(path: Path) -> tuple[Path, ...]:
    """List the file, and the text beside it that its pixel size comes from.

    Raises
    ------
    InputError
        If there is such a text that cannot be read.
    """
    beside = jeol.sidecar(path)
    return (path,) if beside is None else (path, beside)


def probe(path: Path) -> ImageInfo:
    """Read size, type, pixel size and vendor.

    Raises
    ------
    InputError
        If this is no single grey image.
    """
    with open_tiff(path) as tif:
        return _info(path, tif)


def load(path: Path) -> Loaded:
    """Read the image and mask its data bar.

    Raises
    ------
    InputError
        If the file is damaged, or is no single grey image.
    """
    with open_tiff(path) as tif:
        info, axes = _described(path, tif)
        data = _grey(path, read_series(path, tif), axes).reshape(info.shape)
    if data.dtype.kind == "f" and not np.isfinite(data).all():
        n = int(np.count_nonzero(~np.isfinite(data)))
        allowed = "numbers everywhere: export the image as whole numbers"
        raise InputError(str(path), f"{n} pixels that are no number (NaN or infinite)", allowed)
    bar = info.meta.get("data_bar_row")
    first_bar_row = find_data_bar(data) if bar is None else bar
    mask = specimen_mask((info.shape[0], info.shape[1]), first_bar_row)
    specimen = data[:first_bar_row]
    odd, clipped = clipped_ends(str(path), data, len(specimen))
    if specimen.size and not odd and np.all(specimen == specimen.flat[0]):
        found = f"all pixels {specimen.flat[0]:g}"
        odd = (DataWarning(str(path), found, "the image shows nothing: see whether it was exported whole"),)
    info = replace(info, meta={**info.meta, "data_bar_row": first_bar_row}, warnings=(*info.warnings, *odd))
    return Loaded(info, data, mask, clipped)


def _info(path: Path, tif: tifffile.TiffFile) -> ImageInfo:
    return _described(path, tif)[0]


def _described(path: Path, tif: tifffile.TiffFile) -> tuple[ImageInfo, str]:
    """Read the headers; with them the axes of the stored samples."""
    series, values, warnings = series_values(path, tif)
    kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
    axes = "".join(a for a, _ in kept)
    if axes not in ("YX", "YXS", "SYX") or values[0].stored.kind not in "buif":
        found = f"axes {axes} of lengths {tuple(n for _, n in kept)} and type {series.dtype}"
        raise InputError(str(path), found, GREY_IMAGE)
    check_fits(str(path), series.shape, values[0].dtype)
    shape = tuple(n for a, n in kept if a in "YX")
    dtype = str(values[0].dtype)
    for read_tag in VENDORS:
        tag = read_tag(series.keyframe, (shape[0], shape[1]))
        if tag is not None:
            odd = (*warnings, *tag.warnings)
            return ImageInfo(shape, AXES, tag.spacing_um, dtype, tag.format, dict(tag.meta), odd), axes
    spacing = pick_spacing(spacing_from_tags(tif, tif.series.index(series)), AXES)
    return ImageInfo(shape, AXES, spacing, dtype, "TIFF", {}, warnings), axes


def _grey(path: Path, data: NDArray[Any], axes: str) -> NDArray[Any]:
    """Take one of three equal colours; a coloured image has no grey value."""
    data = np.squeeze(data) if data.ndim != len(axes) else data
    if axes == "YX":
        return data
    colours = np.moveaxis(data, axes.index("S"), 0)[:3]
    if len(colours) < 3:
        raise InputError(str(path), "a grey image with a second channel (transparency)", GREY_IMAGE)
    if any(not np.array_equal(c, colours[0]) for c in colours[1:]):
        raise InputError(str(path), "a coloured image", GREY_IMAGE)
    grey: NDArray[Any] = np.ascontiguousarray(colours[0])
    return grey


READER = Reader(
    name="SEM TIFF",
    modalities=("sem",),
    accepts="one grey TIFF (Zeiss, FEI and Tescan tags, OME and ImageJ pixel sizes are read)",
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
