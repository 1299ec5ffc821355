"""Tomograms as NIfTI (.nii, .nii.gz)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region
from spallmap.errors import InputError
from spallmap.readers.info import ImageInfo, Streamed
from spallmap.readers.nifti import UNITS_UM, is_nifti, open_nifti
from spallmap.readers.volumes.placement import is_mirrored, lengths_um, upside_down
from spallmap.readers.volumes.raw import RawLayout, open_raw
from spallmap.readers.volumes.source import LazyVolume, checked_dtype, volume_info, volume_reader

ACCEPTS = "a NIfTI file (.nii, .nii.gz) with three dimensions"


@dataclass(frozen=True)
class _Header:
    layout: RawLayout
    slope: float
    intercept: float
    spacing_um: tuple[float, ...] | None
    mirrored: bool

    @property
    def scaled(self) -> bool:
        return (self.slope, self.intercept) != (1.0, 0.0)

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype("float32") if self.scaled else self.layout.dtype


def claims(path: Path) -> bool:
    """Whether the path is a NIfTI file."""
    return path.is_file() and is_nifti(path)


def files(path: Path) -> tuple[Path, ...]:
    """List the file."""
    return (path,)


def probe(path: Path) -> ImageInfo:
    """Read the header.

    Raises
    ------
    InputError
        If it is damaged or announces no volume.
    """
    header = _header(path)
    header.layout.check()
    return _info(path, header)


@contextmanager
def stream(path: Path) -> Iterator[Streamed]:
    """Open the volume; the header's slope and intercept are applied.

    Yields
    ------
    Streamed
        Usable inside the block.

    Raises
    ------
    InputError
        As :func:`probe`, and if compressed voxels cannot be unpacked.
    """
    header = _header(path)
    info = _info(path, header)
    with open_raw(header.layout) as raw:

        def read(region: Region) -> NDArray[Any]:
            stored = raw.read(region)
            return stored * header.slope + header.intercept if header.scaled else stored

        lazy = LazyVolume(str(path), header.layout.shape, header.dtype, read)
        yield Streamed(info, upside_down(lazy) if header.mirrored else lazy)


def _header(path: Path) -> _Header:
    with open_nifti(path, ACCEPTS) as nifti:
        header: Any = nifti.header
        stored: Any = nifti.dataobj
        lengths = [int(n) for n in header.get_data_shape()]
        dtype = np.dtype(header.get_data_dtype())
        slope, intercept, offset = float(stored.slope), float(stored.inter), int(stored.offset)
        zooms = [float(zoom) for zoom in header.get_zooms()[:3]]
        unit = UNITS_UM.get(str(header.get_xyzt_units()[0]))
        placed = int(header["sform_code"]) > 0 or int(header["qform_code"]) > 0
        affine = np.asarray(nifti.affine, dtype=np.float64)
    if len(lengths) < 3 or any(n != 1 for n in lengths[3:]):
        raise InputError(str(path), f"lengths {lengths}", "three dimensions, x, y, z")
    layout = RawLayout(
        header=path,
        path=path,
        offset=offset,
        shape=(lengths[2], lengths[1], lengths[0]),
        dtype=checked_dtype(str(path), dtype),
        packed=path.suffix.lower() == ".gz",
    )
    spacing = None if unit is None else lengths_um(str(path), [z * unit for z in zooms[::-1]], ["um"] * 3)
    mirrored = placed and is_mirrored(f"{path}, affine", affine[:3, :3].T)
    return _Header(layout, slope, intercept, spacing, mirrored)


def _info(path: Path, header: _Header) -> ImageInfo:
    return volume_info(
        str(path),
        header.layout.shape,
        header.spacing_um,
        header.dtype,
        "NIfTI",
        slices_reversed=header.mirrored,
        compressed=header.layout.packed,
    )


READER = volume_reader("NIfTI volume", ACCEPTS, claims, files, probe, stream)
