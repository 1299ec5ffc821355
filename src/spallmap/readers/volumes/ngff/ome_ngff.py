"""Tomograms as OME-Zarr 0.4 (Zarr 2) and 0.5 (Zarr 3)."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import DataWarning, InputError
from spallmap.readers.info import ImageInfo, Streamed, VolumeSource, length_in_um
from spallmap.readers.volumes.ngff.chunk_files import absent_chunks, regular_files
from spallmap.readers.volumes.ngff.zarr_chunks import chunk_check, chunk_names, chunk_reader
from spallmap.readers.volumes.ngff.zarr_metadata import ZarrNode, array_below, check_chunk_size, read_node
from spallmap.readers.volumes.source import DAMAGE, LazyVolume, volume_info, volume_reader

ACCEPTS = "an OME-Zarr folder, version 0.4 or 0.5, with one channel and one time"
MARKS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
_FILES = (".zarr", ".zarr.zip", ".ozx")
_VERSIONS = ("0.4", "0.5")
# A level that is finer by less than this is as fine: rounding of scales.
_SAME_SCALE = 1e-6


def claims(path: Path) -> bool:
    """Whether the path is a Zarr folder, or a file that should be one."""
    if path.is_dir():
        return any(os.path.lexists(path / mark) for mark in MARKS)
    return path.name.lower().endswith(_FILES)


def files(path: Path) -> tuple[Path, ...]:
    """List all files of the folder.

    Raises
    ------
    InputError
        For a pipe, a device, or a link that leads to nothing or out of the folder.
    """
    _check_folder(path)
    return tuple(sorted(regular_files(path)))


def probe(path: Path) -> ImageInfo:
    """Read the metadata of the full resolution.

    Raises
    ------
    InputError
        If this is no OME-Zarr volume of one channel and time.
    """
    return _finest(path).info


@contextmanager
def stream(path: Path) -> Iterator[Streamed]:
    """Open the full resolution.

    Yields
    ------
    Streamed
        Chunks that hold the fill value alone may be absent.

    Raises
    ------
    InputError
        As :func:`probe`.
    """
    level = _finest(path)
    yield Streamed(level.info, level.data)


def open_level(path: Path, number: int = 0) -> VolumeSource:
    """Open one level of a volume of our own; nothing is kept open.

    Parameters
    ----------
    path : Path
        The folder.
    number : int
        0 is the full resolution.

    Returns
    -------
    VolumeSource
        With lazy voxels.

    Raises
    ------
    InputError
        If this is no such volume, it has no such level, or it does not say its voxel size.
    """
    image = _multiscale(path)
    if not 0 <= number < len(image.datasets):
        raise InputError(str(path), f"level {number}", f"0 to {len(image.datasets) - 1}")
    level = _opened(image, number, least_slices=1, own=True)
    if level.info.spacing_um is None:
        raise InputError(str(path), "no voxel size", "an OME-Zarr with scale and units of length")
    return VolumeSource(level.info, level.info.spacing_um, level.data)


@dataclass(frozen=True)
class _Multiscale:
    """What the metadata of one image say."""

    node: ZarrNode
    version: str
    names: tuple[str, ...]
    units: tuple[str, ...]
    datasets: tuple[str, ...]
    scales: tuple[tuple[float, ...], ...]
    is_label: bool


@dataclass(frozen=True)
class _Level:
    info: ImageInfo
    data: LazyVolume


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        allowed = "the folder of an OME-Zarr: unpack an archive, or ask for the folder"
        raise InputError(str(path), "a file", allowed)


def _multiscale(path: Path) -> _Multiscale:
    _check_folder(path)
    node = read_node(path, ACCEPTS)
    if node.is_array:
        allowed = "the folder above, which has the metadata"
        raise InputError(str(path), "no readable volume: an array alone", allowed)
    ome = node.attributes.get("ome")
    described: Mapping[str, Any] = ome if isinstance(ome, Mapping) else node.attributes
    images = described.get("multiscales")
    if images is None:
        raise InputError(str(path), *_what_else(path, described))
    label = f"{path}, 'multiscales'"
    if not isinstance(images, list) or len(images) != 1 or not isinstance(images[0], Mapping):
        n = len(images) if isinstance(images, list) else 0
        raise InputError(label, f"no readable volume: {n} images", "one multiscale image")
    image = images[0]
    version = str(described.get("version") or image.get("version") or "0.4")[:20]
    if not any(re.match(rf"{re.escape(v)}(\D|$)", version) for v in _VERSIONS):
        raise InputError(str(path), f"OME-Zarr version {version}", " or ".join(_VERSIONS))
    axes = _objects(f"{label}, 'axes'", image.get("axes"))
    datasets = _objects(f"{label}, 'datasets'", image.get("datasets"))
    names = tuple(str(axis.get("name")) for axis in axes)
    if names[-3:] != ("z", "y", "x"):
        allowed = "axes that end in z, y, x: write the volume anew in this order"
        raise InputError(f"{label}, 'axes'", f"axes {', '.join(names)}", allowed)
    shared = _scale(label, image.get("coordinateTransformations", []), len(names))
    scales = []
    for k, dataset in enumerate(datasets):
        place = f"{label}, dataset {k}"
        own = _scale(place, dataset.get("coordinateTransformations"), len(names))
        if own is None:
            raise InputError(place, "no scale", "coordinateTransformations with a scale")
        scales.append(tuple(a * b for a, b in zip(own, shared or (1.0,) * len(names), strict=True)))
    return _Multiscale(
        node=node,
        version=version,
        names=names,
        units=tuple(str(axis.get("unit") or "") for axis in axes),
        datasets=tuple(dataset.get("path") for dataset in datasets),  # type: ignore[misc]
        scales=tuple(scales),
        is_label="image-label" in described,
    )


def _what_else(path: Path, described: Mapping[str, Any]) -> tuple[str, str]:
    """Say what a group without an image is, and which path to give."""
    if "plate" in described:
        plate = described["plate"] if isinstance(described["plate"], Mapping) else {}
        wells = plate.get("wells", [])
        wells = wells if isinstance(wells, list) else []
        first = next((w["path"] for w in wells if isinstance(w, dict) and w.get("path")), "A/1")
        return "a plate of wells", f"the path of one image in it, such as {path / str(first) / '0'}"
    if "well" in described:
        return "a well with several fields", f"the path of one image in it, such as {path / '0'}"
    if "labels" in described:
        return "a group of label images", "an image of grey voxels: the folder above"
    with os.scandir(path) as entries:
        numbered = sorted(entry.name for entry in entries if entry.name.isdigit() and entry.is_dir())
    marked = [name for name in numbered if any(os.path.lexists(path / name / mark) for mark in MARKS)]
    inside = [name for name in marked if not read_node(path / name, ACCEPTS).is_array]
    if "bioformats2raw.layout" in described or inside:
        listed = ", ".join(f"{name}/" for name in inside[:5]) or "0/"
        found = f"a folder of bioformats2raw with the images {listed}"
        return found, f"the path of one of them, such as {path / (inside[0] if inside else '0')}"
    return "no readable volume: no 'multiscales' in its attributes", ACCEPTS


def _objects(label: str, value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(entry, Mapping) for entry in value):
        raise InputError(label, f"no readable volume: {repr(value)[:80]}", "a list of JSON objects")
    return value


def _scale(label: str, transforms: Any, n_axes: int) -> tuple[float, ...] | None:
    """Multiply the scales; translations move no voxel of the own frame."""
    label = f"{label}, 'coordinateTransformations'"
    if not isinstance(transforms, list) or not all(isinstance(t, Mapping) for t in transforms):
        raise InputError(label, repr(transforms)[:80], "a list of scale and translation")
    total: tuple[float, ...] | None = None
    for transform in transforms:
        kind = transform.get("type")
        if kind in ("translation", "identity"):
            continue
        values = transform.get("scale")
        if kind != "scale" or not isinstance(values, list) or len(values) != n_axes:
            allowed = f"type scale with {n_axes} numbers, or translation"
            raise InputError(label, repr(dict(transform))[:80], allowed)
        if not all(type(v) in (int, float) and math.isfinite(v) and v > 0 for v in values):
            raise InputError(label, f"a scale of {values}", "positive numbers: a size in um along each axis")
        total = tuple(a * float(b) for a, b in zip(total or (1.0,) * n_axes, values, strict=True))
    return total


def _finest(path: Path) -> _Level:
    """Open the finest level, whichever the metadata list first."""
    image = _multiscale(path)
    if image.is_label:
        raise InputError(str(path), "a label image", "an image of grey voxels")
    sizes = [math.prod(scale[-3:]) for scale in image.scales]
    number = next(k for k, size in enumerate(sizes) if size <= min(sizes) * (1.0 + _SAME_SCALE))
    level = _opened(image, number)
    voxels = math.prod(level.info.shape)
    for other, name in enumerate(image.datasets):
        if other == number or not isinstance(name, str) or not os.path.lexists(path / name):
            continue
        shape = array_below(image.node, name, ACCEPTS).document["shape"]
        if math.prod(shape) > voxels:
            found = (
                f"dataset {name!r} of shape {shape}, more voxels than the finest, "
                f"{image.datasets[number]!r} of shape {list(level.info.shape)}"
            )
            raise InputError(f"{path}, 'multiscales'", found, "the smallest scale for the most voxels")
    return level


def _opened(image: _Multiscale, number: int, least_slices: int = 2, own: bool = False) -> _Level:
    import zarr

    path, name = str(image.node.path), image.datasets[number]
    node = array_below(image.node, name, ACCEPTS)
    label = f"{path}/{name}"
    try:
        array: Any = zarr.open_array(str(node.path), mode="r", zarr_format=node.zarr_format)
        dtype = np.dtype(array.dtype)
        reading = _reading(array)
    except DAMAGE as error:
        raise InputError(label, f"no readable volume ({error!r})", ACCEPTS) from error
    shape = tuple(int(n) for n in array.shape)
    if len(shape) != len(image.names):
        found = f"axes {', '.join(image.names)} of shape {shape}"
        raise InputError(path, found, "axes that end in z, y, x, one for each length")
    _check_dimension_names(label, node, image.names)
    if any(n != 1 for n in shape[:-3]):
        lengths = ", ".join(f"{axis} {n}" for axis, n in zip(image.names, shape, strict=True))
        raise InputError(path, f"axes {lengths}", "one channel and one time")
    check_chunk_size(label, array.chunks, dtype.itemsize)
    edges = [
        length_in_um(edge, unit)
        for edge, unit in zip(image.scales[number][-3:], image.units[-3:], strict=True)
    ]
    known = tuple(edge for edge in edges if edge is not None)
    said = ", ".join(unit or "none" for unit in image.units[-3:])
    info = volume_info(
        path,
        shape[-3:],
        known if len(known) == 3 else None,
        dtype,
        f"OME-Zarr {image.version}",
        least_slices,
        warnings=() if own else _warnings(label, image, number, array),
        spacing_from=f"the scale of dataset {name!r}, in the axes' units: {said}",
    )
    return _Level(info, LazyVolume(label, shape[-3:], dtype, reading, finite=not own))


def _warnings(label: str, image: _Multiscale, number: int, array: Any) -> tuple[DataWarning, ...]:
    names = chunk_names(array)
    absent = () if names is None else absent_chunks(label, names, array.shape[-3], array.fill_value)
    if number == 0:
        return absent
    found = f"{image.datasets[number]!r}, dataset {number}, as the finest: the first is {image.datasets[0]!r}"
    return (DataWarning(f"{image.node.path}, 'multiscales'", found, "the finest is read"), *absent)


def _check_dimension_names(label: str, node: ZarrNode, names: tuple[str, ...]) -> None:
    """Hold the array's own names of its axes against the image's."""
    own = node.document.get("dimension_names") or node.attributes.get("_ARRAY_DIMENSIONS")
    if not isinstance(own, Sequence) or isinstance(own, str):
        return
    given = [(mine, theirs) for mine, theirs in zip(own, names, strict=False) if mine is not None]
    if len(own) != len(names) or any(str(mine).lower() != theirs.lower() for mine, theirs in given):
        found = f"axes {', '.join(map(str, own))} of the array and {', '.join(names)} of the image"
        raise InputError(label, found, "the same names in the same order")


def _reading(array: Any) -> Callable[[Region], NDArray[Any]]:
    direct = chunk_reader(array)
    if direct is not None:
        return direct
    leading = (0,) * (array.ndim - 3)
    check = chunk_check(array)

    def read(region: Region) -> NDArray[Any]:
        if check is not None:
            check(region)
        return np.asarray(array[(*leading, *region)])

    return read


READER = volume_reader("OME-Zarr", ACCEPTS, claims, files, probe, stream)
