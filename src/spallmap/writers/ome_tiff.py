"""Multi-channel images as OME-TIFF with physical sizes and channel names."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.writers.atomic import atomic_path

AXES = {3: "CYX", 4: "CZYX"}
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
    """
    import tifffile

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
