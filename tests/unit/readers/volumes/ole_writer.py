"""Writes the smallest compound files (OLE): what olefile reads, and nothing else can write here.

The layout follows Microsoft's [MS-CFB]: sectors of 4096 bytes, streams below 4096 bytes in the mini stream.
"""

from __future__ import annotations

import struct
from pathlib import Path

SECTOR, MINI, CUTOFF = 4096, 64, 4096
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
NONE = 0xFFFFFFFF


class _Sectors:
    """A file's sectors and the table that chains them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.data = bytearray()
        self.chain: list[int] = []

    def add(self, content: bytes) -> int:
        """Append a stream; returns its first sector."""
        if not content:
            return END
        first, count = len(self.chain), -(-len(content) // self.size)
        self.data += content.ljust(count * self.size, b"\0")
        self.chain += [*range(first + 1, first + count), END]
        return first


def _entry(name: str, kind: int, right: int, child: int, start: int, size: int) -> bytes:
    encoded = (name + "\0").encode("utf-16-le")
    return (
        encoded.ljust(64, b"\0")
        + struct.pack("<HBB", len(encoded), kind, 1)
        + struct.pack("<III", NONE, right, child)
        + bytes(16 + 4 + 16)
        + struct.pack("<IQ", start, size)
    )


def write_ole(path: Path, streams: dict[str, bytes]) -> None:
    """Write streams whose names may have one folder, such as ``ImageInfo/DataType``."""
    big, mini = _Sectors(SECTOR), _Sectors(MINI)
    placed = {
        name: (mini if len(content) < CUTOFF else big).add(content) for name, content in streams.items()
    }
    folders = list(dict.fromkeys(name.partition("/")[0] for name in streams if "/" in name))
    loose = [name for name in streams if "/" not in name]
    # The directory: root, then folders and loose streams, then the folders' streams; siblings are chained
    # to the right.
    top = [*folders, *loose]
    inside = {f: [n for n in streams if n.startswith(f"{f}/")] for f in folders}
    numbers, at = {}, 1 + len(top)
    for folder in folders:
        for name in inside[folder]:
            numbers[name] = at
            at += 1
    entries = [b""]
    for k, name in enumerate(top):
        right = k + 2 if k + 1 < len(top) else NONE
        if name in inside:
            entries.append(_entry(name, 1, right, numbers[inside[name][0]], 0, 0))
        else:
            entries.append(_entry(name, 2, right, NONE, placed[name], len(streams[name])))
    for folder in folders:
        for k, name in enumerate(inside[folder]):
            right = numbers[inside[folder][k + 1]] if k + 1 < len(inside[folder]) else NONE
            short = name.partition("/")[2]
            entries.append(_entry(short, 2, right, NONE, placed[name], len(streams[name])))
    mini_start = big.add(bytes(mini.data))
    entries[0] = _entry("Root Entry", 5, NONE, 1, mini_start, len(mini.data))
    while len(entries) % (SECTOR // 128):
        entries.append(_entry("", 0, NONE, NONE, 0, 0))
    directory = big.add(b"".join(entries))
    mini_table = struct.pack(f"<{len(mini.chain)}I", *mini.chain)
    n_mini_table = -(-len(mini_table) // SECTOR)
    mini_fat = big.add(mini_table.ljust(n_mini_table * SECTOR, b"\xff"))
    n_fat = 1
    while n_fat * (SECTOR // 4) < len(big.chain) + n_fat:
        n_fat += 1
    fat_start = len(big.chain)
    table = big.chain + [FAT] * n_fat
    table += [FREE] * (n_fat * (SECTOR // 4) - len(table))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16)
    header += struct.pack("<HHHHH", 0x3E, 4, 0xFFFE, 12, 6) + bytes(6)
    header += struct.pack(
        "<IIIIIIIII",
        len(entries) * 128 // SECTOR,
        n_fat,
        directory,
        0,
        CUTOFF,
        mini_fat,
        n_mini_table,
        END,
        0,
    )
    header += struct.pack("<109I", *(fat_start + k if k < n_fat else FREE for k in range(109)))
    path.write_bytes(header.ljust(SECTOR, b"\0") + bytes(big.data) + struct.pack(f"<{len(table)}I", *table))
