"""Readers of formats whose voxels stand in one file as plain numbers, described by a header."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from spallmap.readers.info import ImageInfo, Reader, Streamed
from spallmap.readers.volumes.directions import upside_down
from spallmap.readers.volumes.raw import RawLayout, open_raw
from spallmap.readers.volumes.source import LazyVolume, volume_reader
from spallmap.readers.volumes.voxel_order import check_voxels


def raw_reader(
    name: str,
    accepts: str,
    suffixes: tuple[str, ...],
    describe: Callable[[Path], tuple[ImageInfo, RawLayout]],
) -> Reader:
    """Make the reader of a format from its endings and from what reads its header.

    Parameters
    ----------
    name, accepts : str
        As for :class:`spallmap.readers.info.Reader`.
    suffixes : tuple of str
        How the names of its files end, in small letters.
    describe : callable
        Reads the header of a file, and raises InputError if it is damaged. Slices are reversed where
        `slices_reversed` of the description's `meta` says so.

    Returns
    -------
    Reader
        Of modality ``xct``; raises InputError if the voxels' file is missing or of another size.
    """

    def claims(path: Path) -> bool:
        return path.is_file() and path.name.lower().endswith(suffixes)

    def files(path: Path) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((path, describe(path)[1].path)))

    def probe(path: Path) -> ImageInfo:
        info, layout = describe(path)
        layout.check()
        return info

    @contextmanager
    def stream(path: Path) -> Iterator[Streamed]:
        info, layout = describe(path)
        with open_raw(layout) as raw:
            check_voxels(str(layout.path), raw, layout)
            lazy = LazyVolume(str(path), info.shape, np.dtype(info.dtype), raw.read)
            yield Streamed(info, upside_down(lazy) if info.meta.get("slices_reversed") else lazy)

    return volume_reader(name, accepts, claims, files, probe, stream)
