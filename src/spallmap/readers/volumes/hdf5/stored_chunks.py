"""What of an HDF5 dataset was ever written, and how large the pieces are that must be read at once.

HDF5 reads as the fill value what was never written, and unpacks a chunk as a whole for one voxel of it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Any

from spallmap.errors import InputError
from spallmap.readers.volumes.packed_size import LARGEST_CHUNK_BYTES, check_packed

if TYPE_CHECKING:
    import h5py

_REST = "a dataset that was written to its end: copy it again, or ask whoever wrote it"
# HDF5's number of the filter deflate.
_DEFLATE = 1
# Where nobody could have unpacked more than this from a chunk, it is read without a look.
_SMALL_PACKED = 1 << 18
# Chunks whose position is looked up to say where something is missing.
_MOST_LISTED = 1 << 20


def check_written(source_label: str, dataset: h5py.Dataset) -> None:
    """Refuse a dataset of which a part was never written, or whose chunks are too large to be read.

    Parameters
    ----------
    source_label : str
        Named in messages.
    dataset : h5py.Dataset
        Neither virtual nor with external storage, of which other places know.

    Raises
    ------
    InputError
        If chunks are missing, nothing was stored, or one chunk would take too much memory.
    """
    label = f"{source_label}, {dataset.name}"
    if dataset.chunks is None:
        announced, stored = dataset.size * dataset.dtype.itemsize, int(dataset.id.get_storage_size())
        if stored < announced:
            raise InputError(label, f"{stored} of {announced} bytes; the rest was never written", _REST)
        return
    n_bytes = prod(dataset.chunks) * dataset.dtype.itemsize
    packed = dataset.id.get_create_plist().get_nfilters() > 0
    if packed and n_bytes > LARGEST_CHUNK_BYTES:
        found = f"compressed chunks of {n_bytes / 1e6:.0f} MB each, {dataset.chunks} samples"
        allowed = (
            f"chunks of at most {LARGEST_CHUNK_BYTES / 1e6:.0f} MB, since one is unpacked as a whole: "
            f"rechunk it, for example h5repack -l {dataset.name}:CHUNK={_smaller(dataset)} in.h5 out.h5"
        )
        raise InputError(label, found, allowed)
    expected = prod(-(-n // c) for n, c in zip(dataset.shape, dataset.chunks, strict=True))
    written = int(dataset.id.get_num_chunks())
    if written < expected:
        where = _where(dataset) if written <= _MOST_LISTED else ""
        rest = f"the rest was never written and would read as {dataset.fillvalue}"
        found = f"{written} of {expected} chunks; {rest}"
        raise InputError(label, found + where, _REST)


def _smaller(dataset: h5py.Dataset) -> str:
    lengths = [1] * (dataset.ndim - 3) + [min(n, 64) for n in dataset.shape[-3:]]
    return "x".join(map(str, lengths))


def _where(dataset: h5py.Dataset) -> str:
    """Say between which slices the first missing chunk lies."""
    lengths = dataset.chunks
    there: set[tuple[int, ...]] = set()

    def note(chunk: Any) -> None:
        there.add(tuple(o // c for o, c in zip(chunk.chunk_offset, lengths, strict=True)))

    dataset.id.chunk_iter(note)
    counts = (range(-(-n // c)) for n, c in zip(dataset.shape, lengths, strict=True))
    # at most one more than there are is looked at
    first = next((index for index in product(*counts) if index not in there), None)
    if first is None:
        return ""
    start = first[-3] * lengths[-3]
    stop = min(start + lengths[-3], dataset.shape[-3]) - 1
    return f" (the first in samples {start} to {stop} of its slowest axis)"


def chunk_guard(dataset: h5py.Dataset) -> Callable[[tuple[slice | int, ...]], None] | None:
    """Return what looks whether the deflated chunks of a region hold what they announce.

    Parameters
    ----------
    dataset : h5py.Dataset
        The dataset.

    Returns
    -------
    callable or None
        Raises ValueError on a chunk that holds more. None where no chunk can: nothing is deflated, or
        another filter unpacked it.
    """
    if dataset.chunks is None or dataset.is_virtual:
        return None
    filters = dataset.id.get_create_plist()
    kinds = [filters.get_filter(k)[0] for k in range(filters.get_nfilters())]
    if _DEFLATE not in kinds:
        return None
    lengths = tuple(dataset.chunks)
    n_bytes = prod(lengths) * dataset.dtype.itemsize
    known: set[tuple[int, ...]] = set()
    lock = threading.Lock()

    def check(region: tuple[slice | int, ...]) -> None:
        for index in product(*map(_numbers_of, region, lengths)):
            at = tuple(i * c for i, c in zip(index, lengths, strict=True))
            with lock:
                if at in known:
                    continue
            if int(dataset.id.get_chunk_info_by_coord(at).size) > _SMALL_PACKED:
                skipped, packed = dataset.id.read_direct_chunk(at)
                if not skipped >> kinds.index(_DEFLATE) & 1:  # deflate is left out where it gains nothing
                    check_packed("zlib", packed, n_bytes)
            with lock:
                known.add(at)

    return check


def _numbers_of(part: slice | int, length: int) -> range:
    if isinstance(part, int):
        return range(part // length, part // length + 1)
    return range(part.start // length, -(-part.stop // length))
