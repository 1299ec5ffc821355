"""An open DICOM file: its header, and where its pixels lie."""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable, reported
from spallmap.readers.dicom.bounded_stream import LARGEST_HEADER, LARGEST_VALUE, BoundedStream, InflatedFile

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

# What pydicom raises when it meets nonsense; it parses most elements only when they are asked for.
DAMAGE = (
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    NotImplementedError,
    RecursionError,
    struct.error,
)
# Pixel Data, Double Float Pixel Data, Float Pixel Data.
PIXEL_TAGS = {0x7FE00010: "PixelData", 0x7FE00009: "DoubleFloatPixelData", 0x7FE00008: "FloatPixelData"}
# Shared and per-frame functional groups.
FRAME_DESCRIPTIONS = (0x52009229, 0x52009230)
UNDEFINED = 0xFFFFFFFF
DEFLATED, PLAIN = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1"


@dataclass(frozen=True)
class PixelElement:
    """Where the pixels lie.

    Parameters
    ----------
    keyword : str
        Which of the elements of `PIXEL_TAGS` it is.
    vr : str or None
        Its value representation, where the file says it.
    length : int
        Bytes of its value; `UNDEFINED` for compressed pixels.
    start : int
        Where its value begins.
    """

    keyword: str
    vr: str | None
    length: int
    start: int


@dataclass(frozen=True)
class OpenedFile:
    """An open file.

    Parameters
    ----------
    path : Path
        The file.
    header : pydicom.FileDataset
        What stands before the pixels.
    pixels : PixelElement or None
        None for a file without pixels.
    stream : BoundedStream
        Its bytes, unpacked.
    inflated : InflatedFile or None
        The unpacking of a deflated file.
    stored_bytes : int
        Its size.
    """

    path: Path
    header: FileDataset
    pixels: PixelElement | None
    stream: BoundedStream
    inflated: InflatedFile | None
    stored_bytes: int


@contextmanager
def opened(path: Path, allowed: str) -> Iterator[OpenedFile]:
    """Open a file; damage met inside the block becomes an error that names it.

    Parameters
    ----------
    path : Path
        The file.
    allowed : str
        What would have been accepted instead of a file of another kind.

    Yields
    ------
    OpenedFile
        Its header.

    Raises
    ------
    InputError
        If it cannot be read, is no DICOM file, or damaged.
    """
    from pydicom.errors import BytesLengthException, InvalidDicomError

    log = logging.getLogger("pydicom")
    level = log.level
    check_readable(path)
    with reported(path):
        raw = path.open("rb")
    log.setLevel(logging.CRITICAL)
    try:
        # pydicom warns of every departure from the standard, such as UIDs made by anonymisers
        with raw, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield _read_header(path, raw)
    except InvalidDicomError as error:
        raise InputError(str(path), "no DICOM file", allowed) from error
    except (*DAMAGE, EOFError, OSError, RuntimeError, BytesLengthException, zlib.error) as error:
        found = f"a damaged DICOM file ({str(error)[:200] or type(error).__name__})"
        raise InputError(str(path), found, "a complete DICOM file") from error
    finally:
        log.setLevel(level)


def _behind_meta(tag: int, *_: object) -> bool:
    """Whether the file's meta information ends before a tag."""
    return tag >> 16 != 2


def _read_header(path: Path, raw: BinaryIO) -> OpenedFile:
    from pydicom.filereader import read_dataset, read_partial, read_preamble

    stream = BoundedStream(path, raw)
    read_preamble(cast("BinaryIO", stream), False)
    meta = read_dataset(
        cast("BinaryIO", stream), False, True, stop_when=_behind_meta, defer_size=LARGEST_VALUE
    )
    inflated = None
    if str(meta.get("TransferSyntaxUID", "")).encode() == DEFLATED:
        length = stream.tell()
        raw.seek(0)
        prefix = raw.read(length).replace(DEFLATED, PLAIN.ljust(len(DEFLATED), b"\0"))
        inflated = InflatedFile(path, prefix, raw, LARGEST_HEADER)
        stream = BoundedStream(path, inflated)
    stream.seek(0)
    pixels: list[PixelElement] = []

    def at_pixels(tag: int, vr: str | None, length: int) -> bool:
        if tag in FRAME_DESCRIPTIONS and LARGEST_VALUE < length < UNDEFINED:
            allowed = f"at most {LARGEST_VALUE}: one file for each echo, or single images"
            raise InputError(str(path), f"{length} bytes of descriptions of frames", allowed)
        if tag in PIXEL_TAGS:
            pixels.append(PixelElement(PIXEL_TAGS[tag], vr, length, stream.tell()))
        return tag in PIXEL_TAGS

    header = read_partial(cast("BinaryIO", stream), stop_when=at_pixels, defer_size=LARGEST_VALUE)
    return OpenedFile(
        path=path,
        header=header,
        pixels=pixels[0] if pixels else None,
        stream=stream,
        inflated=inflated,
        stored_bytes=path.stat().st_size,
    )
