"""Projections and sinograms, which look like a volume and are none.

References
----------
The NeXus application definitions NXtomo and NXtomophase; Data Exchange, "X-ray Tomography".
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from spallmap.errors import InputError
from spallmap.readers.volumes.hdf5.hdf5_links import peek
from spallmap.readers.volumes.hdf5.nexus import axis_names, names_of_space, text_of

if TYPE_CHECKING:
    import h5py

ALLOWED = "the reconstructed volume, not the projections that it is made from"
# Definitions of raw data of tomography; NXtomoproc is a reconstruction.
_RAW = ("NXtomo", "NXtomophase")
_ANGLES = ("rotation_angle", "rotation_angles", "theta", "angles", "image_key", "image_key_control")
# Where they stand below an entry.
_HOMES = ("", "sample", "data", "instrument", "instrument/detector", "detector", "exchange", "tomo_entry")
_HOMES_DEEPER = ("tomo_entry/sample", "tomo_entry/data", "tomo_entry/instrument/detector")
# Angles stand a few groups above the frames; a group ten thousand deep is not walked up to its root.
_DEEPEST = 6
# Fields of Data Exchange without a specimen.
_FLATS = ("data_white", "data_dark")
_ANGLE_NAME = re.compile(r"(.*[_ ])?(theta|omega|angles?|rotation|rot)([_ ].*)?", re.IGNORECASE)
_ANGLE_UNITS = ("deg", "degree", "degrees", "°", "rad", "radian", "radians", "mrad")


def why_projections(dataset: h5py.Dataset, group: h5py.Group) -> str:
    """Say what makes a dataset projections; nothing where it may be a volume.

    Parameters
    ----------
    dataset : h5py.Dataset
        Three axes behind others of length 1.
    group : h5py.Group
        The group that lists it.

    Returns
    -------
    str
        In words; empty where nothing speaks of projections.
    """
    n_frames, n_rows, n_columns = (int(n) for n in dataset.shape[-3:])
    for name in axis_names(dataset, group):
        axis = peek(group, name)
        unit = text_of(axis.attrs.get("units")) if hasattr(axis, "attrs") else ""
        if _ANGLE_NAME.fullmatch(name) or unit.strip().lower() in _ANGLE_UNITS:
            return f"an axis {name!r} of angles"
    if names_of_space(dataset, group):
        return ""  # angles of as many frames as there are slices may have been kept beside them
    name = PurePosixPath(str(dataset.name)).name
    if name in _FLATS or (name == "data" and any(peek(group, flat) is not None for flat in _FLATS)):
        return f"{' and '.join(_FLATS)} of Data Exchange"
    for ancestor, inside in (*_ancestors(group), *_ancestors(dataset.parent)):
        for home in (*_HOMES, *_HOMES_DEEPER):
            place = peek(ancestor, home) if home else ancestor
            for key in _ANGLES:
                shape = getattr(peek(place, key), "shape", None) or ()
                if shape == (n_frames,) and n_frames > 1:
                    return f"{n_frames} values of {key!r} for its {n_frames} frames"
                if shape == (n_rows,) and n_rows not in (n_columns, n_frames):
                    return f"{n_rows} values of {key!r} for its {n_rows} rows: sinograms"
        definition = peek(ancestor, "definition")
        word = text_of(definition[()]) if getattr(definition, "shape", None) in ((), (1,)) else ""
        if word in _RAW and inside[:1] in ((), ("data",), ("instrument",)):
            return f"the definition {word}"
    return ""


def refuse_projections(source_label: str, dataset: h5py.Dataset, group: h5py.Group) -> None:
    """Refuse a dataset of projections.

    Raises
    ------
    InputError
        With what gave them away.
    """
    why = why_projections(dataset, group)
    if why:
        raise InputError(f"{source_label}, {dataset.name}", f"projections ({why})", ALLOWED)


def _ancestors(group: h5py.Group) -> list[tuple[h5py.Group, tuple[str, ...]]]:
    """Give a group and those that it lies in, each with the way down to it."""
    names = PurePosixPath(str(group.name)).parts[1:]
    depths = range(len(names), -1, -1)[:_DEEPEST]
    return [(group.file["/" + "/".join(names[:depth])], names[depth:]) for depth in depths]
