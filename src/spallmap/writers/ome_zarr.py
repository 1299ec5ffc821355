"""Volumes as OME-Zarr 0.5 (Zarr 3) with an isotropic pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.errors import InputError
from spallmap.image import SPATIAL_AXES, Image
from spallmap.writers.atomic import atomic_path

CHUNK = 64
# The pyramid ends with the first level that is smaller than this along every axis.
SMALLEST = 64
# Binomial smoothing before every second sample is taken (Burt and Adelson 1983, with three taps): it is
# symmetric about the samples that stay, so that no level's frame moves, as block means would make it.
TAPS = np.array([0.25, 0.5, 0.25])


def pyramid(volume: NDArray[Any], labels: bool = False) -> list[NDArray[Any]]:
    """Halve a volume along all axes until it is small.

    Sample (i, j, k) of level n lies on sample 2**n (i, j, k) of the volume.

    Parameters
    ----------
    volume : ndarray, shape (nz, ny, nx)
        The samples.
    labels : bool
        Take every second sample as it is; otherwise smooth first.

    Returns
    -------
    list of ndarray
        The volume and its coarser levels, all of its type.

    References
    ----------
    Burt and Adelson, The Laplacian pyramid as a compact image code, IEEE Trans. Communications, 1983.
    """
    levels = [volume]
    while max(levels[-1].shape) >= SMALLEST:
        fine = levels[-1]
        levels.append(np.ascontiguousarray(fine[::2, ::2, ::2]) if labels else _halved(fine))
    return levels


def _halved(fine: NDArray[Any]) -> NDArray[Any]:
    coarse: NDArray[Any] = fine.astype(np.float32)
    for axis in range(3):
        smooth = ndimage.correlate1d(coarse, TAPS, axis=axis, mode="nearest")
        coarse = smooth[tuple(slice(None, None, 2 if a == axis else 1) for a in range(3))]
    if fine.dtype.kind in "ui":
        coarse = np.rint(coarse)
    return coarse.astype(fine.dtype)


def write_volume(
    path: Path | str, volume: NDArray[Any], spacing_um: Sequence[float], labels: bool = False
) -> None:
    """Write a volume with its pyramid.

    Parameters
    ----------
    path : Path or str
        The folder, ending in ``.ome.zarr``; one that is there is replaced.
    volume : ndarray, shape (nz, ny, nx)
        Integers or floats; booleans become 0 and 1.
    spacing_um : sequence of float
        Voxel spacing in array order, um.
    labels : bool
        Whether these are labels: the pyramid then keeps values as they are, and the group says so.

    Raises
    ------
    ValueError
        If the shape is not that of a volume with three spacings.
    """
    import zarr

    if volume.ndim != 3 or len(spacing_um) != 3:
        raise ValueError(f"a volume has three axes and spacings; got {volume.shape} and {tuple(spacing_um)}")
    if volume.dtype == bool:
        volume = volume.astype(np.uint8)
    levels = pyramid(volume, labels)
    with atomic_path(path) as part:
        group = zarr.create_group(str(part), zarr_format=3)
        for number, level in enumerate(levels):
            chunks = tuple(min(CHUNK, n) for n in level.shape)
            group.create_array(f"s{number}", data=level, chunks=chunks, dimension_names=SPATIAL_AXES)
        name = Path(path).name.removesuffix(".ome.zarr")
        group.attrs["ome"] = _ome_metadata(name, len(levels), spacing_um, labels)


def _ome_metadata(name: str, n_levels: int, spacing_um: Sequence[float], labels: bool) -> dict[str, Any]:
    """Describe the group; ome-zarr's writer would take the scales from ratios of (odd) shapes."""
    datasets = [
        {
            "path": f"s{number}",
            "coordinateTransformations": [
                {"type": "scale", "scale": [float(s) * 2**number for s in spacing_um]}
            ],
        }
        for number in range(n_levels)
    ]
    axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in SPATIAL_AXES]
    kind: dict[str, Any] = {"image-label": {}} if labels else {}
    return {"version": "0.5", "multiscales": [{"name": name, "axes": axes, "datasets": datasets}], **kind}


def read_volume(path: Path | str, level: int = 0) -> Image:
    """Read one level of a volume.

    Parameters
    ----------
    path : Path or str
        The folder.
    level : int
        0 is the full resolution.

    Returns
    -------
    Image
        Axes (z, y, x); all levels share one frame.

    Raises
    ------
    InputError
        If this is no such volume or it has no such level.
    """
    import zarr

    place = str(path)
    try:
        group = zarr.open_group(place, mode="r")
        multiscale = group.attrs["ome"]["multiscales"][0]
        datasets = multiscale["datasets"]
        if not 0 <= level < len(datasets):
            raise InputError(place, f"level {level}", f"0 to {len(datasets) - 1}")
        units = [axis.get("unit") for axis in multiscale["axes"]]
        if units != ["micrometer"] * 3:
            raise InputError(place, f"units {units}", "micrometer along z, y and x")
        scale = datasets[level]["coordinateTransformations"][0]["scale"]
        data = np.asarray(group[datasets[level]["path"]][...])
    except (FileNotFoundError, KeyError, ValueError, TypeError, OSError) as error:
        raise InputError(place, f"no readable volume ({error!r})", "an OME-Zarr 0.5 volume") from error
    return Image(data, SPATIAL_AXES, tuple(float(s) for s in scale))
