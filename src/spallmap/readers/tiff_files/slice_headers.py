"""Headers of many slices, compared before any of their samples is read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from spallmap.errors import DataWarning, InputError
from spallmap.readers.tiff_files.bounded_open import open_tiff
from spallmap.readers.tiff_files.directories import (
    BITS,
    IMAGE_LENGTH,
    IMAGE_WIDTH,
    RESOLUTION_UNIT,
    SAMPLE_FORMAT,
    SAMPLES,
    X_RESOLUTION,
    Y_RESOLUTION,
    TiffDirectory,
    read_directories,
)
from spallmap.readers.tiff_files.main_image import main_series
from spallmap.readers.tiff_files.pixel_sizes import directory_sizes, of_a_screen
from spallmap.readers.tiff_files.stored_values import SampleValues, stack_values

# Slices of one scan have one pixel size; what programs round differs by less.
SIZE_TOLERANCE = 1e-3
# Resolution tags that nobody reads as a pixel size: this far apart, slices are from different images.
TAG_TOLERANCE = 0.03


def data_page(path: Path, pages: Sequence[TiffDirectory]) -> int:
    """Find the page with the data of a file that holds one slice.

    Parameters
    ----------
    path : Path
        The file.
    pages : sequence of TiffDirectory
        Its pages.

    Returns
    -------
    int
        0 where there is one page.

    Raises
    ------
    InputError
        If more than one page may be meant.
    """
    if len(pages) == 1:
        return 0
    with open_tiff(path) as tif:
        series = main_series(path, tif)
        if len(series.pages) != 1:
            raise InputError(
                str(path), f"{len(series.pages)} images", "one grey slice in each file of a folder"
            )
        return int(series.pages[0].index)


def folder_values(
    names: Sequence[Path], dtype: np.dtype[np.generic]
) -> tuple[tuple[SampleValues, ...], tuple[DataWarning, ...], tuple[TiffDirectory, ...]]:
    """Compare the headers of all slices of a folder, and say how their samples become values.

    Parameters
    ----------
    names : sequence of Path
        The slices, in order.
    dtype : dtype
        Type of the first slice's samples as the library decodes them.

    Returns
    -------
    tuple of SampleValues, tuple of DataWarning, tuple of TiffDirectory
        One for each slice, all of one type; what is odd; and the directory of each slice.

    Raises
    ------
    InputError
        If a slice is damaged, or differs from the first in size, type or pixel size, or if some have a scale
        of their own and others not.
    """
    slices: list[TiffDirectory] = []
    firsts: list[TiffDirectory] = []
    sizes: dict[str, float] = {}
    warnings: list[DataWarning] = []
    for number, name in enumerate(names):
        pages = read_directories(name, segments=True)
        page = pages[data_page(name, pages)]
        if number == 0:
            sizes = directory_sizes(pages[0])
        else:
            _check_look(name, page, slices[0])
            _check_size(name, names[0], directory_sizes(pages[0]), sizes)
            odd = _resolution_change(name, page, slices[0])
            if odd is not None and not warnings:
                warnings.append(odd)
        slices.append(page)
        firsts.append(pages[0])
    values, more = stack_values(slices, dtype, firsts)
    return values, (*warnings, *more), tuple(slices)


def check_alike(path: Path, pages: Sequence[TiffDirectory], firsts: Sequence[TiffDirectory]) -> None:
    """Compare the headers of the pages of one stack: a library takes later pages to be like the first.

    Parameters
    ----------
    path : Path
        The stack, for messages.
    pages : sequence of TiffDirectory
        Its pages.
    firsts : sequence of TiffDirectory
        First page of each one's file.

    Raises
    ------
    InputError
        If one differs from the first in size or type, or from others of its file in how it is stored.
    """
    packing: dict[int, TiffDirectory] = {}
    for number, (page, first) in enumerate(zip(pages, firsts, strict=True)):
        usual = packing.setdefault(id(first), page)
        if page.look != pages[0].look or page.packing != usual.packing:
            found = f"page {number} of {_size(page)}, unlike the first in size, type or layout"
            raise InputError(str(path), found, "grey slices of one stack, of one size and type")


def _size(page: TiffDirectory) -> str:
    kinds = {1: "uint", 2: "int", 3: "float", 5: "complex int", 6: "complex"}
    kind = f"{kinds.get(page.number(SAMPLE_FORMAT, 1), 'unknown')}{page.number(BITS, 1)}"
    colours = page.number(SAMPLES, 1)
    said = f"{page.number(IMAGE_LENGTH, 0)}x{page.number(IMAGE_WIDTH, 0)} {kind}"
    return said if colours == 1 else f"{said} of {colours} colours"


def _check_look(name: Path, page: TiffDirectory, first: TiffDirectory) -> None:
    if page.look != first.look:
        raise InputError(str(name), _size(page), f"{_size(first)} as in the first slice")


def _check_size(name: Path, first: Path, own: dict[str, float], usual: dict[str, float]) -> None:
    alike = own.keys() == usual.keys()
    if not alike or any(abs(own[axis] - usual[axis]) > SIZE_TOLERANCE * usual[axis] for axis in own):
        said = [", ".join(f"{a} {s:g} um" for a, s in found.items()) or "none" for found in (own, usual)]
        allowed = f"{said[1]}, as in {first.name}: slices of one scan"
        raise InputError(f"{name}, pixel size", said[0], allowed)


def _resolution_change(name: Path, page: TiffDirectory, first: TiffDirectory) -> DataWarning | None:
    """Refuse resolution tags that contradict the first slice's; warn where one is a screen's or absent."""
    own, usual = _per_um(page), _per_um(first)
    pairs = list(zip(own, usual, strict=True))
    if all(a == b or abs(a - b) <= TAG_TOLERANCE * b for a, b in pairs if a and b) and all(
        bool(a) == bool(b) for a, b in pairs
    ):
        return None
    found = f"resolution tags {X_RESOLUTION} and {Y_RESOLUTION} unlike those of the first slice"
    if all(own) and all(usual):
        raise InputError(str(name), found, "slices of one scan and one export")
    advice = "they are not used: see that all slices are of one scan"
    return DataWarning(str(name), found, advice)


def _per_um(page: TiffDirectory) -> tuple[float, float]:
    """Resolutions as a page has them in pixels a um; 0 for none, or a screen's."""
    unit = {2: 25400.0, 3: 10000.0}.get(page.number(RESOLUTION_UNIT, 2))
    found = []
    for tag in (X_RESOLUTION, Y_RESOLUTION):
        value = float(page.values.get(tag, (0.0,))[0])
        screen = unit is None or not value > 1 or value == float("inf") or of_a_screen(unit / value)
        found.append(0.0 if screen or unit is None else value / unit)
    return found[0], found[1]
