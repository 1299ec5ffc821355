"""TIFF files written by hand, so that a header can say what no library would write."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

SHORT, LONG, ASCII, LONG8 = 3, 4, 2, 16
_LETTERS = {1: "B", 2: "c", SHORT: "H", LONG: "I", 12: "d", 16: "Q"}
Tag = tuple[int, int, int, int | bytes]


def grey_tags(rows: int, columns: int, offset: int, count: int, bits: int = 8) -> list[Tag]:
    """Tags of one grey page whose samples stand in one strip."""
    return [
        (256, LONG, 1, columns),
        (257, LONG, 1, rows),
        (258, SHORT, 1, bits),
        (259, SHORT, 1, 1),
        (262, SHORT, 1, 1),
        (273, LONG, 1, offset),
        (277, SHORT, 1, 1),
        (278, LONG, 1, rows),
        (279, LONG, 1, count),
    ]


def write_pages(
    path: Path, pages: Sequence[Sequence[Tag]], samples: bytes, following: int | None = None
) -> int:
    """Write a classic little-endian TIFF: samples from byte 8 on, then directories one after another.

    A tag is (code, type, count, value), the value a number, or bytes that are stored beside it. `following`
    is what the last directory gives as the next one's position. Returns the position of the first directory.
    """
    start = 8 + len(samples) + len(samples) % 2
    content = bytearray(struct.pack("<2sHI", b"II", 42, start) + samples.ljust(start - 8, b"\0"))
    for number, tags in enumerate(pages):
        at = len(content)
        table = 2 + 12 * len(tags) + 4
        beside = bytearray()
        entries = bytearray(struct.pack("<H", len(tags)))
        for code, kind, count, value in sorted(tags, key=lambda tag: tag[0]):
            if isinstance(value, bytes) and len(value) > 4:
                entries += struct.pack("<HHII", code, kind, count, at + table + len(beside))
                beside += value + b"\0" * (len(value) % 2)
            elif isinstance(value, bytes):
                entries += struct.pack("<HHI4s", code, kind, count, value)
            else:
                entries += struct.pack("<HHII", code, kind, count, value)
        last = number == len(pages) - 1
        after = at + table + len(beside)
        content += entries + struct.pack("<I", (following or 0) if last else after) + beside
    path.write_bytes(content)
    return start
