"""Slices of a TIFF stack, of which only the strips or tiles that a region touches are read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.readers.checks.file_access import reported
from spallmap.readers.tiff_files import BYTE_CODECS, READABLE, SampleValues, TiffDirectory
from spallmap.readers.volumes.raw import read_exactly
from spallmap.readers.volumes.source import DAMAGE

if TYPE_CHECKING:
    import tifffile


@dataclass(frozen=True)
class TiffPlane:
    """One slice of a stack.

    Parameters
    ----------
    path : Path
        Its file.
    source_label : str
        File and page, for messages.
    shape : tuple of int
        Rows and columns.
    dtype : dtype
        Type of the samples with the file's byte order.
    offsets, counts : tuple of int
        Where its segments (strips or tiles) begin and how many bytes they have; one for a slice whose
        samples stand in the file as they are.
    segment : tuple of int
        Rows and columns of a segment.
    decode : callable or None
        Decodes a segment (bytes and number) to samples; None where they stand as they are.
    jpegtables : bytes or None
        What JPEG segments of one page share.
    values : SampleValues or None
        How its samples become values; None where they are values.
    """

    path: Path
    source_label: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    segment: tuple[int, int]
    decode: Callable[..., tuple[NDArray[Any] | None, tuple[int, ...], tuple[int, ...]]] | None = None
    jpegtables: bytes | None = None
    values: SampleValues | None = None


def plane_of(path: Path, page: tifffile.TiffPage | tifffile.TiffFrame, number: int) -> TiffPlane:
    """Describe one page of an open TIFF, after checking that all its bytes are there.

    Parameters
    ----------
    path : Path
        The stack, for messages.
    page : tifffile.TiffPage or tifffile.TiffFrame
        The page.
    number : int
        Its number in the stack.

    Returns
    -------
    TiffPlane
        It can be read after the TIFF was closed.

    Raises
    ------
    InputError
        If the page ends beyond the end of the file, or has samples that no slice has.
    """
    key = page.keyframe
    file = Path(page.parent.filehandle.path)
    source_label = f"{path}, page {number}" if file == path else f"{file} (page {number} of {path.name})"
    ends = [o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)]
    if any(n == 0 for n in page.databytecounts) or max(ends, default=0) > page.parent.filehandle.size:
        raise InputError(str(path), f"page {number} cut short", READABLE)
    if key.samplesperpixel != 1 or key.imagedepth != 1:
        found = f"{key.samplesperpixel} samples a pixel and depth {key.imagedepth}"
        raise InputError(source_label, found, "grey slices")
    shape = (int(key.imagelength), int(key.imagewidth))
    dtype = np.dtype(key.dtype).newbyteorder(page.parent.byteorder)
    if page.is_final and key.bitspersample == 8 * dtype.itemsize:
        start = int(page.dataoffsets[0])
        if start + shape[0] * shape[1] * dtype.itemsize > page.parent.filehandle.size:
            raise InputError(str(path), f"page {number} cut short", READABLE)
        size = shape[0] * shape[1] * dtype.itemsize
        return TiffPlane(file, source_label, shape, dtype, (start,), (size,), shape)
    segment = (int(key.tilelength), int(key.tilewidth)) if key.is_tiled else (int(key.rowsperstrip), shape[1])
    segment = (min(segment[0], shape[0]) if not key.is_tiled else segment[0], segment[1])
    expected = -(-shape[0] // segment[0]) * -(-shape[1] // segment[1])
    if len(page.dataoffsets) != expected:
        raise InputError(source_label, f"{len(page.dataoffsets)} strips or tiles", f"{expected}")
    return TiffPlane(
        path=file,
        source_label=source_label,
        shape=shape,
        dtype=dtype,
        offsets=tuple(int(o) for o in page.dataoffsets),
        counts=tuple(int(n) for n in page.databytecounts),
        segment=segment,
        decode=page.decode,
        jpegtables=page.jpegtables,
    )


def plane_like(first: TiffPlane, name: Path, page: TiffDirectory, usual: TiffDirectory) -> TiffPlane | None:
    """Describe the slice of another file that is stored as the first one is, without a library's help.

    Parameters
    ----------
    first : TiffPlane
        The first slice.
    name : Path
        The other file.
    page, usual : TiffDirectory
        Directory of the other slice and of the first one, with their segments.

    Returns
    -------
    TiffPlane or None
        None where it is stored in another way, or its decoder needs more of its page.

    Raises
    ------
    InputError
        If the slice ends beyond the end of its file.
    """
    if page.packing != usual.packing or page.look != usual.look or page.number(259, 1) not in BYTE_CODECS:
        return None
    offsets, counts = page.segments()
    if len(offsets) != len(counts) or not offsets:
        return None
    with reported(name):
        size = name.stat().st_size
    if min(counts) == 0 or max(o + n for o, n in zip(offsets, counts, strict=True)) > size:
        raise InputError(page.source_label, "a slice cut short", READABLE)
    if first.decode is None:
        joined = all(o + n == after for o, n, after in zip(offsets, counts, offsets[1:], strict=False))
        if not joined or sum(counts) != first.counts[0]:
            return None
        offsets, counts = offsets[:1], first.counts
    elif len(offsets) != len(first.offsets):
        return None
    return replace(first, path=name, source_label=page.source_label, offsets=offsets, counts=counts)


def read_planes(planes: Sequence[TiffPlane], region: Region, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Read a region of a stack.

    Parameters
    ----------
    planes : sequence of TiffPlane
        The slices, of one size and type.
    region : tuple of slice
        Along z, y and x.
    dtype : dtype
        Type of the values.

    Returns
    -------
    ndarray
        The values in native byte order.

    Raises
    ------
    InputError
        If a strip or tile is damaged, naming file and page.
    """
    z, y, x = region
    out = np.empty((z.stop - z.start, y.stop - y.start, x.stop - x.start), dtype)
    stored = np.empty(out.shape[1:], planes[z.start].dtype.newbyteorder("="))
    with ExitStack() as stack:
        opened: Path | None = None
        descriptor = -1
        for k in range(z.start, z.stop):
            plane = planes[k]
            if plane.path != opened:
                stack.close()
                with reported(plane.path):
                    descriptor = os.open(plane.path, os.O_RDONLY)
                stack.callback(os.close, descriptor)
                opened = plane.path
            try:
                _read_plane(plane, descriptor, y, x, stored)
            except DAMAGE as error:
                raise InputError(plane.source_label, f"a damaged slice ({error})", READABLE) from error
            out[k - z.start] = stored if plane.values is None else plane.values.apply(stored)
    return out


def _read_plane(plane: TiffPlane, descriptor: int, y: slice, x: slice, out: NDArray[Any]) -> None:
    if plane.decode is None:
        row = plane.shape[1] * plane.dtype.itemsize
        content = _bytes(plane, descriptor, (y.stop - y.start) * row, plane.offsets[0] + y.start * row)
        out[:] = np.frombuffer(content, plane.dtype).reshape(y.stop - y.start, plane.shape[1])[:, x]
        return
    for index in _touched(plane, y, x):
        content = _bytes(plane, descriptor, plane.counts[index], plane.offsets[index])
        segment, position, shape = plane.decode(content, index, jpegtables=plane.jpegtables)
        if segment is None:
            raise InputError(plane.source_label, f"no samples in strip or tile {index}", READABLE)
        top, left, (rows, columns) = position[2], position[3], shape[1:3]
        samples = np.asarray(segment)[0, :rows, :columns, 0]
        ys = slice(max(y.start, top), min(y.stop, top + rows))
        xs = slice(max(x.start, left), min(x.stop, left + columns))
        out[ys.start - y.start : ys.stop - y.start, xs.start - x.start : xs.stop - x.start] = samples[
            ys.start - top : ys.stop - top, xs.start - left : xs.stop - left
        ]


def _bytes(plane: TiffPlane, descriptor: int, count: int, offset: int) -> bytes:
    content = read_exactly(descriptor, count, offset)
    if content is None:
        raise InputError(plane.source_label, "a slice cut short", READABLE)
    return content


def _touched(plane: TiffPlane, y: slice, x: slice) -> Iterator[int]:
    """Numbers of the segments that a region touches."""
    rows, columns = plane.segment
    across = -(-plane.shape[1] // columns)
    for row in range(y.start // rows, -(-y.stop // rows)):
        for column in range(x.start // columns, -(-x.stop // columns)):
            yield row * across + column
