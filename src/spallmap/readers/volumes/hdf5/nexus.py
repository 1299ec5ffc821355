"""What NeXus says of an HDF5 file: which dataset is meant, and where its samples lie.

References
----------
The NeXus manual, "Find the plottable data" and the base class NXdata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from spallmap.readers.info import length_in_um

if TYPE_CHECKING:
    import h5py

# Steps along an axis may differ by this fraction, the rounding of single precision over a long axis.
_UNEVEN = 1e-2
# A chain of defaults that is longer than this goes round in a circle.
_LONGEST_CHAIN = 8


def default_signal(group: h5py.Group) -> h5py.Dataset | None:
    """Follow the attributes ``default`` to a group, and its attribute ``signal`` to the dataset.

    Parameters
    ----------
    group : h5py.Group
        Where to begin: the file, or a group in it.

    Returns
    -------
    h5py.Dataset or None
        None where the chain does not lead to one.
    """
    import h5py

    for _ in range(_LONGEST_CHAIN):
        signal = _text(group.attrs.get("signal"))
        if signal:
            found = group.get(signal)
            return found if isinstance(found, h5py.Dataset) else None
        for item in group.values():  # files before 2014 mark the dataset itself
            if isinstance(item, h5py.Dataset) and _text(item.attrs.get("signal")) == "1":
                return item
        following = group.get(_text(group.attrs.get("default")) or "")
        if not isinstance(following, h5py.Group):
            return None
        group = following
    return None


def axis_names(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Names of a signal's last three axes, as its group or itself lists them.

    Parameters
    ----------
    dataset : h5py.Dataset
        The signal.

    Returns
    -------
    tuple of str
        In array order; empty where nobody says.
    """
    values = dataset.parent.attrs.get("axes")
    if values is None:
        values = dataset.attrs.get("axes")
    if values is None:
        return ()
    names = [_text(v) for v in np.ravel(values)]
    if len(names) == 1:  # the older way: one text, with colons or commas between the names
        names = names[0].strip("[]").replace(",", ":").split(":")
    return tuple(name.strip() for name in names[-3:]) if len(names) == dataset.ndim else ()


def spacing_um(dataset: h5py.Dataset) -> tuple[float, ...] | None:
    """Distance of the samples along the last three axes.

    Parameters
    ----------
    dataset : h5py.Dataset
        The signal.

    Returns
    -------
    tuple of float or None
        In um; None unless every axis has equal steps and a unit of length.
    """
    steps = []
    for name, length in zip(axis_names(dataset), dataset.shape[-3:], strict=False):
        axis = dataset.parent.get(name) if name not in ("", ".") else None
        step = None if axis is None else _step_um(axis, int(length))
        if step is None:
            return None
        steps.append(step)
    return (steps[0], steps[1], steps[2]) if len(steps) == 3 else None


def _step_um(axis: Any, length: int) -> float | None:
    unit = _text(axis.attrs.get("units"))
    if not unit or getattr(axis, "shape", None) not in ((length,), (length + 1,)) or length < 2:
        return None
    positions = np.asarray(axis[...], dtype=np.float64)
    steps = np.diff(positions)
    mean = float(steps.mean())
    if not np.isfinite(steps).all() or mean == 0.0 or np.abs(steps - mean).max() > _UNEVEN * abs(mean):
        return None
    return length_in_um(abs(mean), unit)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
