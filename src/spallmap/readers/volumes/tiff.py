"""Tomograms as a folder of TIFF slices or as one multi-page TIFF (plain, BigTIFF, OME or ImageJ)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.image import SPATIAL_AXES
from spallmap.readers.info import ImageInfo, Streamed
from spallmap.readers.tiff_files import (
    READABLE,
    SampleValues,
    TiffDirectory,
    check_alike,
    clipping_warning,
    folder_values,
    holds_tiff,
    main_series,
    open_tiff,
    page_directories,
    pick_spacing,
    series_values,
    spacing_from_tags,
    stack_files,
    tiff_names,
)
from spallmap.readers.volumes.raw import RawLayout, open_raw
from spallmap.readers.volumes.source import LazyVolume, volume_info, volume_reader
from spallmap.readers.volumes.tiff_planes import TiffPlane, plane_like, plane_of, read_planes

if TYPE_CHECKING:
    import tifffile

# tifffile's names for slices, other dimensions and series of pages.
SLICE_AXES = "ZQI"
# What stands between a slice's number and how many there are.
_COUNT_WORD = re.compile(r"[ _.-]*of[ _.-]*", re.IGNORECASE)
ONE_STACK = "grey slices of one stack, two or more"
_SLICES_ALONE = "slices alone: move darks, flats, previews and other images to another folder"


def files(path: Path) -> tuple[Path, ...]:
    """List the files of the stack, in slice order.

    Raises
    ------
    InputError
        If slices are missing or their names cannot be put into an order.
    """
    if path.is_dir():
        return slice_order(path, tiff_names(path))
    return stack_files(path)


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
            raise InputError(str(name), "a TIFF whose name does not fit the other slices", _SLICES_ALONE)
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
    _check_count(folder, names, texts[0], numbers, counting[0])
    return tuple(names[i] for i in order)


def _check_count(
    folder: Path, names: tuple[Path, ...], texts: tuple[str, ...], numbers: NDArray[Any], counting: int
) -> None:
    """Hold the slices to the number that names such as ``slice_003_of_190`` announce."""
    if counting + 1 >= numbers.shape[1] or not _COUNT_WORD.fullmatch(texts[counting + 1]):
        return
    announced = int(numbers[0, counting + 1])
    if announced != len(names):
        found = f"{len(names)} slices with names such as {names[0].name}"
        raise InputError(str(folder), found, f"all {announced} slices")


def probe(path: Path) -> ImageInfo:
    """Read the headers: of the file, or of every slice of the folder.

    Raises
    ------
    InputError
        If this is no stack of grey slices of one size, type and pixel size.
    """
    if path.is_dir():
        return _folder(path)[0]
    with open_tiff(path) as tif:
        return _file(path, tif)[0]


@contextmanager
def stream(path: Path) -> Iterator[Streamed]:
    """Open the stack; all headers are read and compared, the samples when they are asked for.

    A few slices are looked at, to report samples that were cut off.

    Yields
    ------
    Streamed
        Usable inside the block.

    Raises
    ------
    InputError
        If a slice is cut short, or differs from the first in size or type.
    """
    layout = None
    if path.is_dir():
        info, values, slices, pages = _folder(path)
        first = _slice(slices[0], info)
        planes = []
        for name, value, page in zip(slices, values, pages, strict=True):
            plane = plane_like(first, name, page, pages[0]) or _slice(name, info)
            planes.append(replace(plane, values=value))
    else:
        with open_tiff(path) as tif:
            info, values, series = _file(path, tif)
            layout = _as_one_block(path, tif, series, info) if len(set(values)) == 1 else None
            planes = [] if layout is not None else _pages(path, series, info, values)
    dtype = np.dtype(info.dtype)
    with ExitStack() as held:
        if layout is not None:
            raw = held.enter_context(open_raw(layout)).read
            read, look = _applied(raw, values[0]), _applied(raw, _stored(values[0]))
        else:
            stored = [replace(plane, values=_stored(v)) for plane, v in zip(planes, values, strict=True)]
            read = partial(_read, planes, dtype)
            look = partial(_read, stored, _stored(values[0]).dtype)
        odd = clipping_warning(path, info, look, values[0].stored.itemsize)
        info = replace(info, warnings=info.warnings if odd is None else (*info.warnings, odd))
        yield Streamed(info, LazyVolume(str(path), info.shape, dtype, read))


def _stored(values: SampleValues) -> SampleValues:
    """Leave out every scale, so that samples are as they are stored, with black as the smallest."""
    dtype = np.dtype(np.uint8) if values.stored.kind == "b" else values.stored
    return replace(values, line=None, palette=None, dtype=dtype)


def _applied(
    read: Callable[[Region], NDArray[Any]], values: SampleValues
) -> Callable[[Region], NDArray[Any]]:
    return lambda region: values.apply(read(region))


def _read(planes: Sequence[TiffPlane], dtype: np.dtype[Any], region: Region) -> NDArray[Any]:
    return read_planes(planes, region, dtype)


def _folder(
    path: Path,
) -> tuple[ImageInfo, tuple[SampleValues, ...], tuple[Path, ...], tuple[TiffDirectory, ...]]:
    """Read and compare the headers of all slices."""
    slices = files(path)
    with open_tiff(slices[0]) as tif:
        series, _, _ = series_values(slices[0], tif)
        plane, stored = _plane_shape(slices[0], series), np.dtype(series.dtype)
        spacing = pick_spacing(spacing_from_tags(tif), SPATIAL_AXES)
    values, warnings, pages = folder_values(slices, stored)
    info = volume_info(str(path), (len(slices), *plane), spacing, _real(slices[0], values[0]), "TIFF folder")
    return replace(info, warnings=warnings), values, slices, pages


def _slice(name: Path, info: ImageInfo) -> TiffPlane:
    """Describe the one slice of a file in a folder."""
    with open_tiff(name) as tif:
        series = main_series(name, tif)
        if _plane_shape(name, series) != info.shape[1:]:
            found = f"{'x'.join(map(str, series.shape))} {series.dtype}"
            raise InputError(str(name), found, f"{info.shape[1]}x{info.shape[2]} as in the first slice")
        return plane_of(name, series.pages[0], int(series.pages[0].index))


def _file(
    path: Path, tif: tifffile.TiffFile
) -> tuple[ImageInfo, tuple[SampleValues, ...], tifffile.TiffPageSeries]:
    """Read and compare the headers of all pages."""
    series, values, warnings = series_values(path, tif)
    check_alike(path, *page_directories(path, series))
    kind = "OME-TIFF" if tif.ome_metadata else "ImageJ TIFF" if tif.imagej_metadata else "TIFF"
    spacing = pick_spacing(spacing_from_tags(tif, tif.series.index(series)), SPATIAL_AXES)
    info = volume_info(str(path), _volume_shape(path, series), spacing, _real(path, values[0]), kind)
    return replace(info, warnings=warnings), values, series


def _as_one_block(
    path: Path, tif: tifffile.TiffFile, series: tifffile.TiffPageSeries, info: ImageInfo
) -> RawLayout | None:
    """Say where the samples stand, if those of all pages follow one another as they are.

    ImageJ's files over 4 GB have one page alone, with all slices behind it.
    """
    offset = series.dataoffset
    here = all(page is not None and page.parent is tif for page in series.pages)
    # samples of less than a byte, and of three bytes, are unpacked page by page
    plain = series.keyframe.bitspersample == 8 * np.dtype(series.dtype).itemsize
    if offset is None or not here or not plain:
        return None
    if offset + series.nbytes > tif.filehandle.size:
        raise InputError(str(path), "fewer samples than the header announces", READABLE)
    dtype = np.dtype(series.dtype).newbyteorder(tif.byteorder)
    return RawLayout(header=path, path=path, offset=int(offset), shape=info.shape, dtype=dtype)


def _pages(
    path: Path, series: tifffile.TiffPageSeries, info: ImageInfo, values: tuple[SampleValues, ...]
) -> list[TiffPlane]:
    if len(series.pages) != info.shape[0] or len(values) != info.shape[0]:
        found = f"{len(series.pages)} pages for {info.shape[0]} slices"
        raise InputError(str(path), found, "a page for each slice")
    return [
        replace(plane_of(path, page, number), values=values[number])
        for number, page in enumerate(series.pages)
    ]


def _real(path: Path, values: SampleValues) -> np.dtype[Any]:
    if values.stored.kind not in "buif":
        raise InputError(str(path), f"samples of type {values.stored}", "whole or floating-point numbers")
    return values.dtype


def _squeezed(series: tifffile.TiffPageSeries) -> tuple[str, tuple[int, ...]]:
    kept = [(a, n) for a, n in zip(series.axes, series.shape, strict=True) if n > 1 or a in "YX"]
    return "".join(a for a, _ in kept), tuple(n for _, n in kept)


def _plane_shape(path: Path, series: tifffile.TiffPageSeries) -> tuple[int, ...]:
    axes, shape = _squeezed(series)
    if axes != "YX":
        raise InputError(
            str(path), f"axes {axes} of lengths {shape}", "one grey slice in each file of a folder"
        )
    return shape


def _volume_shape(path: Path, series: tifffile.TiffPageSeries) -> tuple[int, ...]:
    axes, shape = _squeezed(series)
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
