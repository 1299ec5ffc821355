"""Tomograms in HDF5 and NeXus files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.readers.dataset_path import SUFFIXES, split_dataset
from spallmap.readers.info import ImageInfo, Streamed
from spallmap.readers.volumes.hdf5.hdf5_parts import open_beside, parts
from spallmap.readers.volumes.hdf5.nexus import axis_names, default_signal, spacing_um
from spallmap.readers.volumes.source import DAMAGE, LazyVolume, volume_info, volume_reader

if TYPE_CHECKING:
    import h5py

ACCEPTS = (
    f"an HDF5 or NeXus file ({', '.join(SUFFIXES)}), with the dataset after a colon where there are several: "
    "scan.nxs:/entry/data/data"
)
# More candidates than this are not listed in a message.
_LISTED = 20


def claims(path: Path) -> bool:
    """Whether the path is an HDF5 file by its ending, with or without a dataset named after it."""
    file = split_dataset(path)[0]
    return file.is_file() and file.suffix.lower() in SUFFIXES


def files(path: Path) -> tuple[Path, ...]:
    """List the file, and others that its dataset links to or is put together from.

    Raises
    ------
    InputError
        If there is no such dataset, or a file is missing.
    """
    with _opened(path) as opened:
        return tuple(dict.fromkeys((split_dataset(path)[0], *opened.parts)))


def probe(path: Path) -> ImageInfo:
    """Read the headers.

    Raises
    ------
    InputError
        If there is no such dataset, it is no volume, or several might be meant.
    """
    with _opened(path) as opened:
        return opened.info


@contextmanager
def stream(path: Path) -> Iterator[Streamed]:
    """Open the volume.

    Yields
    ------
    Streamed
        Usable inside the block; HDF5 lets one thread read at a time.

    Raises
    ------
    InputError
        As :func:`probe`.
    """
    with _opened(path) as opened:
        info, dataset = opened.info, opened.dataset
        leading = (0,) * (dataset.ndim - 3)

        def read(region: Region) -> NDArray[Any]:
            return np.asarray(dataset[(*leading, *region)])

        yield Streamed(info, LazyVolume(str(path), info.shape, dataset.dtype, read))


@dataclass(frozen=True)
class _Opened:
    dataset: h5py.Dataset
    info: ImageInfo
    parts: tuple[Path, ...]


@contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    import h5py

    name, inside = split_dataset(path)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(h5py.File(name, "r"))
            dataset = _chosen(path, file, inside)
            if dataset.external:
                home, name_inside = dataset.file, str(dataset.name)
                del dataset  # HDF5 takes the folder of external storage from the first handle alone
                dataset = open_beside(home, name_inside)
            opened = _Opened(dataset, _info(path, dataset), parts(path, dataset))
        except DAMAGE as error:
            raise InputError(str(name), f"no readable HDF5 file ({error})", "a complete HDF5 file") from error
        yield opened


def _chosen(path: Path, file: h5py.File, inside: str | None) -> h5py.Dataset:
    import h5py

    if inside is not None:
        try:
            found = file[inside]
        except DAMAGE as error:
            link = file.get(inside, default=None, getlink=True)
            aim = f", a link to {link.path} in {link.filename}" if isinstance(link, h5py.ExternalLink) else ""
            raise InputError(
                str(path), f"nothing readable at {inside}{aim} ({error})", _choice(file)
            ) from error
        if isinstance(found, h5py.Group):
            found = default_signal(found)
        if not isinstance(found, h5py.Dataset) or not _is_volume(found):
            what = f"shape {found.shape} of {found.dtype}" if isinstance(found, h5py.Dataset) else "a group"
            raise InputError(str(path), what, _choice(file))
        return found
    default = default_signal(file)
    if default is not None and _is_volume(default):
        return default
    candidates = _candidates(file)
    if len(candidates) != 1:
        raise InputError(str(path), f"{len(candidates)} datasets that might be meant", _choice(file))
    return candidates[0]


def _is_volume(dataset: h5py.Dataset) -> bool:
    """Whether these are numbers along three axes; further leading axes may have one entry."""
    shape = dataset.shape
    return (
        shape is not None
        and len(shape) >= 3
        and all(n == 1 for n in shape[:-3])
        and min(shape[-3:]) > 1
        and dataset.dtype.kind in "uif"
    )


def _candidates(file: h5py.File) -> list[h5py.Dataset]:
    import h5py

    found: list[h5py.Dataset] = []

    def look(_name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset) and _is_volume(item):
            found.append(item)

    file.visititems(look)
    return found


def _choice(file: h5py.File) -> str:
    candidates = _candidates(file)
    if not candidates:
        return "a dataset of three dimensions and real numbers, named after the file and a colon"
    listed = ", ".join(f"{d.name} {d.shape} {d.dtype}" for d in candidates[:_LISTED])
    more = f" and {len(candidates) - _LISTED} more" if len(candidates) > _LISTED else ""
    return f"one of these, named after the file and a colon: {listed}{more}"


def _info(path: Path, dataset: h5py.Dataset) -> ImageInfo:
    return volume_info(
        str(path),
        tuple(int(n) for n in dataset.shape[-3:]),
        spacing_um(dataset),
        dataset.dtype,
        "HDF5",
        dataset=str(dataset.name),
        axis_names=axis_names(dataset),
    )


READER = volume_reader("HDF5", ACCEPTS, claims, files, probe, stream)
