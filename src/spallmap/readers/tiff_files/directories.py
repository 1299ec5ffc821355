"""The directories of a TIFF file, read with bounds before any library trusts them.

A header may announce billions of pages, a directory that follows itself, or gigabytes of text. What is found
here has none of that, so that what comes after may believe counts and sizes.
"""

from __future__ import annotations

import math
import os
import struct
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import LARGEST_TEXT_BYTES, check_readable

READABLE = "a complete TIFF file"
# A tomogram has some thousand slices; at this many, reading the directories still takes a second or two.
MOST_PAGES = 1 << 16
# The specification knows some hundred tags, vendors add a few dozen.
MOST_TAGS = 4096
# Strips or tiles of one page: one a row for the largest images, tiles of 16 x 16 for 32 000 x 32 000 pixels.
MOST_SEGMENTS = 1 << 22
# Reduced copies of a page: each has half the rows of the one before.
MOST_LEVELS = 64
# All values that are read of one file's directories: descriptions, colour tables, strip positions.
MOST_VALUE_BYTES = 1 << 28

IMAGE_WIDTH, IMAGE_LENGTH, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
SUBFILE_TYPE, DESCRIPTION, ORIENTATION, SAMPLES, PLANAR = 254, 270, 274, 277, 284
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, COLOR_MAP, SUB_IFDS = 282, 283, 296, 320, 330
SAMPLE_FORMAT, S_MIN, S_MAX = 339, 340, 341
FILL_ORDER, ROWS_PER_STRIP, PREDICTOR, TILE_WIDTH, TILE_LENGTH = 266, 278, 317, 322, 323
# Positions and byte counts of strips and tiles: the only tags with as many values as an image has segments.
_SEGMENTS = (273, 279, 324, 325)
NAMES = {
    SUBFILE_TYPE: "NewSubfileType",
    IMAGE_WIDTH: "ImageWidth",
    IMAGE_LENGTH: "ImageLength",
    BITS: "BitsPerSample",
    PHOTOMETRIC: "PhotometricInterpretation",
    DESCRIPTION: "ImageDescription",
    273: "StripOffsets",
    ORIENTATION: "Orientation",
    279: "StripByteCounts",
    324: "TileOffsets",
    325: "TileByteCounts",
    SUB_IFDS: "SubIFDs",
    S_MIN: "SMinSampleValue",
    S_MAX: "SMaxSampleValue",
}
# Letters of struct by the type of a tag's values.
_TYPES = {
    1: "B", 2: "c", 3: "H", 4: "I", 5: "II", 6: "b", 7: "c", 8: "h", 9: "i", 10: "ii", 11: "f", 12: "d",
    13: "I", 16: "Q", 17: "q", 18: "Q",
}  # fmt: skip
# Tags whose values are needed before a library opens the file.
_WANTED = {
    SUBFILE_TYPE, IMAGE_WIDTH, IMAGE_LENGTH, BITS, COMPRESSION, PHOTOMETRIC, DESCRIPTION, ORIENTATION,
    SAMPLES, PLANAR, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, COLOR_MAP, SAMPLE_FORMAT, S_MIN, S_MAX,
    FILL_ORDER, ROWS_PER_STRIP, PREDICTOR, TILE_WIDTH, TILE_LENGTH,
}  # fmt: skip


# Tags that say size and type, with what counts where they are absent.
_LOOK: dict[int, tuple[float, ...] | None] = {
    IMAGE_WIDTH: None, IMAGE_LENGTH: None, BITS: (1,), SAMPLES: (1,), SAMPLE_FORMAT: (1,),
}  # fmt: skip


@dataclass(frozen=True)
class TiffDirectory:
    """One directory: what a page says of itself.

    Parameters
    ----------
    source_label : str
        File and page, for messages.
    values : mapping
        Values of a tag by its number; texts as one entry.
    descriptions : tuple of str
        Every ImageDescription, in order: writers may add a second one.
    tags : frozenset of int
        Numbers of all its tags.
    order : str
        Byte order of its file, ``<`` or ``>``.
    """

    source_label: str
    values: Mapping[int, tuple[float, ...]]
    descriptions: tuple[str, ...]
    tags: frozenset[int]
    order: str = "<"

    def number(self, tag: int, default: int) -> int:
        """First value of a tag as a whole number."""
        value = self.values.get(tag, (default,))[0]
        return int(value) if math.isfinite(value) else default

    @property
    def reduced(self) -> bool:
        """Whether the page calls itself a reduced copy or a mask of another one."""
        return bool(self.number(SUBFILE_TYPE, 0) & 0b101)

    @property
    def look(self) -> tuple[tuple[float, ...] | None, ...]:
        """What slices of one stack have in common: size and type."""
        return tuple(self.values.get(tag, _LOOK[tag]) for tag in _LOOK)

    @property
    def packing(self) -> tuple[tuple[float, ...] | None, ...]:
        """What pages of one file have in common beside that, if one decoder is to read them all."""
        alike = (COMPRESSION, FILL_ORDER, PLANAR, ROWS_PER_STRIP, PREDICTOR, TILE_WIDTH, TILE_LENGTH)
        return (*(self.values.get(tag) for tag in alike), (ord(self.order),))

    def segments(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Where the strips or tiles begin and how many bytes they have, if they were read."""
        pairs = ((273, 279), (324, 325))
        found = next((pair for pair in pairs if pair[0] in self.values), pairs[0])
        return tuple(int(v) for v in self.values.get(found[0], ())), tuple(
            int(v) for v in self.values.get(found[1], ())
        )


@dataclass(frozen=True)
class _Layout:
    """How numbers are written in the file."""

    order: str
    big: bool
    size: int

    def unpack(self, code: str, content: bytes) -> tuple[int, ...]:
        return struct.unpack(self.order + code, content)


def read_directories(
    path: Path, most: int | None = None, segments: bool = False
) -> tuple[TiffDirectory, ...]:
    """Read the chain of directories of a TIFF file.

    Parameters
    ----------
    path : Path
        The file.
    most : int, optional
        How many pages to read; all of them where it is left out.
    segments : bool
        Whether to read where strips and tiles stand, too.

    Returns
    -------
    tuple of TiffDirectory
        One for each page of the main chain; sub-directories are not followed.

    Raises
    ------
    InputError
        If the file cannot be read, is no TIFF, is cut short, has a directory that follows itself, or
        announces more pages, tags or bytes than it can hold or any image needs.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import tifffile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     path = Path(name, "a.tif")
    ...     tifffile.imwrite(path, np.zeros((2, 20, 30), np.uint8), photometric="minisblack", metadata=None)
    ...     pages = read_directories(path)
    >>> len(pages), pages[0].values[IMAGE_WIDTH], pages[0].descriptions
    (2, (30,), ())
    """
    check_readable(path, READABLE)
    if not path.is_file():
        raise InputError(str(path), "a folder", READABLE)
    with path.open("rb") as stream:
        layout, offset = _header(path, stream)
        wanted = _WANTED.union(_SEGMENTS) if segments else _WANTED
        pages: list[TiffDirectory] = []
        seen: dict[int, int] = {}
        budget = MOST_VALUE_BYTES
        while offset and (most is None or len(pages) < most):
            if offset in seen:
                found = f"page {len(pages) - 1} followed by page {seen[offset]} again, without end"
                raise InputError(str(path), found, READABLE)
            if len(pages) == MOST_PAGES:
                raise InputError(str(path), f"more than {MOST_PAGES} pages", f"at most {MOST_PAGES} pages")
            seen[offset] = len(pages)
            label = f"{path}, page {len(pages)}"
            page, offset, used = _directory(label, stream, layout, offset, wanted)
            budget -= used
            if budget < 0:
                found = f"more than {MOST_VALUE_BYTES} bytes of tags up to page {len(pages)}"
                raise InputError(str(path), found, READABLE)
            pages.append(page)
    if not pages:
        raise InputError(str(path), "no page", READABLE)
    return tuple(pages)


def _header(path: Path, stream: BinaryIO) -> tuple[_Layout, int]:
    """Byte order, kind and position of the first directory."""
    size = os.fstat(stream.fileno()).st_size
    head = stream.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None or len(head) < 8:
        raise InputError(str(path), "no readable TIFF (its first bytes are not II or MM)", READABLE)
    version = struct.unpack(order + "H", head[2:4])[0]
    if version == 43 and len(head) == 16 and struct.unpack(order + "HH", head[4:8]) == (8, 0):
        return _Layout(order, True, size), struct.unpack(order + "Q", head[8:16])[0]
    if version != 42:
        raise InputError(str(path), f"no readable TIFF (version {version})", f"{READABLE} (42 or 43)")
    return _Layout(order, False, size), struct.unpack(order + "I", head[4:8])[0]


def _directory(
    label: str, stream: BinaryIO, layout: _Layout, offset: int, wanted: Set[int]
) -> tuple[TiffDirectory, int, int]:
    """Read one directory; with it the next one's position and how many bytes of values were announced."""
    head, entry, tail = (8, 20, 8) if layout.big else (2, 12, 4)
    count = layout.unpack("Q" if layout.big else "H", _read(label, stream, layout, offset, head))[0]
    if count > MOST_TAGS:
        raise InputError(label, f"{count} tags", f"at most {MOST_TAGS} tags")
    content = _read(label, stream, layout, offset + head, count * entry + tail)
    values: dict[int, tuple[float, ...]] = {}
    descriptions: list[str] = []
    tags, used = set(), 0
    for start in range(0, count * entry, entry):
        code, kind = layout.unpack("HH", content[start : start + 4])
        number = layout.unpack(
            "Q" if layout.big else "I", content[start + 4 : start + (12 if layout.big else 8)]
        )[0]
        field = content[start + (12 if layout.big else 8) : start + entry]
        tags.add(code)
        if kind not in _TYPES:
            continue  # no reader knows this type: its values are left alone
        size = number * struct.calcsize("=" + _TYPES[kind])
        name = f"{label}, tag {code}" + (f" ({NAMES[code]})" if code in NAMES else "")
        _check_tag(name, code, number, size, layout)
        inside = size <= len(field)
        used += 0 if inside else size
        if code not in wanted:
            if not inside:
                _check_inside(name, layout.unpack("Q" if layout.big else "I", field)[0], size, layout)
            continue
        if not inside:
            at = layout.unpack("Q" if layout.big else "I", field)[0]
            field = _read(name, stream, layout, at, size)
        if code == DESCRIPTION:
            descriptions.append(_text(field[:size]))
        elif kind not in (2, 7):
            values.setdefault(code, _numbers(layout, _TYPES[kind], number, field[:size]))
    following = layout.unpack("Q" if layout.big else "I", content[-tail:])[0]
    return TiffDirectory(label, values, tuple(descriptions), frozenset(tags), layout.order), following, used


def _check_tag(name: str, code: int, number: int, size: int, layout: _Layout) -> None:
    if code in _SEGMENTS:
        if number > MOST_SEGMENTS:
            raise InputError(name, f"{number} strips or tiles", f"at most {MOST_SEGMENTS} in a page")
    elif code == SUB_IFDS and number > MOST_LEVELS:
        raise InputError(name, f"{number} sub-directories", f"at most {MOST_LEVELS} in a page")
    elif size > LARGEST_TEXT_BYTES and size <= layout.size:
        raise InputError(name, f"{size} bytes", f"at most {LARGEST_TEXT_BYTES} bytes in one tag")
    if size > layout.size:
        raise InputError(name, f"{size} bytes announced in a file of {layout.size}", READABLE)


def _check_inside(name: str, offset: int, size: int, layout: _Layout) -> None:
    if offset + size > layout.size:
        found = f"values up to byte {offset + size} in a file of {layout.size} bytes: it is cut short"
        raise InputError(name, found, READABLE)


def _read(label: str, stream: BinaryIO, layout: _Layout, offset: int, count: int) -> bytes:
    _check_inside(label, offset, count, layout)
    stream.seek(offset)
    content = stream.read(count)
    if len(content) != count:
        raise InputError(label, f"{len(content)} bytes of {count}: it is cut short", READABLE)
    return content


def _text(content: bytes) -> str:
    content = content.split(b"\0" * 2)[0].rstrip(b"\0") if b"\0\0" in content else content.rstrip(b"\0")
    try:
        return content.decode("utf-8").strip()
    except UnicodeDecodeError:
        return content.decode("latin-1").strip()


def _numbers(layout: _Layout, code: str, number: int, content: bytes) -> tuple[float, ...]:
    found = struct.unpack(f"{layout.order}{number * len(code)}{code[0]}", content)
    if len(code) == 1:
        return found
    pairs = zip(found[::2], found[1::2], strict=True)
    return tuple(a / b if b else math.nan for a, b in pairs)
