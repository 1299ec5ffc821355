"""Finding datasets in an HDF5 file without following a link out of its folder, or round in a circle.

HDF5 alone opens whatever file an external link names, waits for a pipe for ever, and walks to any depth.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spallmap.errors import InputError
from spallmap.readers.volumes.named_files import named_file
from spallmap.readers.volumes.source import DAMAGE

if TYPE_CHECKING:
    import h5py

_ALLOWED = (
    "a name inside the file, or a file beside it or in a folder below; "
    "name a file elsewhere in the table itself"
)
# Links to links; HDF5's own limit is 16.
_MOST_LINKS = 16
# Objects that are looked at where no dataset is named: 100 000 take 3 s on a quiet machine, a beamline's file
# has some hundreds.
_MOST_OBJECTS = 50_000


@dataclass
class LinkFollower:
    """What was followed to find a dataset; files stay open until the stack is left.

    Parameters
    ----------
    source_label : str
        Named in messages.
    stack : ExitStack
        Closes the files.
    inside_alone : bool
        Whether links that lead to other files, or nowhere, count as nothing.
    files : list of Path
        Files that external links lead to.
    """

    source_label: str
    stack: ExitStack
    inside_alone: bool = False
    files: list[Path] = field(default_factory=list)

    def find(self, start: h5py.Group, name: str) -> tuple[Any, h5py.Group] | None:
        """Follow a name to an object, and say in which group its last name stands.

        Parameters
        ----------
        start : h5py.Group
            Where a name without a leading slash begins.
        name : str
            Names between slashes.

        Returns
        -------
        tuple or None
            A group or dataset, and the group that lists it, as named: not that which a link leads to. None
            where there is nothing.

        Raises
        ------
        InputError
            If a link leads to a file out of its folder, to a missing or damaged one, or nowhere.
        """
        return self._find(start, name, [0])

    def _find(self, start: h5py.Group, name: str, followed: list[int]) -> tuple[Any, h5py.Group] | None:
        import h5py

        group: Any = start.file["/"] if name.startswith("/") else start
        item, parent = group, group
        for part in name.split("/"):
            if part in ("", "."):
                continue
            if not isinstance(item, h5py.Group):
                return None
            parent = item
            found = self._member(parent, part, followed)
            if found is None:
                return None
            item = found
        return item, parent

    def _member(self, group: h5py.Group, name: str, followed: list[int]) -> Any:
        """Open one member of a group; None where there is none."""
        import h5py

        key = os.fsencode(name)
        if b"\0" in key or not group.id.links.exists(key):
            return None
        kind = group.id.links.get_info(key).type
        if kind == h5py.h5l.TYPE_HARD:
            return group[name]
        followed[0] += 1
        label = f"{self.source_label}, link {group.name}/{name}".replace("//", "/")
        if self.inside_alone and (kind != h5py.h5l.TYPE_SOFT or followed[0] > _MOST_LINKS):
            return None
        if followed[0] > _MOST_LINKS:
            raise InputError(label, f"more than {_MOST_LINKS} links one after another", _ALLOWED)
        value = group.id.links.get_val(key)
        if kind == h5py.h5l.TYPE_SOFT:
            aim = os.fsdecode(value)
            found = self._find(group, aim, followed)
        elif kind == h5py.h5l.TYPE_EXTERNAL:
            file, inside = (os.fsdecode(text) for text in value)
            aim = f"{inside} in {file}"
            other = open_hdf5(label, named_file(label, Path(group.file.filename), file, _ALLOWED), self.stack)
            self.files.append(Path(other.filename))
            found = self._find(other["/"], inside, followed)
        else:
            raise InputError(label, "a link of a kind of its own", _ALLOWED)
        if found is None and self.inside_alone:
            return None
        if found is None:
            raise InputError(label, f"a link to {aim}, where nothing is", _ALLOWED)
        return found[0]


def peek(group: Any, name: str) -> Any:
    """Return what a group holds under a name, in the same file; None where that is nothing."""
    import h5py

    if not isinstance(group, h5py.Group):
        return None
    found = LinkFollower("", ExitStack(), inside_alone=True).find(group, name)
    return None if found is None else found[0]


def open_hdf5(source_label: str, path: Path, stack: ExitStack) -> h5py.File:
    """Open a file for as long as the stack lasts.

    Raises
    ------
    InputError
        If it is no HDF5 file, or damaged.
    """
    import h5py

    try:
        return stack.enter_context(h5py.File(path, "r"))
    except DAMAGE as error:
        found = f"no readable HDF5 file {path} ({error})"
        raise InputError(source_label, found, "a complete HDF5 file") from error


def datasets(source_label: str, file: h5py.File, least_axes: int) -> Iterator[h5py.Dataset]:
    """Give every dataset of a file with so many axes once, none of other files.

    Raises
    ------
    InputError
        If there are too many objects to look at.
    """
    import h5py

    waiting, seen, n = [file.id], set(), 0
    while waiting:
        group = waiting.pop()
        n += int(group.get_num_objs())
        if n > _MOST_OBJECTS:
            found = f"more than {_MOST_OBJECTS} objects"
            allowed = "the dataset named after the file and a colon: scan.nxs:/entry/data/data"
            raise InputError(source_label, found, allowed)
        for name in group:
            link = group.links.get_info(name)
            if link.type != h5py.h5l.TYPE_HARD or link.u in seen:
                continue
            seen.add(link.u)
            item = h5py.h5o.open(group, name)
            if isinstance(item, h5py.h5d.DatasetID):
                if item.rank >= least_axes:
                    yield h5py.Dataset(item)
            elif isinstance(item, h5py.h5g.GroupID):
                waiting.append(item)
