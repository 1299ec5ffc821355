"""What pydicom reads from: a file, stored plainly or deflated, of which no more is taken than an image needs.

A header may announce any length. Large values are passed over unread; what is read, unpacked and taken apart
has an end long before memory or patience has one.
"""

from __future__ import annotations

import io
import zlib
from pathlib import Path
from typing import BinaryIO

from spallmap.errors import InputError

# Values above this are passed over in headers. The description of 4 000 frames takes some 12 MB; taken apart
# into elements of 8 bytes, as many take 0.4 GB and 10 s.
LARGEST_VALUE = 12 << 20
# Bytes of a header that are read: several such values.
LARGEST_HEADER = 64 << 20
# Each element takes one read and more: a header of zeros would else be read for minutes.
MOST_READS = 1_200_000
# Each item of a sequence takes 0.7 kB of memory; a frame has some ten of them.
MOST_ITEMS = 300_000
ITEM = (b"\xfe\xff\x00\xe0", b"\xff\xfe\xe0\x00")
# Read and unpacked in pieces of so many bytes.
PIECE = 1 << 20
WHOLE = "a complete DICOM file"


class InflatedFile(io.RawIOBase):
    """A deflated data set as if it were stored plainly.

    Parameters
    ----------
    path : Path
        The file, for messages.
    prefix : bytes
        What stands before the data set.
    packed : BinaryIO
        The deflated bytes.
    largest : int
        Bytes that may be unpacked; raised once an image is known.
    """

    def __init__(self, path: Path, prefix: bytes, packed: BinaryIO, largest: int) -> None:
        super().__init__()
        self.path, self.largest = path, largest
        self._unpacked = bytearray(prefix)
        self._packed = packed
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._at = 0

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read in any order."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position; from the end is not possible, since nobody knows it."""
        if whence == 2:
            raise io.UnsupportedOperation("the end of a deflated file is unknown")
        self._at = max(0, offset + (self._at if whence == 1 else 0))
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Read bytes, fewer at the end."""
        if size < 0:
            raise io.UnsupportedOperation("a deflated file is not read as a whole")
        self._inflate(self._at + size)
        piece = bytes(self._unpacked[self._at : self._at + size])
        self._at += len(piece)
        return piece

    def _inflate(self, end: int) -> None:
        while len(self._unpacked) < end and not self._inflater.eof:
            packed = self._inflater.unconsumed_tail or self._packed.read(PIECE)
            if not packed:
                return
            self._unpacked += self._inflater.decompress(packed, PIECE)
            if len(self._unpacked) > self.largest:
                found = f"deflated data that unpack to more than {self.largest} bytes"
                raise InputError(str(self.path), found, "as much as a header and its announced pixels take")


class BoundedStream(io.RawIOBase):
    """Reads a file until more was read than a header takes.

    Parameters
    ----------
    path : Path
        The file, for messages.
    raw : BinaryIO or InflatedFile
        Where the bytes come from.
    """

    def __init__(self, path: Path, raw: BinaryIO | InflatedFile) -> None:
        super().__init__()
        self.path, self._raw = path, raw
        self._left, self._n_reads, self._n_items = LARGEST_HEADER, 0, 0

    def readable(self) -> bool:
        """Whether it can be read."""
        return True

    def seekable(self) -> bool:
        """Whether it can be read in any order."""
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to a position."""
        return self._raw.seek(offset, whence)

    def allow(self, size: int) -> None:
        """Allow further bytes to be read: those of announced pixels."""
        self._left, self._n_reads = size, 0

    def read(self, size: int = -1) -> bytes:
        """Read bytes, fewer at the end.

        Raises
        ------
        InputError
            If it is more than a header has.
        """
        if size < 0 or size > self._left:
            found = f"more than {LARGEST_HEADER} bytes of header, or pixels longer than announced"
            raise InputError(str(self.path), found, WHOLE)
        piece: bytes = self._raw.read(size) or b""
        self._left -= len(piece)
        self._n_reads += 1
        self._n_items += sum(piece.count(item) for item in ITEM)
        if self._n_reads > MOST_READS or self._n_items > MOST_ITEMS:
            found = f"a header of more than {MOST_READS // 2} elements or {MOST_ITEMS} items"
            raise InputError(str(self.path), found, WHOLE)
        return piece
