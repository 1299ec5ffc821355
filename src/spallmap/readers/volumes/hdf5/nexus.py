"""What NeXus says of an HDF5 file: which dataset is meant, where its samples lie, and what they are.

References
----------
The NeXus manual, "Find the plottable data" and the base class NXdata.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spallmap.errors import DataWarning, InputError
from spallmap.readers.info import length_in_um
from spallmap.readers.volumes.hdf5.hdf5_links import LinkFollower, peek

if TYPE_CHECKING:
    import h5py

# Steps along an axis may differ by this fraction, the rounding of single precision over a long axis.
_UNEVEN = 1e-2
# A chain of defaults that is longer than this goes round in a circle.
_LONGEST_CHAIN = 8
# Members of a group that are looked through for the old way to mark a signal.
_MOST_MEMBERS = 1_000
# Names of axes that say which direction of space they run along.
_DIRECTION = re.compile(
    r"((axis|pos|position|voxel|pixel|sample|coord|coordinate)s?[_ ]?)?(?P<letter>[xyz])"
    r"([_ ]?(axis|pos|position|coord|coordinate)s?)?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Lattice:
    """Where the samples of a dataset lie.

    Parameters
    ----------
    order : tuple of int
        Which of the last three stored axes is z, which y, which x.
    spacing_um : tuple of float or None
        Steps along z, y and x, um; None where an axis has none.
    mirrored : bool
        Whether an odd number of axes is stored against its direction.
    source : str
        Where the steps stand, or why there are none.
    warnings : tuple of DataWarning
        What is odd.
    """

    order: tuple[int, int, int]
    spacing_um: tuple[float, float, float] | None
    mirrored: bool
    source: str
    warnings: tuple[DataWarning, ...]


def default_signal(links: LinkFollower, group: h5py.Group) -> tuple[h5py.Dataset, h5py.Group] | None:
    """Follow the attributes ``default`` to a group, and its attribute ``signal`` to the dataset.

    Parameters
    ----------
    links : LinkFollower
        Follows names.
    group : h5py.Group
        Where to begin: the file, or a group in it.

    Returns
    -------
    tuple or None
        The dataset and the group that lists it; None where no such attributes are.

    Raises
    ------
    InputError
        If they name what is not there.
    """
    import h5py

    for _ in range(_LONGEST_CHAIN):
        for attribute, kind in (("signal", h5py.Dataset), ("default", h5py.Group)):
            name = text_of(group.attrs.get(attribute))
            if attribute == "default":
                old = _marked(group)
                if old is not None:
                    return old, group
            if not name:
                continue
            found = links.find(group, name)
            if found is None or not isinstance(found[0], kind):
                label = f"{links.source_label}, attribute {attribute!r} of {group.name}"
                allowed = (
                    f"the name of a {kind.__name__.lower()}; or name a dataset after the file and a colon"
                )
                raise InputError(label, f"{name!r}, where no {kind.__name__.lower()} is", allowed)
            if attribute == "signal":
                return found
            group = found[0]
            break
        else:
            return None
    return None


def _marked(group: h5py.Group) -> h5py.Dataset | None:
    """Find the dataset that is marked itself, as in files before 2014."""
    import h5py

    if group.id.get_num_objs() > _MOST_MEMBERS:
        return None
    for key in group.id:
        link = group.id.links.get_info(key)
        if link.type == h5py.h5l.TYPE_HARD:
            item = h5py.h5o.open(group.id, key)
            if isinstance(item, h5py.h5d.DatasetID):
                dataset = h5py.Dataset(item)
                if text_of(dataset.attrs.get("signal")) == "1":
                    return dataset
    return None


def axis_names(dataset: h5py.Dataset, group: h5py.Group) -> tuple[str, ...]:
    """Names of a signal's last three axes, as the group that lists it, or itself, gives them.

    Parameters
    ----------
    dataset : h5py.Dataset
        The signal.
    group : h5py.Group
        The group that lists it.

    Returns
    -------
    tuple of str
        In array order; empty where nobody says.
    """
    values = group.attrs.get("axes")
    if values is None:
        values = dataset.attrs.get("axes")
    if values is None:
        # HDF5's own labels of axes, as h5py's dims and ilastik's axistags are written beside
        values = [] if dataset.attrs.get("DIMENSION_LABELS") is None else dataset.attrs["DIMENSION_LABELS"]
        if not all(text_of(v) for v in np.ravel(values)):
            values = []
    if np.size(values) == 0:
        return ()
    names = [text_of(v) for v in np.ravel(values)]
    if len(names) == 1:  # the older way: one text, with colons or commas between the names
        names = names[0].strip("[]").replace(",", ":").split(":")
    return tuple(name.strip() for name in names[-3:]) if len(names) == dataset.ndim else ()


def names_of_space(dataset: h5py.Dataset, group: h5py.Group) -> bool:
    """Whether the last three axes are named x, y and z, in any order."""
    matches = [_DIRECTION.fullmatch(name) for name in axis_names(dataset, group)]
    return sorted(match["letter"].lower() for match in matches if match) == ["x", "y", "z"]


def lattice(source_label: str, dataset: h5py.Dataset, group: h5py.Group) -> Lattice:
    """Find where the samples lie along the last three axes.

    Parameters
    ----------
    source_label : str
        Named in messages.
    dataset : h5py.Dataset
        The signal.
    group : h5py.Group
        The group that lists it.

    Returns
    -------
    Lattice
        Axes that are named x, y and z are brought into the order z, y, x; others count as stored so.

    Raises
    ------
    InputError
        If the names of axes contradict each other.
    """
    label = f"{source_label}, {dataset.name}"
    names = axis_names(dataset, group)
    order = _order(label, names)
    if not names:
        return Lattice(order, None, False, "no NeXus axes", ())
    _check_indices(label, names, dataset, group)
    found = [_axis(label, name, group, int(dataset.shape[-3 + k])) for k, name in enumerate(names)]
    warnings = tuple(axis.warning for axis in found if axis.warning is not None)
    steps = [found[k].step_um for k in order]
    known = [step for step in steps if step is not None]
    spacing = (abs(known[0]), abs(known[1]), abs(known[2])) if len(known) == 3 else None
    why = [axis.why for axis in found if axis.why]
    source = "; ".join(why) if why else f"axes {', '.join(names)} of {group.name}"
    mirrored = len(known) == 3 and math.prod(known) < 0.0
    return Lattice(order, spacing, mirrored, source, warnings)


def _order(label: str, names: tuple[str, ...]) -> tuple[int, int, int]:
    matches = [_DIRECTION.fullmatch(name) for name in names]
    letters = [match["letter"].lower() for match in matches if match is not None]
    if len(letters) != 3:
        return (0, 1, 2)
    if sorted(letters) != ["x", "y", "z"]:
        raise InputError(label, f"axes {', '.join(names)}", "three different ones, x, y and z in any order")
    return (letters.index("z"), letters.index("y"), letters.index("x"))


def _check_indices(label: str, names: tuple[str, ...], dataset: h5py.Dataset, group: h5py.Group) -> None:
    """Hold ``NAME_indices`` against the place of the name in ``axes``."""
    for k, name in enumerate(names):
        given = group.attrs.get(f"{name}_indices") if name not in ("", ".") else None
        place = dataset.ndim - 3 + k
        if given is not None and np.ravel(given).tolist() != [place]:
            found = (
                f"axis {name!r} as number {place} in 'axes' and as {np.ravel(given).tolist()} in its indices"
            )
            raise InputError(label, found, "one place for each axis")


@dataclass(frozen=True)
class _Axis:
    step_um: float | None
    why: str = ""
    warning: DataWarning | None = None


def _axis(label: str, name: str, group: h5py.Group, length: int) -> _Axis:
    axis = peek(group, name) if name not in ("", ".") else None
    shape = getattr(axis, "shape", None)
    if axis is None or shape is None or axis.dtype.kind not in "uif":
        return _Axis(None, f"no values for axis {name!r}")
    unit = text_of(axis.attrs.get("units")) or text_of(axis.attrs.get("unit"))
    if shape not in ((length,), (length + 1,)) or length < 2:
        return _Axis(None, f"axis {name!r} of shape {shape} for {length} samples")
    if not unit or length_in_um(1.0, unit) is None:
        return _Axis(None, f"axis {name!r} without a unit of length ({unit!r})")
    factor = _number(label, group, name, ("scaling_factor", "scale_factor"), 1.0, axis, True)
    steps = np.diff(np.asarray(axis[...], dtype=np.float64)) * factor
    mean = float(steps.mean())
    if not np.isfinite(steps).all() or mean == 0.0 or np.abs(steps - mean).max() > _UNEVEN * abs(mean):
        found = f"steps of {steps.min():g} to {steps.max():g} {unit} along axis {name!r}"
        advice = "no size is taken from it: where the volume has equal steps, give spacing_um"
        return _Axis(None, found, DataWarning(label, found, advice))
    return _Axis(length_in_um(mean, unit))


def grey_scale(source_label: str, dataset: h5py.Dataset, group: h5py.Group) -> tuple[float, float]:
    """Slope and intercept that bring stored samples to greys.

    Parameters
    ----------
    source_label : str
        Named in messages.
    dataset : h5py.Dataset
        The signal.
    group : h5py.Group
        The group that lists it.

    Returns
    -------
    slope, intercept : float
        NeXus' ``(stored + offset) * scaling_factor``, or netCDF's ``stored * scale_factor + add_offset``.

    Raises
    ------
    InputError
        If they are no single numbers, the slope is 0, or both ways are there.
    """
    label = f"{source_label}, {dataset.name}"
    name = str(dataset.name).rpartition("/")[2]
    listed = next((key for key in (text_of(group.attrs.get("signal")), name) if key), name)
    factor = _number(label, group, listed, ("scaling_factor",), 1.0, dataset)
    offset = _number(label, group, listed, ("offset",), 0.0, dataset)
    if text_of(dataset.attrs.get("_Unsigned")).lower() == "true" and dataset.dtype.kind == "i":
        raise InputError(
            f"{label}, '_Unsigned'", f"{dataset.dtype} that stands for unsigned", "unsigned samples"
        )
    slope = _plain_number(label, "scale_factor", dataset.attrs.get("scale_factor"), 1.0)
    intercept = _plain_number(label, "add_offset", dataset.attrs.get("add_offset"), 0.0)
    if (factor, offset) != (1.0, 0.0) and (slope, intercept) != (1.0, 0.0):
        raise InputError(label, "scaling_factor and scale_factor, of NeXus and of netCDF", "one of them")
    return factor * slope, offset * factor + intercept


def _number(
    label: str,
    group: h5py.Group,
    name: str,
    keys: tuple[str, ...],
    default: float,
    item: Any,
    of_axis: bool = False,
) -> float:
    """Take a number from ``NAME_key`` beside a field, or from its attributes; they must agree."""
    found: dict[str, float] = {}
    of_group = text_of(group.attrs.get("NX_class")) == "NXdata" and not of_axis
    for key in keys:
        for beside in (f"{name}_{key}", *((key,) if of_group else ())):
            field = peek(group, beside)
            if getattr(field, "shape", None) is not None:
                value = field[()] if field.size == 1 else np.zeros(2)
                found[beside] = _plain_number(label, beside, value, default)
        for owner, attribute in ((item, key), (group, f"{name}_{key}")):
            value = owner.attrs.get(attribute) if owner is not None else None
            # transformations have an attribute "offset", too: a vector
            if value is not None and (key != "offset" or np.size(value) == 1):
                found[f"@{attribute}"] = _plain_number(label, attribute, value, default)
    if len(set(found.values())) > 1:
        said = ", ".join(f"{key} {value:g}" for key, value in found.items())
        raise InputError(label, said, "one number, in one place")
    return next(iter(found.values()), default)


def _plain_number(label: str, key: str, value: Any, default: float) -> float:
    if value is None:
        return default
    values = np.ravel(value)
    if values.size != 1 or values.dtype.kind not in "uif":
        raise InputError(f"{label}, {key!r}", f"{values.size} values of {values.dtype}", "one number")
    number = float(values[0])
    if not math.isfinite(number) or (default == 1.0 and number == 0.0):
        raise InputError(f"{label}, {key!r}", f"{number:g}", "a number" + " other than 0" * (default == 1.0))
    return number


def text_of(value: Any) -> str:
    """Bring an attribute to text: bytes, arrays of one entry, numbers; empty where there is none."""
    if value is None:
        return ""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
