"""Tomograms as a folder of TIFF slices or as one multi-page TIFF (plain, BigTIFF, OME or ImageJ)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.errors import InputError
from spallmap.image import SPATIAL_AXES
from spallmap.readers.info import ImageInfo, Streamed
from spallmap.readers.tiff_files import (
    READABLE,
    holds_tiff,
    open_tiff,
    pick_spacing,
    spacing_from_tags,
    tiff_names,
)
from spallmap.readers.volumes.raw import RawLayout, open_raw
from spallmap.readers.volumes.source import LazyVolume, volume_info, volume_reader
from spallmap.readers.volumes.tiff_planes import TiffPlane, plane_of, read_planes

if TYPE_CHECKING:
    import tifffile

# tifffile's names for slices, other dimensions and series of pages.
SLICE_AXES = "ZQI"
ONE_STACK = "grey slices of one stack, two or more"


def files(path: Path) -> tuple[Path, ...]:
    """List the files of the stack, in slice order.

    Raises
    ------
    InputError
        If slices are missing or their names cannot be put into an order.
    """
    if path.is_dir():
        return slice_order(path, tiff_names(path))
    with open_tiff(path) as tif:
        if not tif.series[0].is_multifile:
            return (path,)
        parents = [page.parent.filehandle.path for page in tif.series[0].pages if page is not None]
    return tuple(dict.fromkeys(Path(p) for p in parents))


def slice_order(folder: Path, names: tuple[Path, ...]) -> tuple[Path, ...]:
    """Order slices by the one number that counts up in their names.

    Parameters
    ----------
    folder : Path
        Named in the message.
    names : tuple of Path
        The slices.

    Returns
    -------
    tuple of Path
        In slice order.

    Raises
    ------
    InputError
        If a name does not fit the others, more than one number changes, or the counting has a gap or a
        double.
    """
    if len(names) < 2:
        raise InputError(str(folder), f"{len(names)} TIFF slice(s)", ONE_STACK)
    parts = [re.split(r"(\d+)", p.stem) for p in names]
    texts = [tuple(part[::2]) for part in parts]
    usual = max(set(texts), key=texts.count)
    for name, text in zip(names, texts, strict=True):
        if text != usual:
            raise InputError(str(name), "a TIFF whose name does not fit the other slices", "slices alone")
    numbers = np.array([[int(n) for n in part[1::2]] for part in parts], dtype=object)
    counting = [column for column in range(numbers.shape[1]) if len(set(numbers[:, column])) > 1]
    if len(counting) != 1:
        found = f"names such as {names[0].name} in which {len(counting)} numbers change"
        raise InputError(str(folder), found, "one number that counts the slices")
    counts = numbers[:, counting[0]]
    order = sorted(range(len(names)), key=lambda i: counts[i])
    for before, after in pairwise(order):
        if counts[after] != counts[before] + 1:
            found = f"{names[after].name} next after {names[before].name}"
            raise InputError(str(folder), found, "slices numbered without gap or double")
    return tuple(names[i] for i in order)


def probe(path: Path) -> ImageInfo:
    """Read the header of the file, or of the first slice and the names of the others.

    Raises
    ------
    InputError
        If this is no stack of grey slices.
    """
    if path.is_dir():
        slices = files(path)
        with open_tiff(slices[0]) as tif:
            plane, dtype, found = _plane_shape(slices[0], tif), _dtype(slices[0], tif), spacing_from_tags(tif)
        shape = (len(slices), *plane)
        return volume_info(
            str(path), shape, pick_spacing(found, SPATIAL_AXES), np.dtype(dtype), "TIFF folder"
        )
    with open_tiff(path) as tif:
        shape, dtype = _volume_shape(path, tif), _dtype(path, tif)
        kind = "OME-TIFF" if tif.ome_metadata else "ImageJ TIFF" if tif.imagej_metadata else "TIFF"
        spacing = pick_spacing(spacing_from_tags(tif), SPATIAL_AXES)
        return volume_info(str(path), shape, spacing, np.dtype(dtype), kind)


@contextmanager
def stream(path: Path) -> Iterator[Streamed]:
    """Open the stack; all headers are read and compared, the samples when they are asked for.

    Yields
    ------
    Streamed
        Usable inside the block.

    Raises
    ------
    InputError
        If a slice is cut short, or differs from the first in size or type.
    """
    info = probe(path)
    dtype = np.dtype(info.dtype)
    if path.is_dir():
        planes = [_slice(name, info) for name in files(path)]
    else:
        with open_tiff(path) as tif:
            _check_alike(path, tif)
            layout = _as_one_block(path, tif, info)
            planes = [] if layout is not None else _pages(path, tif, info)
        if layout is not None:
            with open_raw(layout) as raw:
                yield Streamed(info, LazyVolume(str(path), info.shape, dtype, raw.read))
            return
    yield Streamed(info, LazyVolume(str(path), info.shape, dtype, lambda region: read_planes(planes, region)))


def _slice(name: Path, info: ImageInfo) -> TiffPlane:
    """Describe the one slice of a file in a folder."""
    with open_tiff(name) as tif:
        plane, dtype = _plane_shape(name, tif), _dtype(name, tif)
        if plane != info.shape[1:] or dtype != info.dtype:
            found = f"{plane[0]}x{plane[1]} {dtype}"
            allowed = f"{info.shape[1]}x{info.shape[2]} {info.dtype} as in the first slice"
            raise InputError(str(name), found, allowed)
        return plane_of(name, tif.pages[0], 0)


def _check_alike(path: Path, tif: tifffile.TiffFile) -> None:
    """Read every page's own header: tifffile takes later pages to be like the first."""
    for number, page in enumerate(tif.series[0].pages):
        if page is None or page.is_virtual:
            continue
        handle = page.parent.filehandle
        closed = handle.closed
        if closed:
            handle.open()
        try:
            own = page.aspage()
        finally:
            if closed:
                handle.close()
        if own.hash != page.keyframe.hash:
            found = (
                f"page {number} of shape {own.shape} {own.dtype}, unlike the first in size, type or layout"
            )
            raise InputError(str(path), found, ONE_STACK)


def _as_one_block(path: Path, tif: tifffile.TiffFile, info: ImageInfo) -> RawLayout | None:
    """Say where the samples stand, if those of all pages follow one another as they are.

    ImageJ's files over 4 GB have one page alone, with all slices behind it.
    """
    series = tif.series[0]
    offset = series.dataoffset
    if offset is None or series.is_multifile:
        return None
    if offset + series.nbytes > tif.filehandle.size:
        raise InputError(str(path), "fewer samples than the header announces", READABLE)
    dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
    return RawLayout(header=path, path=path, offset=int(offset), shape=info.shape, dtype=dtype)


def _pages(path: Path, tif: tifffile.TiffFile, info: ImageInfo) -> list[TiffPlane]:
    pages = tif.series[0].pages
    if len(pages) != info.shape[0]:
        raise InputError(str(path), f"{len(pages)} pages for {info.shape[0]} slices", "a page for each slice")
    planes = []
    for number, page in enumerate(pages):
        if page is None:
            raise InputError(str(path), f"page {number} of {len(pages)} missing", READABLE)
        planes.append(plane_of(path, page, number))
    return planes


def _dtype(path: Path, tif: tifffile.TiffFile) -> str:
    dtype = np.dtype(tif.series[0].dtype)
    if dtype.kind not in "uif":
        raise InputError(str(path), f"samples of type {dtype}", "whole or floating-point numbers")
    return str(dtype.newbyteorder("="))


def _squeezed(tif: tifffile.TiffFile) -> tuple[str, tuple[int, ...]]:
    series = tif.series[0]
    kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


def _plane_shape(path: Path, tif: tifffile.TiffFile) -> tuple[int, ...]:
    axes, shape = _squeezed(tif)
    if axes != "YX":
        raise InputError(
            str(path), f"axes {axes} of lengths {shape}", "one grey slice in each file of a folder"
        )
    return shape


def _volume_shape(path: Path, tif: tifffile.TiffFile) -> tuple[int, ...]:
    axes, shape = _squeezed(tif)
    if len(tif.series) > 1:
        shapes = ", ".join(f"{series.shape} {series.dtype}" for series in tif.series[:4])
        raise InputError(str(path), f"pages of unequal size or type: {shapes}", ONE_STACK)
    if len(axes) != 3 or axes[0] not in SLICE_AXES or axes[1:] != "YX":
        raise InputError(str(path), f"axes {axes} of lengths {shape}", ONE_STACK)
    return shape


READER = volume_reader(
    "TIFF stack",
    "a folder of numbered TIFF slices, or one multi-page TIFF, BigTIFF, OME-TIFF or ImageJ TIFF",
    holds_tiff,
    files,
    probe,
    stream,
)
