"""What all formats of tomograms share: voxels that are read when asked for, and errors that name the file."""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, whole
from spallmap.errors import DataWarning, InputError
from spallmap.image import SPATIAL_AXES
from spallmap.readers.info import ImageInfo, Loaded, Reader, Streamed

NUMBERS = "whole or floating-point numbers"
# What the libraries raise when bytes are not what the headers promise (numpy takes the name of a type for
# an expression, hence the error of syntax).
DAMAGE = (
    OSError,
    EOFError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    RuntimeError,
    UnicodeDecodeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    MemoryError,
    SyntaxError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


class LazyVolume:
    """Voxels (z, y, x) in files, read when they are asked for.

    Parameters
    ----------
    source_label : str
        The file or folder, for messages.
    shape : tuple of int
        Number of voxels along z, y and x.
    dtype : dtype
        Their type; what is read is brought to its native byte order.
    read : callable
        Reads a region; several threads may call it at once.
    finite : bool
        Whether NaN and infinity are refused: they would spread over all that is computed from them.
    """

    def __init__(
        self,
        source_label: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        read: Callable[[Region], NDArray[Any]],
        finite: bool = True,
    ) -> None:
        self._finite = finite
        self._source_label = source_label
        self._shape = shape
        self._dtype = dtype.newbyteorder("=")
        self._read = read

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along z, y and x."""
        return self._shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the voxels, in native byte order."""
        return self._dtype

    def __getitem__(self, region: Region, /) -> NDArray[Any]:
        """Read a part.

        Parameters
        ----------
        region : tuple of slice
            Slices along z, y and x without a step.

        Returns
        -------
        ndarray
            The voxels, in memory.

        Raises
        ------
        InputError
            If the files are damaged there, or hold voxels that are no numbers.
        ValueError
            If a slice has a step.
        """
        spans = [s.indices(n) for s, n in zip(region, self._shape, strict=True)]
        if any(step != 1 for _, _, step in spans):
            raise ValueError(f"regions are read without a step; got {region}")
        z, y, x = (slice(start, max(start, stop)) for start, stop, _ in spans)
        wanted = (z.stop - z.start, y.stop - y.start, x.stop - x.start)
        if 0 in wanted:
            return np.empty(wanted, self._dtype)
        where = f"slices {z.start} to {z.stop - 1}"
        try:
            values = self._read((z, y, x))
        except DAMAGE as error:
            found = f"damaged data in {where} ({error})"
            raise InputError(self._source_label, found, "a complete file") from error
        if self._finite and values.dtype.kind == "f" and not np.isfinite(values).all():
            n = int(np.count_nonzero(~np.isfinite(values)))
            found = f"{n} voxels that are no number (NaN or infinite) in {where}"
            allowed = "numbers everywhere: write that of air where there was nothing to reconstruct"
            raise InputError(self._source_label, found, allowed)
        return np.ascontiguousarray(values, dtype=self._dtype)


def checked_dtype(source_label: str, dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return a type of voxels that can be worked with.

    Parameters
    ----------
    source_label : str
        Named in the message.
    dtype : dtype
        As the headers say.

    Returns
    -------
    dtype
        The same.

    Raises
    ------
    InputError
        If these are no real numbers.
    """
    if dtype.kind not in "uif" or dtype.itemsize > 8:
        raise InputError(source_label, f"samples of type {dtype}", NUMBERS)
    return dtype


def volume_info(
    source_label: str,
    shape: tuple[int, ...],
    spacing_um: tuple[float, ...] | None,
    dtype: np.dtype[Any],
    kind: str,
    least_slices: int = 2,
    warnings: tuple[DataWarning, ...] = (),
    **meta: Any,
) -> ImageInfo:
    """Describe a volume, after checking that it is one.

    Parameters
    ----------
    source_label : str
        Named in the message.
    shape : tuple of int
        Number of voxels along z, y and x.
    spacing_um : tuple of float or None
        Their spacing along z, y and x, um; None where the files do not say.
    dtype : dtype
        Their type.
    kind : str
        The format's name.
    least_slices : int
        A tomogram has two or more.
    warnings : tuple of DataWarning
        What is odd.
    **meta
        What else the headers say.

    Returns
    -------
    ImageInfo
        The description.

    Raises
    ------
    InputError
        If there are fewer slices, an axis is empty, or these are no real numbers.
    """
    if len(shape) != 3 or min(shape) < 1 or shape[0] < least_slices:
        allowed = f"a volume of {least_slices} slices or more"
        raise InputError(source_label, f"{' x '.join(map(str, shape))} voxels", allowed)
    name = str(checked_dtype(source_label, dtype).newbyteorder("="))
    return ImageInfo(shape, SPATIAL_AXES, spacing_um, name, kind, meta, warnings)


def volume_reader(
    name: str,
    accepts: str,
    claims: Callable[[Path], bool],
    files: Callable[[Path], tuple[Path, ...]],
    probe: Callable[[Path], ImageInfo],
    stream: Callable[[Path], AbstractContextManager[Streamed]],
) -> Reader:
    """Make the reader of a format of tomograms; loading is reading all that is streamed.

    Parameters
    ----------
    name, accepts, claims, files, probe, stream
        As for :class:`spallmap.readers.info.Reader`.

    Returns
    -------
    Reader
        Of modality ``xct``.
    """

    def load(path: Path) -> Loaded:
        with stream(path) as volume:
            return Loaded(volume.info, volume.data[whole(volume.data.shape)])

    return Reader(name, ("xct",), accepts, claims, files, probe, load, stream)
