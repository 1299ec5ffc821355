"""Electron microscope images: TIFF with the pixel size in the vendor's own tag, and a data bar.

A vendor is one module whose ``read_tag`` takes the open file and its (rows, columns) and gives a
:class:`~spallmap.readers.sem.vendor_tag.VendorTag`, or None where the file is another vendor's; it is named
in ``VENDORS``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.sem import fei, zeiss
from spallmap.readers.sem.data_bar import find_data_bar, specimen_mask
from spallmap.readers.tiff_files import is_tiff_name, open_tiff, pick_spacing, read_series, spacing_from_tags

if TYPE_CHECKING:
    import tifffile

AXES = ("y", "x")
# A new vendor is one module here, with its line in this list.
VENDORS = (zeiss.read_tag, fei.read_tag)
GREY_IMAGE = "one grey image"


def claims(path: Path) -> bool:
    """Whether the path is a TIFF file."""
    return path.is_file() and is_tiff_name(path)


def files(path: Path) -> tuple[Path, ...]:
    """List the file itself."""
    return (path,)


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
        info = _info(path, tif)
        data = _grey(path, read_series(path, tif)).reshape(info.shape)
    bar = info.meta.get("data_bar_row")
    first_bar_row = find_data_bar(data) if bar is None else bar
    meta = {**info.meta, "data_bar_row": first_bar_row}
    with_bar = ImageInfo(info.shape, info.axes, info.spacing_um, info.dtype, info.format, meta)
    return Loaded(with_bar, data, specimen_mask((info.shape[0], info.shape[1]), first_bar_row))


def _info(path: Path, tif: tifffile.TiffFile) -> ImageInfo:
    series = tif.series[0]
    kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
    axes = "".join(a for a, _ in kept)
    if axes not in ("YX", "YXS", "SYX") or np.dtype(series.dtype).kind not in "uif":
        raise InputError(str(path), f"axes {axes} of type {series.dtype}", GREY_IMAGE)
    shape = tuple(n for a, n in kept if a in "YX")
    dtype = str(np.dtype(series.dtype).newbyteorder("="))
    for read_tag in VENDORS:
        tag = read_tag(tif, (shape[0], shape[1]))
        if tag is not None:
            return ImageInfo(shape, AXES, tag.spacing_um, dtype, tag.format, dict(tag.meta))
    return ImageInfo(shape, AXES, pick_spacing(spacing_from_tags(tif), AXES), dtype, "TIFF")


def _grey(path: Path, data: NDArray[Any]) -> NDArray[Any]:
    """Take one of three equal colours; a coloured image has no grey value."""
    data = np.squeeze(data)
    if data.ndim == 2:
        return data
    colours = np.moveaxis(data, int(np.argmin(data.shape)), 0)[:3]
    if any(not np.array_equal(c, colours[0]) for c in colours[1:]):
        raise InputError(str(path), "a coloured image", GREY_IMAGE)
    grey: NDArray[Any] = colours[0]
    return grey


READER = Reader(
    name="SEM TIFF",
    modalities=("sem",),
    accepts="one grey TIFF (Zeiss and FEI tags, OME and ImageJ pixel sizes are read)",
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
