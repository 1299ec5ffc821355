"""Multi-channel images as OME-TIFF with physical sizes and channel names."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.image import SPATIAL_AXES, Image
from spallmap.results.atomic import atomic_path

AXES = {3: "CYX", 4: "CZYX"}
# A channel with an element's counts is followed by one of this name with their standard deviation.
SD_SUFFIX = " sd"
OME_TYPES = ("int8", "int16", "int32", "uint8", "uint16", "uint32", "float32", "float64")


def write_ome_tiff(
    path: Path | str, data: NDArray[Any], channels: Sequence[str], spacing_um: Sequence[float]
) -> None:
    """Write channels on one grid.

    Parameters
    ----------
    path : Path or str
        Ends in ``.ome.tif``.
    data : ndarray, shape (channels, rows, columns) or (channels, slices, rows, columns)
        Integers, or floats; 64-bit integers are narrowed to 32 bits, which OME-TIFF knows, and booleans
        become 0 and 1.
    channels : sequence of str
        One name for each channel.
    spacing_um : sequence of float
        Spacing along the spatial axes in array order, um.

    Raises
    ------
    ValueError
        If shape, names and spacing do not fit, or the values have no OME type.

    Examples
    --------
    >>> import tempfile
    >>> maps = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_ome_tiff(Path(folder, "t2.ome.tif"), maps, ("t2_ms", "snr"), (23.0, 46.0))
    ...     stack = read_stack(Path(folder, "t2.ome.tif"))
    >>> stack.axes, stack.spacing_um, stack.meta["channels"]
    (('channel', 'y', 'x'), (23.0, 46.0), ('t2_ms', 'snr'))
    >>> channel(stack, "snr").tolist()
    [[6.0, 7.0, 8.0], [9.0, 10.0, 11.0]]
    """
    data = _ome_typed(data)
    if data.ndim not in AXES:
        raise ValueError(f"channels of images or volumes have 3 or 4 axes; got {data.ndim}")
    if len(channels) != data.shape[0] or len(spacing_um) != data.ndim - 1:
        raise ValueError(f"shape {data.shape} needs {data.shape[0]} names and {data.ndim - 1} spacings")
    digest = hashlib.sha256(data.tobytes()).hexdigest()
    metadata: dict[str, Any] = {
        "axes": AXES[data.ndim],
        "Channel": {"Name": list(channels)},
        "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{digest} {tuple(channels)} {tuple(spacing_um)}")),
    }
    for axis, spacing in zip("XYZ", reversed(tuple(spacing_um)), strict=False):
        metadata[f"PhysicalSize{axis}"] = float(spacing)
        metadata[f"PhysicalSize{axis}Unit"] = "µm"
    with atomic_path(path) as part:
        tifffile.imwrite(
            part, data, ome=True, photometric="minisblack", compression="zlib", metadata=metadata
        )


def _ome_typed(data: NDArray[Any]) -> NDArray[Any]:
    if data.dtype == bool:
        return data.astype(np.uint8)
    if data.dtype in (np.dtype("int64"), np.dtype("uint64")):
        narrow = np.dtype("int32" if data.dtype.kind == "i" else "uint32")
        limits = np.iinfo(narrow)
        if data.size and (data.min() < limits.min or data.max() > limits.max):
            raise ValueError(f"values from {data.min()} to {data.max()} do not fit {narrow}")
        return data.astype(narrow)
    if data.dtype.name not in OME_TYPES:
        raise ValueError(f"OME-TIFF knows {', '.join(OME_TYPES)}; got {data.dtype}")
    return data


def read_stack(path: Path | str) -> Image:
    """Read a multi-channel OME-TIFF of the results.

    Parameters
    ----------
    path : Path or str
        Written by :func:`write_ome_tiff`.

    Returns
    -------
    Image
        Axes (channel, y, x) or (channel, z, y, x); meta ``channels`` holds the names.

    Raises
    ------
    InputError
        If the file is no OME-TIFF with physical sizes.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.ome.tif")
    ...     write_ome_tiff(path, np.zeros((1, 4, 2, 3), np.uint8), ("grey",), (5.0, 2.0, 2.0))
    ...     read_stack(path).data.shape
    (1, 4, 2, 3)
    """
    with tifffile.TiffFile(path) as tif:
        if tif.ome_metadata is None:
            raise InputError(str(path), "a TIFF without OME metadata", "an OME-TIFF of the results")
        series = tif.series[0]
        data = series.asarray().reshape(series.get_shape(squeeze=False))
        axes = series.get_axes(squeeze=False)
        image = tifffile.xml2dict(tif.ome_metadata)["OME"]["Image"]
    pixels = (image[0] if isinstance(image, list) else image)["Pixels"]
    wanted = "CZYX" if "PhysicalSizeZ" in pixels else "CYX"
    data = data.squeeze(tuple(k for k, axis in enumerate(axes) if axis not in wanted))
    channel = pixels["Channel"]
    names = tuple(str(c["Name"]) for c in (channel if isinstance(channel, list) else [channel]))
    spatial = tuple(axis for axis in SPATIAL_AXES if axis.upper() in wanted)
    spacing = tuple(float(pixels[f"PhysicalSize{axis.upper()}"]) for axis in spatial)
    return Image(data, ("channel", *spatial), spacing, meta={"channels": names})


def channel(stack: Image, name: str) -> NDArray[Any]:
    """Return one channel of a stack by its name.

    Parameters
    ----------
    stack : Image
        From :func:`read_stack`.
    name : str
        The channel's name.

    Returns
    -------
    ndarray, shape (ny, nx) or (nz, ny, nx)
        Its samples.

    Raises
    ------
    KeyError
        If the stack has no such channel.

    Examples
    --------
    >>> names = ("grey", "mask")
    >>> stack = Image(np.zeros((2, 3, 4)), ("channel", "y", "x"), (1.0, 1.0), meta={"channels": names})
    >>> channel(stack, "mask").shape
    (3, 4)
    """
    names = stack.meta["channels"]
    if name not in names:
        raise KeyError(f"no channel {name!r}; there are {', '.join(names)}")
    return np.asarray(stack.data[names.index(name)])


def element_names(stack: Image) -> tuple[str, ...]:
    """Names of the elements in a stack of counts, whose standard deviations are left out.

    Parameters
    ----------
    stack : Image
        From :func:`read_stack`.

    Returns
    -------
    tuple of str
        In the stack's order.

    Examples
    --------
    >>> names = ("Na", "Na sd", "Al", "Al sd")
    >>> stack = Image(np.zeros((4, 3, 4)), ("channel", "y", "x"), (1.0, 1.0), meta={"channels": names})
    >>> element_names(stack)
    ('Na', 'Al')
    """
    return tuple(name for name in stack.meta["channels"] if not name.endswith(SD_SUFFIX))
