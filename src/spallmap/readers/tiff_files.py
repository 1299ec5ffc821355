"""Opening TIFF files so that damage is noticed, and the pixel sizes that they carry."""

from __future__ import annotations

import contextlib
import logging
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.info import length_in_um

if TYPE_CHECKING:
    import tifffile

SUFFIXES = (".tif", ".tiff", ".btf", ".tf8")
DAMAGE = (
    ValueError,
    OSError,
    RuntimeError,
    KeyError,
    IndexError,
    EOFError,
    TypeError,
    ZeroDivisionError,
    AssertionError,  # what tifffile takes for granted of a header
    struct.error,
    ET.ParseError,
)
READABLE = "a complete TIFF file"


def is_tiff_name(path: Path) -> bool:
    """Whether a name ends like a TIFF's and is not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def tiff_names(folder: Path) -> tuple[Path, ...]:
    """List the TIFF files of a folder, sorted by name."""
    return tuple(sorted(p for p in folder.iterdir() if is_tiff_name(p) and p.is_file()))


def holds_tiff(path: Path) -> bool:
    """Whether the path is a TIFF file or a folder that holds some."""
    return is_tiff_name(path) if path.is_file() else path.is_dir() and bool(tiff_names(path))


class _Complaints(logging.Handler):
    """Collects what tifffile logs instead of raising."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@contextlib.contextmanager
def _complaints() -> Iterator[list[str]]:
    logger = logging.getLogger("tifffile")
    handler = _Complaints()
    propagate = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler.messages
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


@contextlib.contextmanager
def open_tiff(path: Path) -> Iterator[tifffile.TiffFile]:
    """Open a TIFF; damage met inside the block becomes an error that names the file.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    tifffile.TiffFile
        The open file.

    Raises
    ------
    InputError
        If the file is missing, is no TIFF, or is cut short.
    """
    import tifffile  # its import takes a fifth of a second, too long for a dry run

    if not path.is_file():
        raise InputError(str(path), "no such file", READABLE)
    try:
        with _complaints() as messages, tifffile.TiffFile(path) as tif:
            yield tif
    except tifffile.TiffFileError as error:
        raise InputError(str(path), f"no readable TIFF ({error})", READABLE) from error
    except DAMAGE as error:
        raise InputError(str(path), f"a damaged TIFF ({error})", READABLE) from error
    if messages and any("corrupt" in m or "invalid" in m or "missing" in m for m in messages):
        raise InputError(str(path), f"a damaged TIFF ({messages[0]})", READABLE)


def read_series(path: Path, tif: tifffile.TiffFile) -> NDArray[Any]:
    """Read the first series of an open TIFF, after checking that all its bytes are there.

    Parameters
    ----------
    path : Path
        Named in the message.
    tif : tifffile.TiffFile
        The open file.

    Returns
    -------
    ndarray
        The samples.

    Raises
    ------
    InputError
        If a page is missing or ends beyond the end of the file.
    """
    series = tif.series[0]
    for number, page in enumerate(series.pages):
        if page is None:
            raise InputError(str(path), f"page {number} of {len(series.pages)} missing", READABLE)
        ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
        if any(n == 0 for n in page.databytecounts) or max(ends, default=0) > page.parent.filehandle.size:
            raise InputError(str(path), f"page {number} cut short", READABLE)
    offset = series.dataoffset
    if offset is not None and offset + series.nbytes > tif.filehandle.size:
        raise InputError(str(path), "fewer samples than the header announces", READABLE)
    data: NDArray[Any] = series.asarray()
    return data


def spacing_from_tags(tif: tifffile.TiffFile) -> dict[str, float]:
    """Pixel sizes of an OME or ImageJ TIFF.

    The resolution tags of other TIFFs are left alone: most writers put the screen's dots per inch there.

    Parameters
    ----------
    tif : tifffile.TiffFile
        The open file.

    Returns
    -------
    dict
        Spacing in um by axis (``"x"``, ``"y"``, ``"z"``) as far as the file says it.
    """
    if tif.ome_metadata:
        return _ome_spacing(tif.ome_metadata)
    if tif.imagej_metadata:
        return _imagej_spacing(tif)
    return {}


def _ome_spacing(xml: str) -> dict[str, float]:
    pixels = ET.fromstring(xml).find(".//{*}Pixels")
    found = {}
    for axis in "xyz":
        size = None if pixels is None else pixels.get(f"PhysicalSize{axis.upper()}")
        if pixels is None or size is None:
            continue
        length = length_in_um(float(size), pixels.get(f"PhysicalSize{axis.upper()}Unit", "µm"))
        if length is not None:
            found[axis] = length
    return found


def _imagej_spacing(tif: tifffile.TiffFile) -> dict[str, float]:
    metadata = tif.imagej_metadata or {}
    unit = str(metadata.get("unit", "pixel"))
    lengths: dict[str, float | None] = {}
    for axis, tag in (("x", "XResolution"), ("y", "YResolution")):
        if tag in tif.pages[0].tags:
            per_unit, per = tif.pages[0].tags[tag].value
            lengths[axis] = length_in_um(per / per_unit, unit) if per_unit else None
    if "spacing" in metadata:
        lengths["z"] = length_in_um(float(metadata["spacing"]), unit)
    return {axis: float(np.float64(v)) for axis, v in lengths.items() if v is not None}


def pick_spacing(found: dict[str, float], axes: tuple[str, ...]) -> tuple[float, ...] | None:
    """Spacing along `axes`, or None unless all of them are known."""
    return tuple(found[a] for a in axes) if all(a in found for a in axes) else None
