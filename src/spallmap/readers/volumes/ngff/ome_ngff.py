"""Tomograms as OME-Zarr 0.4 (Zarr 2) and 0.5 (Zarr 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Streamed, VolumeSource, length_in_um
from spallmap.readers.volumes.ngff.zarr_chunks import chunk_check, chunk_reader
from spallmap.readers.volumes.source import DAMAGE, LazyVolume, volume_info, volume_reader

ACCEPTS = "an OME-Zarr folder, version 0.4 or 0.5, with one channel and one time"
MARKS = ("zarr.json", ".zattrs", ".zgroup", ".zarray")
_VERSIONS = ("0.4", "0.5")


def claims(path: Path) -> bool:
    """Whether the path is a Zarr folder."""
    return path.is_dir() and any((path / mark).is_file() for mark in MARKS)


def files(path: Path) -> tuple[Path, ...]:
    """List all files of the folder."""
    return tuple(sorted(p for p in path.rglob("*") if p.is_file()))


def probe(path: Path) -> ImageInfo:
    """Read the metadata of the full resolution.

    Raises
    ------
    InputError
        If this is no OME-Zarr volume of one channel and time.
    """
    return _level(path, 0).info


@contextmanager
def stream(path: Path) -> Iterator[Streamed]:
    """Open the full resolution.

    Yields
    ------
    Streamed
        The format lets chunks that hold the fill value alone be absent, so that one that got lost reads as
        zeros.

    Raises
    ------
    InputError
        As :func:`probe`.
    """
    level = _level(path, 0)
    yield Streamed(level.info, level.data)


def open_level(path: Path, number: int = 0) -> VolumeSource:
    """Open one level of a volume; nothing is kept open.

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
    level = _level(path, number, least_slices=1)
    if level.info.spacing_um is None:
        raise InputError(str(path), "no voxel size", "an OME-Zarr with scale and units of length")
    return VolumeSource(level.info, level.info.spacing_um, level.data)


@dataclass(frozen=True)
class _Level:
    info: ImageInfo
    data: LazyVolume


def _level(path: Path, number: int, least_slices: int = 2) -> _Level:
    import zarr

    source_label = str(path)
    try:
        group = zarr.open_group(source_label, mode="r")
        ome = group.attrs.get("ome")
        described: Mapping[str, Any] = ome if isinstance(ome, Mapping) else dict(group.attrs)
        multiscales = described["multiscales"]
        multiscale = multiscales[0]
        datasets = multiscale["datasets"]
        version = str(described.get("version") or multiscale.get("version") or "0.4")
        axes = [dict(axis) for axis in multiscale["axes"]]
        if 0 <= number < len(datasets):
            array = group[datasets[number]["path"]]
            if not isinstance(array, zarr.Array):
                raise TypeError(f"no array {datasets[number]['path']}")
            transforms = [*datasets[number]["coordinateTransformations"]]
            transforms += multiscale.get("coordinateTransformations", [])
            scale = np.prod([t["scale"] for t in transforms if t["type"] == "scale"], axis=0)
    except DAMAGE as error:
        raise InputError(source_label, f"no readable volume ({error!r})", ACCEPTS) from error
    if len(multiscales) != 1:
        raise InputError(source_label, f"{len(multiscales)} images", "one multiscale image")
    if not any(re.match(rf"{re.escape(v)}(\D|$)", version) for v in _VERSIONS):
        raise InputError(source_label, f"OME-Zarr version {version}", " or ".join(_VERSIONS))
    if not 0 <= number < len(datasets):
        raise InputError(source_label, f"level {number}", f"0 to {len(datasets) - 1}")
    names = [str(axis.get("name")) for axis in axes]
    if names[-3:] != ["z", "y", "x"] or len(names) != array.ndim or np.shape(scale) != (array.ndim,):
        raise InputError(
            source_label, f"axes {', '.join(names)} of shape {array.shape}", "axes that end in z, y, x"
        )
    if any(n != 1 for n in array.shape[:-3]):
        lengths = ", ".join(f"{name} {n}" for name, n in zip(names, array.shape, strict=True))
        raise InputError(source_label, f"axes {lengths}", "one channel and one time")
    edges = [
        length_in_um(float(edge), str(axis.get("unit") or ""))
        for edge, axis in zip(scale[-3:], axes[-3:], strict=True)
    ]
    known = tuple(edge for edge in edges if edge is not None)
    shape = tuple(int(n) for n in array.shape[-3:])
    spacing = known if len(known) == 3 else None
    info = volume_info(source_label, shape, spacing, array.dtype, f"OME-Zarr {version}", least_slices)
    file = f"{source_label}/{datasets[number]['path']}"
    return _Level(info, LazyVolume(file, shape, array.dtype, _reading(array)))


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
