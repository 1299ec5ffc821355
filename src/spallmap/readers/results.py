"""Reading back stacks of the results; volumes, tables and registrations are read beside their writers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyvista as pv
import tifffile
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.image import SPATIAL_AXES, Image

# A channel with an element's counts is followed by one of this name with their standard deviation.
SD_SUFFIX = " sd"


def read_stack(path: Path | str) -> Image:
    """Read a multi-channel OME-TIFF of the results.

    Parameters
    ----------
    path : Path or str
        Written by :func:`spallmap.writers.ome_tiff.write_ome_tiff`.

    Returns
    -------
    Image
        Axes (channel, y, x) or (channel, z, y, x); meta ``channels`` holds the names.

    Raises
    ------
    InputError
        If the file is no OME-TIFF with physical sizes.
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

    Raises
    ------
    KeyError
        If the stack has no such channel.
    """
    names = stack.meta["channels"]
    if name not in names:
        raise KeyError(f"no channel {name!r}; there are {', '.join(names)}")
    return np.asarray(stack.data[names.index(name)])


def element_names(stack: Image) -> tuple[str, ...]:
    """Names of the elements in a stack of counts, whose standard deviations are left out."""
    return tuple(name for name in stack.meta["channels"] if not name.endswith(SD_SUFFIX))


def read_polydata(
    path: Path | str,
) -> tuple[NDArray[np.float64], NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Read a triangle mesh of the results.

    Parameters
    ----------
    path : Path or str
        A ``.vtp``, written by :func:`spallmap.writers.vtk.write_polydata`.

    Returns
    -------
    points_um : ndarray, shape (n, 3)
        Points (x, y, z).
    triangles : ndarray of int, shape (m, 3)
        Indices of each triangle's points.
    point_data : dict of str to ndarray
        Values at the points.
    """
    mesh = pv.read(path)
    triangles = np.asarray(mesh.faces, dtype=np.int64).reshape(-1, 4)[:, 1:]
    data = {name: np.asarray(mesh.point_data[name]) for name in mesh.point_data}
    return np.asarray(mesh.points, dtype=np.float64).reshape(-1, 3), triangles, data
