"""What a reader says of a file, and the spacing that follows from it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.errors import DataWarning, InputError
from spallmap.image import SPATIAL_AXES

Spacing = float | Sequence[float] | str | None


@dataclass(frozen=True)
class ImageInfo:
    """What the headers of an acquisition say, without its samples.

    Parameters
    ----------
    shape : tuple of int
        Length of every array axis.
    axes : tuple of str
        Their names, as in :class:`spallmap.image.Image`.
    spacing_um : tuple of float or None
        Sample spacing along the spatial axes, in array order; None where neither the files nor the caller
        say it.
    dtype : str
        Numpy name of the samples' type.
    format : str
        The format's name.
    meta : mapping
        What else the headers say; as ``spacing_from``, where the spacing stands or why there is none.
    warnings : tuple of DataWarning
        What is odd in the files; what shows in the samples alone is told when they are read.

    Examples
    --------
    >>> info = ImageInfo((8, 64, 32), ("echo", "y", "x"), (23.0, 46.0), "float32", "ParaVision 2dseq")
    >>> info.spatial_shape
    (64, 32)
    """

    shape: tuple[int, ...]
    axes: tuple[str, ...]
    spacing_um: tuple[float, ...] | None
    dtype: str
    format: str
    meta: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[DataWarning, ...] = ()

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        """Number of samples along each spatial axis, in array order."""
        return tuple(n for n, axis in zip(self.shape, self.axes, strict=True) if axis in SPATIAL_AXES)


@dataclass(frozen=True)
class Loaded:
    """An acquisition as a reader hands it over.

    Parameters
    ----------
    info : ImageInfo
        Its headers.
    data : ndarray
        Its samples, of shape ``info.shape``.
    mask : ndarray of bool or None
        Over the spatial axes; True where a sample shows the specimen.
    clipped : ndarray of bool or None
        Of the samples' shape; True where a sample was cut off at an end of its range.

    Examples
    --------
    >>> info = ImageInfo((2, 3), ("y", "x"), (0.5, 0.5), "uint8", "TIFF")
    >>> Loaded(info, np.zeros(info.shape, np.uint8), mask=np.ones((2, 3), bool)).mask.shape
    (2, 3)
    """

    info: ImageInfo
    data: NDArray[Any]
    mask: NDArray[np.bool_] | None = None
    clipped: NDArray[np.bool_] | None = None


@dataclass(frozen=True)
class Streamed:
    """An open volume as a reader hands it over.

    Parameters
    ----------
    info : ImageInfo
        Its headers.
    data : Sliceable
        Its voxels (z, y, x), read when they are asked for.

    Examples
    --------
    >>> info = ImageInfo((4, 5, 6), SPATIAL_AXES, None, "uint16", "an array")
    >>> Streamed(info, np.zeros((4, 5, 6), np.uint16)).data[0:1, 0:5, 0:6].shape
    (1, 5, 6)
    """

    info: ImageInfo
    data: Sliceable


@dataclass(frozen=True)
class VolumeSource:
    """An open volume whose voxels are read part by part.

    Parameters
    ----------
    info : ImageInfo
        Its headers.
    spacing_um : tuple of float
        Voxel spacing along z, y and x, um.
    data : Sliceable
        Its voxels (z, y, x) in native byte order; several threads may read at once.

    Examples
    --------
    >>> info = ImageInfo((4, 5, 6), SPATIAL_AXES, None, "uint16", "an array")
    >>> source = VolumeSource(info, (5.0, 4.0, 4.0), np.zeros((4, 5, 6), np.uint16))
    >>> source.data[0:2, 0:5, 0:6].shape
    (2, 5, 6)
    """

    info: ImageInfo
    spacing_um: tuple[float, ...]
    data: Sliceable


@dataclass(frozen=True)
class Reader:
    """One format of one or more modalities.

    Parameters
    ----------
    name : str
        Short name of the format.
    modalities : tuple of str
        What it serves.
    accepts : str
        What the path may point to, in words for a message.
    claims : callable
        Whether a path looks like this format, by names alone.
    files : callable
        The files that an acquisition consists of.
    probe : callable
        Reads the headers.
    load : callable
        Reads everything.
    stream : callable, optional
        Opens a volume that is read part by part; a context manager.

    Examples
    --------
    >>> import numpy as np
    >>> def probe(path):
    ...     return ImageInfo(np.load(path, mmap_mode="r").shape, ("y", "x"), None, "float64", "NumPy")
    >>> reader = Reader(
    ...     name="NumPy",
    ...     modalities=("sem",),
    ...     accepts="a .npy file with one image",
    ...     claims=lambda path: path.suffix == ".npy",
    ...     files=lambda path: (path,),
    ...     probe=probe,
    ...     load=lambda path: Loaded(probe(path), np.load(path)),
    ... )
    >>> reader.claims(Path("a.npy")), reader.claims(Path("a.tif"))
    (True, False)
    """

    name: str
    modalities: tuple[str, ...]
    accepts: str
    claims: Callable[[Path], bool]
    files: Callable[[Path], tuple[Path, ...]]
    probe: Callable[[Path], ImageInfo]
    load: Callable[[Path], Loaded]
    stream: Callable[[Path], AbstractContextManager[Streamed]] | None = None


def resolve_spacing(source_label: str, info: ImageInfo, given: Spacing) -> tuple[float, ...] | None:
    """Choose the spacing: the caller's, else the files'.

    Parameters
    ----------
    source_label : str
        Named in the message.
    info : ImageInfo
        The headers.
    given : float, sequence of float or str, optional
        One value for all spatial axes or one for each, in array order, um; a text has them separated by
        commas.

    Returns
    -------
    tuple of float or None
        One value for each spatial axis, um; None where nobody says.

    Raises
    ------
    InputError
        If the number of values is wrong, or one is not a positive number.

    Examples
    --------
    >>> info = ImageInfo((64, 32), ("y", "x"), (23.0, 46.0), "uint8", "TIFF")
    >>> for given in (None, 5, "4,8"):
    ...     print(resolve_spacing("a.tif", info, given))
    (23.0, 46.0)
    (5.0, 5.0)
    (4.0, 8.0)
    """
    n_spatial = len(info.spatial_shape)
    if given is None:
        spacing = info.spacing_um
    else:
        values = _numbers(source_label, given)
        if len(values) not in (1, n_spatial):
            allowed = f"one value, or {n_spatial} in array order"
            raise InputError(source_label, f"{len(values)} values of pixel size {values}", allowed)
        spacing = values * n_spatial if len(values) == 1 else values
    if spacing is not None and not all(math.isfinite(s) and s > 0 for s in spacing):
        raise InputError(source_label, f"pixel size {spacing} um", "positive numbers")
    return spacing


def _numbers(source_label: str, given: float | Sequence[float] | str) -> tuple[float, ...]:
    parts = (
        given.split(",") if isinstance(given, str) else [given] if isinstance(given, (int, float)) else given
    )
    try:
        return tuple(float(part) for part in parts)
    except (TypeError, ValueError) as error:
        raise InputError(source_label, f"pixel size {given!r}", "numbers in um, in array order") from error


# Words for a unit in the singular, in um a unit.
_SINGULAR = {
    "angstrom": 1e-4,
    "nanometer": 1e-3,
    "nanometre": 1e-3,
    "micron": 1.0,
    "micrometer": 1.0,
    "micrometre": 1.0,
    "millimeter": 1e3,
    "millimetre": 1e3,
    "centimeter": 1e4,
    "centimetre": 1e4,
    "meter": 1e6,
    "metre": 1e6,
}
# Every unit of length that a file may name, in um a unit.
LENGTH_IN_UM = {
    "pm": 1e-6,
    "Å": 1e-4,
    "nm": 1e-3,
    "um": 1.0,
    "µm": 1.0,
    "mm": 1e3,
    "cm": 1e4,
    "m": 1e6,
    "in": 25400.0,
    "inch": 25400.0,
    "inches": 25400.0,
    **_SINGULAR,
    **{f"{word}s": factor for word, factor in _SINGULAR.items()},
}


def length_in_um(value: float, unit: str) -> float | None:
    """Convert a length to um.

    Parameters
    ----------
    value : float
        The number.
    unit : str
        Its unit; case and the two micro signs of Unicode do not matter, except that ``M`` is no unit.

    Returns
    -------
    float or None
        The length in um; None where the unit is no length (``pixel``, for example).

    Examples
    --------
    >>> length_in_um(250.0, "nm"), length_in_um(2.0, "Micrometers"), length_in_um(1.0, "pixel")
    (0.25, 2.0, None)
    """
    plain = unit.strip().replace("\\u00B5", "µ").replace("\u03bc", "µ")
    factor = LENGTH_IN_UM.get(plain) or LENGTH_IN_UM.get(plain.lower() if len(plain) > 1 else plain)
    return None if factor is None else value * factor
