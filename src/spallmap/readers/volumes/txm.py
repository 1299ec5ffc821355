"""Reconstructed tomograms of Zeiss X-ray microscopes (.txm)."""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.readers.checks.memory import check_held
from spallmap.readers.info import ImageInfo, Streamed
from spallmap.readers.volumes.source import DAMAGE, LazyVolume, volume_info, volume_reader

if TYPE_CHECKING:
    import olefile

ACCEPTS = "a reconstructed volume of a Zeiss X-ray microscope (.txm)"
WHOLE = "a complete .txm file"
TYPES: dict[int, np.dtype[Any]] = {5: np.dtype("<u2"), 10: np.dtype("<f4")}
# Images stand in storages ImageData1, ImageData2 and so on, of this many images each.
_PER_STORAGE = 100
# An entry of the header holds one number, or one for each image.
_LARGEST_ENTRY = 1 << 20
_PROJECTIONS = (".txrm", ".xrm")


def claims(path: Path) -> bool:
    """Whether the path is a file of the microscope; projections are claimed to be refused in words."""
    return path.is_file() and path.suffix.lower() in (".txm", *_PROJECTIONS)


def files(path: Path) -> tuple[Path, ...]:
    """List the file."""
    return (path,)


def probe(path: Path) -> ImageInfo:
    """Read the header.

    Raises
    ------
    InputError
        If these are projections, or the file is damaged.
    """
    with _opened(path) as ole:
        return _info(path, ole)


@contextmanager
def stream(path: Path) -> Iterator[Streamed]:
    """Open the volume; one slice at a time is read.

    Yields
    ------
    Streamed
        Usable inside the block.

    Raises
    ------
    InputError
        As :func:`probe`, and for a slice that is missing or cut short.
    """
    lock = threading.Lock()
    with _opened(path) as ole:
        info = _info(path, ole)
        dtype = TYPES[int(_value(path, ole, "ImageInfo/DataType", "<I"))]
        for number in range(1, info.shape[0] + 1):
            _check_slice(path, ole, number, info, dtype)
        _check_sectors(path, ole, info.shape[0])

        def read(region: Region) -> NDArray[Any]:
            z, y, x = region
            out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), info.dtype)
            for k in range(z.start, z.stop):
                with lock:  # all streams share one file position
                    content = ole.openstream(_slice_name(k + 1)).read()
                out[k - z.start] = np.frombuffer(content, dtype).reshape(info.shape[1:])[y, x]
            return out

        lazy = LazyVolume(str(path), info.shape, dtype, read)
        yield Streamed(info, lazy)


@contextmanager
def _opened(path: Path) -> Iterator[olefile.OleFileIO]:
    import olefile

    if path.suffix.lower() in _PROJECTIONS:
        raise InputError(str(path), "projections", "the reconstructed volume (.txm)")
    try:
        ole = olefile.OleFileIO(str(path))
    except DAMAGE as error:
        raise InputError(str(path), f"no readable OLE file ({error})", WHOLE) from error
    try:
        yield ole
    finally:
        ole.close()


def _value(path: Path, ole: olefile.OleFileIO, name: str, code: str) -> float:
    try:
        n_bytes = int(ole.get_size(name))
        if n_bytes > _LARGEST_ENTRY:
            raise InputError(f"{path}, stream {name!r}", f"{n_bytes} bytes", "one number")
        content = ole.openstream(name).read(struct.calcsize(code))
        return float(struct.unpack(code, content)[0])
    except DAMAGE as error:
        raise InputError(f"{path}, stream {name!r}", f"nothing readable ({error})", WHOLE) from error


def _slice_name(number: int) -> str:
    return f"ImageData{-(-number // _PER_STORAGE)}/Image{number}"


def _check_slice(
    path: Path, ole: olefile.OleFileIO, number: int, info: ImageInfo, dtype: np.dtype[Any]
) -> None:
    name = _slice_name(number)
    if not ole.exists(name):
        raise InputError(f"{path}, stream {name!r}", "nothing", f"{info.shape[0]} slices as its header says")
    size, expected = int(ole.get_size(name)), info.shape[1] * info.shape[2] * dtype.itemsize
    if size != expected:
        raise InputError(f"{path}, stream {name!r}", f"{size} bytes", f"{expected} bytes as its header says")


def _check_sectors(path: Path, ole: olefile.OleFileIO, n_slices: int) -> None:
    """Look whether each slice has sectors of its own; olefile reads a chain that bites its tail."""
    import olefile

    try:
        ole.loadminifat()
        tables = {False: (ole.fat, ole.sectorsize), True: (ole.minifat, ole.minisectorsize)}
        seen = {small: bytearray(len(table)) for small, (table, _) in tables.items()}
        for number in range(1, n_slices + 1):
            storage, _, name = _slice_name(number).lower().partition("/")
            entry = ole.root.kids_dict[storage].kids_dict[name]
            table, sector_bytes = tables[entry.is_minifat]
            used, sector = seen[entry.is_minifat], entry.isectStart
            for _ in range(-(-entry.size // sector_bytes)):
                if sector >= len(table) or used[sector]:
                    what = "is not there" if sector >= len(table) else "belongs to another part as well"
                    label = f"{path}, stream {_slice_name(number)!r}"
                    raise InputError(label, f"sector {sector}, which {what}", WHOLE)
                used[sector] = 1
                sector = table[sector] & 0xFFFFFFFF
            if sector != olefile.ENDOFCHAIN:
                label = f"{path}, stream {_slice_name(number)!r}"
                raise InputError(label, "more sectors than its size needs", WHOLE)
    except DAMAGE as error:
        raise InputError(str(path), f"no readable table of sectors ({error})", WHOLE) from error


def _info(path: Path, ole: olefile.OleFileIO) -> ImageInfo:
    counted = next((n for n in ("NoOfImages", "ImagesTaken") if ole.exists(f"ImageInfo/{n}")), "NoOfImages")
    width, height, slices, kind = (
        int(_value(path, ole, f"ImageInfo/{name}", "<I"))
        for name in ("ImageWidth", "ImageHeight", counted, "DataType")
    )
    if kind not in TYPES:
        raise InputError(f"{path}, stream 'ImageInfo/DataType'", str(kind), "5 (uint16) or 10 (float32)")
    shape, dtype = (slices, height, width), TYPES[kind]
    check_held(str(path), prod(shape) * dtype.itemsize, path.stat().st_size, packed=False)
    size, source = 0.0, "no stream 'ImageInfo/PixelSize'"
    if ole.exists("ImageInfo/PixelSize"):
        size, source = _value(path, ole, "ImageInfo/PixelSize", "<f"), "stream 'ImageInfo/PixelSize'"
    spacing = (size,) * 3 if np.isfinite(size) and size > 0.0 else None
    return volume_info(str(path), shape, spacing, dtype, "Zeiss .txm", spacing_from=source)


READER = volume_reader("Zeiss .txm", ACCEPTS, claims, files, probe, stream)
