"""Directions and lengths as the formats of medical imaging write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Region, Sliceable
from spallmap.errors import InputError
from spallmap.readers.info import length_in_um
from spallmap.readers.volumes.source import LazyVolume

# Directions of unit length are at right angles within the rounding of single precision.
_RIGHT_ANGLE = 1e-4


def is_mirrored(source_label: str, directions: NDArray[np.float64]) -> bool:
    """Whether the stored axes x, y, z are left-handed.

    A rotation needs no correction, since a volume's own frame follows its stored axes; a mirror image is
    another specimen.

    Parameters
    ----------
    source_label : str
        Named in the message.
    directions : ndarray, shape (3, 3)
        One row for each stored axis.

    Returns
    -------
    bool
        True where the slices have to be reversed.

    Raises
    ------
    InputError
        If the axes are not at right angles.

    Examples
    --------
    >>> is_mirrored("a.nrrd", np.eye(3)), is_mirrored("a.nrrd", np.diag([1.0, 1.0, -1.0]))
    (False, True)
    """
    lengths = np.linalg.norm(directions, axis=1)
    if not np.isfinite(lengths).all() or lengths.min() <= 0.0:
        raise InputError(source_label, f"directions {directions.tolist()}", "three directions")
    units = directions / lengths[:, None]
    if np.abs(units @ units.T - np.eye(3)).max() > _RIGHT_ANGLE:
        raise InputError(source_label, f"directions {directions.tolist()}", "axes at right angles")
    return bool(np.linalg.det(units) < 0.0)


def upside_down(volume: Sliceable) -> LazyVolume:
    """Return a volume with its slices in the reverse order.

    Parameters
    ----------
    volume : Sliceable
        The volume as stored.

    Returns
    -------
    LazyVolume
        The same voxels; nothing is read here.
    """
    n = volume.shape[0]

    def read(region: Region) -> NDArray[Any]:
        z, y, x = region
        return volume[slice(n - z.stop, n - z.start), y, x][::-1]

    return LazyVolume("", volume.shape, volume.dtype, read)


def lengths_um(source_label: str, values: Sequence[float], units: Sequence[str]) -> tuple[float, ...] | None:
    """Convert a voxel's edges to um.

    Parameters
    ----------
    source_label : str
        Named in the message.
    values : sequence of float
        Edges along z, y and x; none where the file has none.
    units : sequence of str
        A unit for each.

    Returns
    -------
    tuple of float or None
        In um; None where the file does not say, which exactly 1 mm along all axes means as well: libraries
        write that where nobody set a spacing.

    Raises
    ------
    InputError
        If these are not three positive lengths.

    Examples
    --------
    >>> lengths_um("a.nrrd", (0.005, 0.004, 0.004), ("mm", "mm", "mm"))
    (5.0, 4.0, 4.0)
    >>> lengths_um("a.nrrd", (1.0, 1.0, 1.0), ("mm", "mm", "mm")) is None
    True
    """
    if not values:
        return None
    lengths = [length_in_um(value, unit) for value, unit in zip(values, units, strict=False)]
    found = [length for length in lengths if length is not None]
    if len(found) < len(lengths):
        return None
    if len(found) != 3 or not all(np.isfinite(v) and v > 0.0 for v in found):
        raise InputError(source_label, " ".join(map(str, values)), "three positive lengths")
    return None if found == [1000.0] * 3 else (found[0], found[1], found[2])
