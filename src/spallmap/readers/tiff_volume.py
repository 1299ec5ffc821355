"""Tomograms as a folder of TIFF slices or as one multi-page TIFF (plain, BigTIFF, OME or ImageJ)."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Loaded, Reader
from spallmap.readers.tiff_files import (
    holds_tiff,
    open_tiff,
    pick_spacing,
    read_series,
    spacing_from_tags,
    tiff_names,
)

if TYPE_CHECKING:
    import tifffile

AXES = ("z", "y", "x")
SLICE_AXES = "ZQI"  # tifffile's names for slices, other dimensions and series of pages
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
        return ImageInfo((len(slices), *plane), AXES, pick_spacing(found, AXES), dtype, "TIFF folder")
    with open_tiff(path) as tif:
        shape, dtype = _volume_shape(path, tif), _dtype(path, tif)
        kind = "OME-TIFF" if tif.ome_metadata else "ImageJ TIFF" if tif.imagej_metadata else "TIFF"
        return ImageInfo(shape, AXES, pick_spacing(spacing_from_tags(tif), AXES), dtype, kind)


def load(path: Path) -> Loaded:
    """Read the stack.

    Raises
    ------
    InputError
        If a slice is damaged, or differs from the first in size or type.
    """
    info = probe(path)
    if not path.is_dir():
        with open_tiff(path) as tif:
            return Loaded(info, read_series(path, tif).reshape(info.shape))
    data: NDArray[Any] = np.empty(info.shape, dtype=info.dtype)
    for number, name in enumerate(files(path)):
        with open_tiff(name) as tif:
            plane, dtype = _plane_shape(name, tif), _dtype(name, tif)
            if plane != info.shape[1:] or dtype != info.dtype:
                found = f"{plane[0]}x{plane[1]} {dtype}"
                allowed = f"{info.shape[1]}x{info.shape[2]} {info.dtype} as in the first slice"
                raise InputError(str(name), found, allowed)
            data[number] = read_series(name, tif).reshape(plane)
    return Loaded(info, data)


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
    if len(axes) != 3 or axes[0] not in SLICE_AXES or axes[1:] != "YX":
        raise InputError(str(path), f"axes {axes} of lengths {shape}", ONE_STACK)
    return shape


READER = Reader(
    name="TIFF stack",
    modalities=("xct",),
    accepts="a folder of numbered TIFF slices, or one multi-page TIFF, BigTIFF, OME-TIFF or ImageJ TIFF",
    claims=holds_tiff,
    files=files,
    probe=probe,
    load=load,
)
