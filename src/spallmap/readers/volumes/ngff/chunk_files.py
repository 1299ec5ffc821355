"""Which chunk files of a Zarr array are there, and whether they are files."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.file_access import reported
from spallmap.readers.volumes.named_files import check_within

_REGULAR = "regular files inside the Zarr folder"
# Chunks whose presence is noted, a byte each; a volume of 2000^3 has 32 768 of 64^3.
_MOST_CHUNKS = 1 << 26


def regular_files(folder: Path) -> Iterator[Path]:
    """Give all files of a folder at any depth.

    Parameters
    ----------
    folder : Path
        The folder.

    Yields
    ------
    Path
        In no order.

    Raises
    ------
    InputError
        For a pipe, a device, or a link that leads to nothing or out of the folder.
    """
    waiting, seen = [folder], {os.path.realpath(folder)}
    while waiting:
        current = waiting.pop()
        with reported(current), os.scandir(current) as entries:
            for entry in entries:
                if entry.is_symlink():
                    check_within(str(folder), Path(entry.path), (folder,), entry.name, _REGULAR)
                if entry.is_dir():
                    real = os.path.realpath(entry.path)
                    if real not in seen:
                        seen.add(real)
                        waiting.append(Path(entry.path))
                elif entry.is_file():
                    yield Path(entry.path)
                else:
                    kind = "a pipe" if stat.S_ISFIFO(entry.stat().st_mode) else "a device or socket"
                    raise InputError(entry.path, kind, _REGULAR)


@dataclass(frozen=True)
class ChunkNames:
    """How the files of an array's chunks are named.

    Parameters
    ----------
    folder : str
        The array's folder.
    first : tuple of str
        What every name begins with.
    separator : str
        What stands between the numbers.
    counts : tuple of int
        Number of chunks along z, y and x; other axes have one, whose number is among `first`.
    depth : int
        Slices of a chunk.
    """

    folder: str
    first: tuple[str, ...]
    separator: str
    counts: tuple[int, ...]
    depth: int

    def name_of(self, index: tuple[int, ...]) -> str:
        """Name the file of a chunk."""
        return f"{self.folder}/{self.separator.join((*self.first, *map(str, index)))}"

    def index_of(self, path: str) -> tuple[int, ...] | None:
        """Take a name apart; None where it is no chunk's."""
        parts = path[len(self.folder) + 1 :].split(self.separator)
        numbers = parts[len(self.first) :]
        if tuple(parts[: len(self.first)]) != self.first or len(numbers) != len(self.counts):
            return None
        if not all(part.isascii() and part.isdigit() and len(part) < 12 for part in numbers):
            return None
        index = tuple(map(int, numbers))
        return index if all(i < n for i, n in zip(index, self.counts, strict=True)) else None


def absent_chunks(label: str, names: ChunkNames, n_slices: int, fill: object) -> tuple[DataWarning, ...]:
    """Tell how many chunks are missing between others.

    Writers leave out chunks that hold the fill value alone, such as the corners around a round field of
    view. What lies between chunks that are there, or is a whole layer, was hardly meant so.

    Parameters
    ----------
    label : str
        Named in messages.
    names : ChunkNames
        The chunks' names; the last three axes are z, y and x, others have one chunk.
    n_slices : int
        Slices of the volume.
    fill : object
        What an absent chunk reads as.

    Returns
    -------
    tuple of DataWarning
        Empty where nothing is suspicious.

    Raises
    ------
    InputError
        If no chunk is there, more are announced than any volume has, or one is no regular file.
    """
    expected = prod(names.counts)
    if expected > _MOST_CHUNKS:
        allowed = f"at most {_MOST_CHUNKS}: larger chunks, or metadata that are right"
        raise InputError(label, f"{expected} chunks", allowed)
    there = np.zeros(names.counts[-3:], dtype=bool)
    for path in regular_files(Path(names.folder)):
        index = names.index_of(str(path))
        if index is not None:
            there[index[-3:]] = True
    if there.all():
        return ()
    n_there = int(np.count_nonzero(there))
    if n_there == 0:
        raise InputError(label, f"none of {expected} chunks", "a volume whose chunks were written")
    enclosed = ~there & _between(there)
    layers: NDArray[np.bool_] = ~np.any(there, axis=(1, 2))
    n_missing = int(np.count_nonzero(enclosed | (layers[:, None, None] & ~there)))
    if n_missing == 0:
        return ()
    hit = np.flatnonzero(enclosed.any(axis=(1, 2)) | layers)
    start, stop = int(hit[0]) * names.depth, min((int(hit[-1]) + 1) * names.depth, n_slices) - 1
    where = f"between others or as whole layers, in slices {start} to {stop}"
    found = f"{n_missing} of {expected} chunks absent {where}"
    advice = f"they read as {fill}: right if all their voxels are, else copy the volume again"
    return (DataWarning(label, found, advice),)


def _between(there: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which chunks have others on both sides along some axis."""
    found = np.zeros_like(there)
    for axis in range(3):
        before = np.logical_or.accumulate(there, axis=axis)
        behind = np.flip(np.logical_or.accumulate(np.flip(there, axis), axis=axis), axis)
        found |= before & behind
    return found
