"""How much compressed bytes unpack to, found out without unpacking more than was announced.

Libraries unpack a chunk as far as it goes: 2 MB of deflated zeros in a chunk of 32 kB took 2 GB of memory and
18 s, and the samples behind the first 32 kB were dropped in silence.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from typing import Any

from spallmap.readers.checks.memory import MOST_PACKED

# The largest chunk that is unpacked as a whole: with its packed bytes and a copy it stays below 1 GB. A slice
# of 8000 x 8000 floats just fits; a whole volume in one chunk does not.
LARGEST_CHUNK_BYTES = 1 << 28
# What is unpacked at a time.
_PIECE = 1 << 20
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
# Below this many unpacked bytes nothing is looked at: deflate cannot give more.
_HARMLESS = LARGEST_CHUNK_BYTES


class TooLargeError(ValueError):
    """Compressed bytes hold more than was announced."""


def check_packed(kind: str, packed: bytes, most: int) -> None:
    """Refuse compressed bytes that hold more than they may.

    Parameters
    ----------
    kind : str
        ``zlib``, ``gzip``, ``zstd``, ``lz4``, ``blosc``, ``bz2`` or ``lzma``; others are not looked at.
    packed : bytes
        One chunk.
    most : int
        How many bytes it may hold.

    Raises
    ------
    TooLargeError
        If it holds more.
    ValueError
        If it cannot be unpacked, or does not say how much it holds.

    Examples
    --------
    >>> check_packed("zlib", zlib.compress(bytes(1000)), 1000)
    >>> check_packed("lz4", struct.pack("<i", 5000) + b"rest", 1000)
    Traceback (most recent call last):
    spallmap.readers.volumes.packed_size.TooLargeError: 5000 bytes in a chunk of 1000
    """
    if kind in ("zlib", "gzip", "bz2", "lzma"):
        try:
            _check_stream(kind, packed, most)
        except (zlib.error, lzma.LZMAError, OSError, EOFError) as error:
            raise ValueError(f"a chunk that cannot be unpacked ({error})") from error
    elif kind == "blosc":
        _check_said(struct.unpack_from("<I", _header(packed, 16), 4)[0], most)
    elif kind == "lz4":
        _check_said(struct.unpack_from("<I", _header(packed, 4))[0], most)
    elif kind == "zstd":
        _check_zstd(packed, most)


def _check_said(n_bytes: int, most: int) -> None:
    if n_bytes > most:
        raise TooLargeError(f"{n_bytes} bytes in a chunk of {most}")


def _header(packed: bytes, n_bytes: int) -> bytes:
    if len(packed) < n_bytes:
        raise ValueError("a chunk that is cut short")
    return packed[:n_bytes]


def _check_stream(kind: str, packed: bytes, most: int) -> None:
    """Unpack piece by piece and count; a checksum of HDF5 may stand behind the stream."""
    n_bytes = 0
    if kind in ("zlib", "gzip"):
        left = packed if len(packed) * MOST_PACKED > max(_HARMLESS, most) else b""
        inflate = zlib.decompressobj(47)  # either a zlib or a gzip header
        while left and not inflate.eof:
            n_bytes += len(inflate.decompress(left, _PIECE))
            _check_said(n_bytes, most)
            left = inflate.unconsumed_tail
        return
    decoder: Any = bz2.BZ2Decompressor() if kind == "bz2" else lzma.LZMADecompressor()
    left = packed
    while not decoder.eof and (left or not decoder.needs_input):
        n_bytes += len(decoder.decompress(left, _PIECE))
        _check_said(n_bytes, most)
        left = b""


def _check_zstd(packed: bytes, most: int) -> None:
    """Add up what the header of the frame says (RFC 8878); where it does not, unpack into what is allowed."""
    if _header(packed, 6)[:4] != _ZSTD_MAGIC:
        raise ValueError("no frame of Zstandard")
    descriptor = packed[4]
    single, code = bool(descriptor & 0x20), descriptor >> 6
    width = (1 if single else 0, 2, 4, 8)[code]
    if width:
        start = 5 + (0 if single else 1) + (0, 1, 2, 4)[descriptor & 3]
        field = _header(packed, start + width)[start:]
        _check_said(int.from_bytes(field, "little") + (256 if width == 2 else 0), most)
        return
    import imagecodecs

    try:
        imagecodecs.zstd_decode(packed, out=most)
    except imagecodecs.ZstdError as error:
        raise ValueError(f"a frame of Zstandard that does not fit into {most} bytes ({error})") from error
