"""Opening TIFF files so that damage and lies are noticed before a library believes them."""

from __future__ import annotations

import contextlib
import logging
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import entries
from spallmap.readers.tiff_files.descriptions import imagej_lines
from spallmap.readers.tiff_files.directories import MOST_PAGES, READABLE, TiffDirectory, read_directories
from spallmap.readers.tiff_files.ome_xml import ome_images, ome_text

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
    AttributeError,
    ArithmeticError,
    MemoryError,
    AssertionError,  # what tifffile takes for granted of a header
    struct.error,
    ET.ParseError,
)
# Read once, when a file is opened, and kept as long as it is open.
_DIRECTORIES: WeakKeyDictionary[tifffile.TiffFile, tuple[TiffDirectory, ...]] = WeakKeyDictionary()
# Kinds for which tifffile opens files that nobody named, or follows private directories.
_LEFT_ALONE = ("mmstack", "ndtiff", "eer", "bif", "scn", "svs", "ndpi", "avs", "philips", "qpi", "scanimage")


def is_tiff_name(path: Path) -> bool:
    """Whether a name ends like a TIFF's and is not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def tiff_names(folder: Path) -> tuple[Path, ...]:
    """List the TIFF files of a folder, sorted by name.

    Raises
    ------
    InputError
        If one is a broken link, a pipe, a device, or may not be read.
    """
    return entries(folder, is_tiff_name, READABLE)


def holds_tiff(path: Path) -> bool:
    """Whether the path is a TIFF file or a folder that holds some, by names alone."""
    return any(is_tiff_name(name) for name in path.iterdir()) if path.is_dir() else is_tiff_name(path)


def stack_files(path: Path) -> tuple[Path, ...]:
    """List the file itself and those that its OME-XML says planes stand in.

    Raises
    ------
    InputError
        If one of them is missing or no TIFF.
    """
    images = ome_images(path, read_directories(path))
    return tuple(dict.fromkeys((path, *(file for image in images for file in image.files))))


def directories_of(tif: tifffile.TiffFile) -> tuple[TiffDirectory, ...]:
    """Directories of a file that :func:`open_tiff` opened, or of another one that it names."""
    return _DIRECTORIES.get(tif) or read_directories(Path(tif.filehandle.path))


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

    Its directories are read and bounded first (:func:`read_directories`), and so are its OME-XML and the
    other files that it names, so that no header can ask for memory, files or time without end.

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
        If the file is missing, is no TIFF, is cut short, or announces what it does not hold.
    """
    import tifffile  # its import takes a fifth of a second, too long for a dry run

    pages = read_directories(path)
    ome_images(path, pages)
    _check_imagej(path, pages)
    kinds = {f"is_{kind}": False for kind in _LEFT_ALONE}
    try:
        with _complaints() as messages, tifffile.TiffFile(path, **kinds) as tif:
            _DIRECTORIES[tif] = pages
            yield tif
    except tifffile.TiffFileError as error:
        raise InputError(str(path), f"no readable TIFF ({error})", READABLE) from error
    except DAMAGE as error:
        raise InputError(str(path), f"a damaged TIFF ({error})", READABLE) from error
    if messages and any("corrupt" in m or "invalid" in m or "missing" in m for m in messages):
        raise InputError(str(path), f"a damaged TIFF ({messages[0]})", READABLE)


def _check_imagej(path: Path, pages: tuple[TiffDirectory, ...]) -> None:
    """Hold the number of images that ImageJ's description announces to the pages and bytes of the file."""
    lines = imagej_lines(pages[0].descriptions)
    if lines is None or ome_text(pages[0]) is not None:
        return
    label = f"{path}, ImageDescription"
    counts = {}
    for key in ("images", "channels", "slices", "frames"):
        text = lines.get(key, "1")
        if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) < 1 << 32):
            raise InputError(f"{label}, {key}", repr(text)[:60], "a number of images")
        counts[key] = int(text)
    announced = counts["channels"] * counts["slices"] * counts["frames"]
    if announced == 1:
        announced = counts["images"]
    if announced > MOST_PAGES:
        raise InputError(label, f"{announced} images", f"at most {MOST_PAGES} in one file")
    if len(pages) > 1 and announced > len(pages):
        found = f"{announced} images in a file of {len(pages)} pages"
        raise InputError(label, found, f"{READABLE}, with every image that it announces")
    if 1 < announced < len(pages):
        found = f"{announced} images in a file of {len(pages)} pages"
        raise InputError(label, found, "a description that counts every page")
    page = pages[0]
    bits = page.number(256, 0) * page.number(257, 0) * page.number(277, 1) * page.number(258, 1)
    if len(pages) == 1 and announced * bits > 8 * path.stat().st_size and announced > 1:
        found = f"{announced} images of {bits // 8} bytes in a file of {path.stat().st_size}"
        raise InputError(label, found, f"{READABLE}, with every image that it announces")
