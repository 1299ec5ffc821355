"""Electron microscope images: TIFF with the pixel size in the vendor's own tag, and a data bar."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader, length_in_um
from spallmap.readers.tiff_files import is_tiff_name, open_tiff, pick_spacing, read_series, spacing_from_tags
from spallmap.sections.databar import find_data_bar, specimen_mask

if TYPE_CHECKING:
    import tifffile

AXES = ("y", "x")
# Zeiss writes the field's width and a pixel size; they are held to agree within the digits that are written.
ZEISS_AGREEMENT = 0.01
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
    if tif.sem_metadata:
        size = zeiss_pixel_size_um(tif.sem_metadata, shape[1])
        return ImageInfo(shape, AXES, None if size is None else (size, size), dtype, "Zeiss SEM TIFF")
    if tif.fei_metadata:
        meta = {"data_bar_row": fei_data_bar_row(tif.fei_metadata, shape[0])}
        return ImageInfo(shape, AXES, fei_pixel_size_um(tif.fei_metadata), dtype, "FEI SEM TIFF", meta)
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


def zeiss_pixel_size_um(metadata: dict[str, Any], n_columns: int) -> float | None:
    """Pixel size of a Zeiss image.

    The pixel size that is written can belong to a scan of 1024 columns although the image was stored with
    fewer; the width of the field divided by the image's columns cannot be wrong in this way, so it decides
    where the two disagree.

    Parameters
    ----------
    metadata : dict
        The vendor's tag 34118: entries (name, value, unit).
    n_columns : int
        Columns of the stored image.

    Returns
    -------
    float or None
        Pixel size in um; None where the tag does not say it.
    """
    sizes = [_entry_um(metadata, key) for key in ("ap_image_pixel_size", "ap_pixel_size")]
    written = next((s for s in sizes if s is not None), None)
    width = _entry_um(metadata, "ap_width")
    if width is None:
        return written
    from_width = width / n_columns
    agree = written is not None and math.isclose(written, from_width, rel_tol=ZEISS_AGREEMENT)
    return written if agree else from_width


def _entry_um(metadata: dict[str, Any], key: str) -> float | None:
    entry = metadata.get(key)
    if not isinstance(entry, tuple) or len(entry) < 3 or not isinstance(entry[1], (int, float)):
        return None
    size = length_in_um(float(entry[1]), str(entry[2]))
    return size if size is not None and math.isfinite(size) and size > 0 else None


def fei_pixel_size_um(metadata: dict[str, Any]) -> tuple[float, float] | None:
    """Pixel size of an FEI or Thermo Fisher image.

    Parameters
    ----------
    metadata : dict
        The vendor's tag 34682; its section ``Scan`` holds the sizes in metres.

    Returns
    -------
    tuple of float or None
        (row spacing, column spacing) in um; None where the tag does not say it.
    """
    scan = metadata.get("Scan", {})
    sizes = [scan.get(key) for key in ("PixelHeight", "PixelWidth")]
    if not all(isinstance(s, (int, float)) and s > 0 for s in sizes):
        return None
    return 1e6 * float(sizes[0]), 1e6 * float(sizes[1])


def fei_data_bar_row(metadata: dict[str, Any], n_rows: int) -> int | None:
    """First row of the data bar as an FEI tag says it, or None."""
    rows = metadata.get("Image", {}).get("ResolutionY")
    return int(rows) if isinstance(rows, (int, float)) and 0 < rows < n_rows else None


READER = Reader(
    name="SEM TIFF",
    modalities=("sem",),
    accepts="one grey TIFF (Zeiss and FEI tags, OME and ImageJ pixel sizes are read)",
    claims=claims,
    files=files,
    probe=probe,
    load=load,
)
