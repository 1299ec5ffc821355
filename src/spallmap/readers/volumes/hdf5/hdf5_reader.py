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
from spallmap.readers.volumes.directions import upside_down
from spallmap.readers.volumes.hdf5.hdf5_links import LinkFollower, datasets, open_hdf5
from spallmap.readers.volumes.hdf5.hdf5_parts import open_beside, parts
from spallmap.readers.volumes.hdf5.nexus import axis_names, default_signal, grey_scale, lattice
from spallmap.readers.volumes.hdf5.projection_scans import refuse_projections, why_projections
from spallmap.readers.volumes.hdf5.stored_chunks import chunk_guard
from spallmap.readers.volumes.source import DAMAGE, NUMBERS, LazyVolume, volume_info, volume_reader

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
        info, dataset, order = opened.info, opened.dataset, opened.order
        leading = (0,) * (dataset.ndim - 3)
        slope, intercept = opened.scale
        check = chunk_guard(dataset)

        def read(region: Region) -> NDArray[Any]:
            stored: list[slice] = [slice(0, 0)] * 3
            for part, axis in zip(region, order, strict=True):
                stored[axis] = part
            index = (*leading, *stored)
            if check is not None:
                check(index)
            values = np.asarray(dataset[index]).transpose(order)
            return values if (slope, intercept) == (1.0, 0.0) else values * slope + intercept

        lazy = LazyVolume(str(path), info.shape, np.dtype(info.dtype), read)
        yield Streamed(info, upside_down(lazy) if info.meta["slices_reversed"] else lazy)


@dataclass(frozen=True)
class _Opened:
    dataset: h5py.Dataset
    info: ImageInfo
    parts: tuple[Path, ...]
    order: tuple[int, int, int]
    scale: tuple[float, float]


@contextmanager
def _opened(path: Path) -> Iterator[_Opened]:
    name, inside = split_dataset(path)
    with ExitStack() as stack:
        file = open_hdf5(str(name), name, stack)
        try:
            links = LinkFollower(str(path), stack)
            dataset, group = _chosen(links, file, inside)
            if dataset.external:
                home, own_name = dataset.file, str(dataset.name)
                del dataset  # HDF5 takes the folder of external storage from the first handle alone
                dataset = open_beside(home, own_name)
            opened = _described(path, links, dataset, group)
        except DAMAGE as error:
            raise InputError(str(name), f"no readable HDF5 file ({error})", "a complete HDF5 file") from error
        yield opened


def _described(path: Path, links: LinkFollower, dataset: h5py.Dataset, group: h5py.Group) -> _Opened:
    import h5py

    label = str(path)
    refuse_projections(label, dataset, group)
    if h5py.check_enum_dtype(dataset.dtype) is not None:
        raise InputError(f"{label}, {dataset.name}", "an enumeration: labels, no greys", NUMBERS)
    files = tuple(dict.fromkeys((*links.files, *parts(path, dataset))))
    found = lattice(label, dataset, group)
    scale = grey_scale(label, dataset, group)
    stored = dataset.shape[-3:]
    info = volume_info(
        label,
        (int(stored[found.order[0]]), int(stored[found.order[1]]), int(stored[found.order[2]])),
        found.spacing_um,
        dataset.dtype if scale == (1.0, 0.0) else np.dtype(np.float32),
        "HDF5",
        warnings=found.warnings,
        dataset=str(dataset.name),
        axis_names=axis_names(dataset, group),
        slices_reversed=found.mirrored,
        spacing_from=found.source,
    )
    return _Opened(dataset, info, files, found.order, scale)


def _chosen(links: LinkFollower, file: h5py.File, inside: str | None) -> tuple[h5py.Dataset, h5py.Group]:
    import h5py

    label = links.source_label
    if inside is not None:
        found = links.find(file, inside)
        if found is not None and isinstance(found[0], h5py.Group):
            found = default_signal(links, found[0]) or found
        if found is None or not isinstance(found[0], h5py.Dataset) or not _is_volume(found[0]):
            what = "nothing" if found is None else _words(found[0])
            raise InputError(label, f"{what} at {inside}", _choice(_candidates(label, file)))
        return found
    default = default_signal(links, file)
    if default is not None and _is_volume(default[0]):
        return default
    candidates = _candidates(label, file)
    volumes = [d for d in candidates if not why_projections(d, d.parent)]
    if candidates and not volumes:
        refuse_projections(label, candidates[0], candidates[0].parent)
    if len(volumes) != 1:
        raise InputError(label, f"{len(volumes)} datasets that might be meant", _choice(candidates))
    return volumes[0], volumes[0].parent


def _words(item: h5py.Group | h5py.Dataset | h5py.Datatype) -> str:
    import h5py

    if isinstance(item, h5py.Dataset):
        return f"shape {item.shape} of {_kind(item) or 'a type that numpy does not know'}"
    return "a group" if isinstance(item, h5py.Group) else "a type"


def _kind(dataset: h5py.Dataset) -> np.dtype[Any] | None:
    """Return the type of the samples; None where numpy has none for it."""
    try:
        kind: np.dtype[Any] = dataset.dtype
    except (TypeError, ValueError, KeyError):  # a type of another machine, or one that is damaged
        return None
    return kind


def _is_volume(dataset: h5py.Dataset) -> bool:
    """Whether these are numbers along three axes; further leading axes may have one entry."""
    shape, kind = dataset.shape, _kind(dataset)
    return (
        shape is not None
        and kind is not None
        and len(shape) >= 3
        and all(n == 1 for n in shape[:-3])
        and min(shape[-3:]) > 1
        and kind.kind in "uif"
    )


def _candidates(source_label: str, file: h5py.File) -> list[h5py.Dataset]:
    found = [dataset for dataset in datasets(source_label, file, 3) if _is_volume(dataset)]
    return sorted(found, key=lambda dataset: str(dataset.name))


def _choice(candidates: list[h5py.Dataset]) -> str:
    if not candidates:
        return "a dataset of three dimensions and real numbers, named after the file and a colon"
    listed = ", ".join(f"{d.name} {d.shape} {d.dtype}" for d in candidates[:_LISTED])
    more = f" and {len(candidates) - _LISTED} more" if len(candidates) > _LISTED else ""
    return f"one of these, named after the file and a colon: {listed}{more}"


READER = volume_reader("HDF5", ACCEPTS, claims, files, probe, stream)
