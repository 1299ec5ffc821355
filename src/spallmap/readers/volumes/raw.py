"""Voxels that stand in a file as plain numbers, x fastest, or as one compressed stream of them."""

from __future__ import annotations

import os
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable
from spallmap.readers.checks.memory import check_held

# Compressed bytes that are unpacked at a time; constant voxels grow a thousandfold.
_PIECE = 1 << 16
# Up to this size a volume may be as even as it likes. Above it, greys of a tomogram pack ten times at most
# and those of phases a hundred times; what packs better is made to fill disks, and takes minutes to unpack.
_ANY_RATIO_BYTES = 1 << 30
_MOST_PACKED_LARGE = 100
# Bytes that are unpacked at a time, however much a piece would give.
_MOST_AT_ONCE = 1 << 22
_ROOM = "room there, or TMPDIR set elsewhere"
# zlib's code for "either a zlib or a gzip header".
_ZLIB_OR_GZIP = 47


@dataclass(frozen=True)
class RawLayout:
    """Where the voxels stand.

    Parameters
    ----------
    header : Path
        The file that says so, for messages.
    path : Path
        The file that holds them.
    offset : int
        Bytes before the first voxel; of the unpacked stream where `packing` says so.
    shape : tuple of int
        Number of voxels along z, y and x; x varies fastest.
    dtype : dtype
        Their type with byte order.
    packed : bool
        Whether the file is compressed, with zlib's or gzip's header, from `packed_from` on.
    packed_from : int
        Where the compressed stream begins, bytes.
    exact : bool
        Whether the file must end with the last voxel, as where it holds nothing else.
    slope, intercept : float
        A voxel's grey is its number times the one plus the other.
    """

    header: Path
    path: Path
    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    packed: bool = False
    packed_from: int = 0
    exact: bool = False
    slope: float = 1.0
    intercept: float = 0.0

    @property
    def end(self) -> int:
        """Bytes up to the end of the last voxel."""
        return self.offset + prod(self.shape) * self.dtype.itemsize

    @property
    def scaled(self) -> bool:
        """Whether greys differ from the stored numbers."""
        return (self.slope, self.intercept) != (1.0, 0.0)

    def check(self) -> None:
        """Look whether the file is there and has the right size, as far as this shows without unpacking.

        Raises
        ------
        InputError
            If it is missing, too short, or holds more than the header announces; if it is compressed, and the
            header announces more than can come out of it.
        """
        check_readable(self.path, "the file with the voxels")
        size = self.path.stat().st_size
        if self.packed:
            stored = max(size - self.packed_from, 0)
            check_held(str(self.path), self.end, stored, packed=True)
            if self.end > max(_ANY_RATIO_BYTES, _MOST_PACKED_LARGE * stored):
                found = f"{stored} compressed bytes for {self.end}, {self.end / stored:.0f} for one"
                allowed = (
                    f"at most {_MOST_PACKED_LARGE} for one in a tomogram of this size; or store it as it is"
                )
                raise InputError(str(self.path), found, allowed)
            return
        if size == self.end or (size > self.end and not self.exact):
            return
        raise InputError(
            str(self.path), f"{size} bytes", f"{self.end} bytes, as {self.header.name} says: {self.said}"
        )

    @property
    def said(self) -> str:
        """What the header says, in words."""
        start = f" after {self.offset} bytes" if self.offset else ""
        return f"{' x '.join(map(str, self.shape))} voxels (z, y, x) of {self.dtype.name}{start}"


class RawVolume:
    """Reads regions of plain voxels with positioned reads, which need no lock.

    Parameters
    ----------
    layout : RawLayout
        Where the voxels stand.
    descriptor : int
        The open file.
    """

    def __init__(self, layout: RawLayout, descriptor: int) -> None:
        self._layout = layout
        self._descriptor = descriptor

    def with_layout(self, layout: RawLayout) -> RawVolume:
        """Read the same file by another layout."""
        return RawVolume(layout, self._descriptor)

    def read(self, region: Region) -> NDArray[Any]:
        """Read a region, its rows whole from the disk.

        Parameters
        ----------
        region : tuple of slice
            Along z, y and x.

        Returns
        -------
        ndarray
            The voxels, brought to greys where slope and intercept ask for it.

        Raises
        ------
        InputError
            If the file ends before them.
        """
        z, y, x = region
        layout = self._layout
        _, n_rows, n_columns = layout.shape
        rows = y.stop - y.start
        row_bytes = n_columns * layout.dtype.itemsize
        out = np.empty((z.stop - z.start, rows, x.stop - x.start), layout.dtype.newbyteorder("="))
        for k in range(z.start, z.stop):
            at = layout.offset + (k * n_rows + y.start) * row_bytes
            read = read_exactly(self._descriptor, rows * row_bytes, at)
            if read is None:
                found = f"an end within slice {k} of {layout.shape[0]}"
                raise InputError(str(layout.path), found, f"{layout.end} bytes")
            out[k - z.start] = np.frombuffer(read, layout.dtype).reshape(rows, n_columns)[:, x]
        return out * layout.slope + layout.intercept if layout.scaled else out


def start_at_end(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], least: int) -> int:
    """Return where voxels begin that are the end of their file.

    Parameters
    ----------
    path : Path
        The file; it may be missing, which :meth:`RawLayout.check` reports.
    shape : tuple of int
        Number of voxels along z, y and x.
    dtype : dtype
        Their type.
    least : int
        Where they begin at the earliest, bytes.

    Returns
    -------
    int
        Bytes before the first voxel.
    """
    size = path.stat().st_size if path.is_file() else 0
    return max(size - prod(shape) * dtype.itemsize, least)


def read_exactly(descriptor: int, n_bytes: int, offset: int) -> bytes | None:
    """Read bytes at a position of an open file.

    Parameters
    ----------
    descriptor : int
        The open file.
    n_bytes : int
        How many.
    offset : int
        From where.

    Returns
    -------
    bytes or None
        None where the file ends before.
    """
    parts = []
    while n_bytes > 0:
        part = os.pread(descriptor, n_bytes, offset)
        if not part:
            return None
        parts.append(part)
        n_bytes -= len(part)
        offset += len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


@contextmanager
def open_raw(layout: RawLayout) -> Iterator[RawVolume]:
    """Open the voxels; a compressed stream is unpacked once into a temporary file.

    Parameters
    ----------
    layout : RawLayout
        Where the voxels stand.

    Yields
    ------
    RawVolume
        Reads regions; usable inside the block.

    Raises
    ------
    InputError
        If the file is missing, has another size than announced, or cannot be unpacked.
    """
    layout.check()
    if layout.packed:
        with tempfile.TemporaryFile(prefix="spallmap-") as unpacked:
            _check_room(layout)
            try:
                _unpack(layout, unpacked)
            except OSError as error:
                raise InputError(str(layout.path), _no_way(layout, str(error)), _ROOM) from error
            yield RawVolume(layout, unpacked.fileno())
    else:
        with layout.path.open("rb") as stream:
            yield RawVolume(layout, stream.fileno())


def _no_way(layout: RawLayout, reason: str) -> str:
    return f"no way to unpack {layout.end} bytes into {tempfile.gettempdir()} ({reason})"


def _check_room(layout: RawLayout) -> None:
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < layout.end:
        raise InputError(str(layout.path), _no_way(layout, f"{free} bytes are free there"), _ROOM)


def _unpack(layout: RawLayout, target: IO[bytes]) -> None:
    """Unpack piece by piece, and never more than was announced; a gzip file may hold several streams."""
    written, whole_file = 0, "a complete compressed file"
    with layout.path.open("rb") as source:
        source.seek(layout.packed_from)
        decoder, fresh = zlib.decompressobj(_ZLIB_OR_GZIP), True
        piece = source.read(_PIECE)
        while piece and written <= layout.end:
            # one byte more than announced is enough to know that there is more
            most = min(_MOST_AT_ONCE, layout.end + 1 - written)
            try:
                given = decoder.decompress(piece, most)
            except zlib.error as error:
                if fresh and written == layout.end:
                    break  # no further stream, but bytes behind the last one
                found = f"a stream that cannot be unpacked after {written} bytes ({error})"
                raise InputError(str(layout.path), found, whole_file) from error
            fresh = False
            written += target.write(given)
            piece = decoder.unused_data if decoder.eof else decoder.unconsumed_tail
            if decoder.eof and (piece := piece or source.read(_PIECE)):
                decoder, fresh = zlib.decompressobj(_ZLIB_OR_GZIP), True
            piece = piece or source.read(_PIECE)
        if not (decoder.eof or fresh) and written <= layout.end:  # what stayed in the decoder
            written += target.write(decoder.decompress(b"", layout.end + 1 - written))
        complete = decoder.eof or fresh
    if written != layout.end:
        more = " or more" if written > layout.end else ""
        found = f"{min(written, layout.end + 1)} bytes{more} when unpacked"
        allowed = f"{layout.end} bytes, as {layout.header.name} says: {layout.said}"
        raise InputError(str(layout.path), found, allowed)
    if not complete:
        raise InputError(str(layout.path), "a stream that is cut behind the last voxel", whole_file)
    target.flush()
