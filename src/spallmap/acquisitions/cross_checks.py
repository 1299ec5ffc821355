"""Rows held against each other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from spallmap.acquisitions.acquisition_row import Acquisition
from spallmap.errors import DataWarning, ErrorList, InputError

# States whose names have meaning; another spelling of them has none.
_STATES = ("pristine", "shorted")


def check_rows(acquisitions: Sequence[Acquisition]) -> None:
    """Check that every acquisition has its own name, and lies within an image that the table has.

    Parameters
    ----------
    acquisitions : sequence of Acquisition
        The table.

    Raises
    ------
    InputError
        For a name that stands twice, an outer image that is not in the table, or images that lie within
        each other in a circle.
    InputGroupError
        Where several rows are wrong.
    """
    errors = ErrorList()
    seen: dict[tuple[str, str, str, str], Acquisition] = {}
    for acquisition in acquisitions:
        with errors.collected():
            if acquisition.key in seen:
                raise InputError(
                    acquisition.column("name"),
                    f"{acquisition.name!r} again, as in {seen[acquisition.key].source_label}",
                    "a name that is unique within cell, state and modality",
                )
            seen[acquisition.key] = acquisition
    errors.raise_all()
    known_to_end: set[tuple[str, str, str, str]] = set()
    for acquisition in acquisitions:
        if acquisition.within is not None:
            with errors.collected():
                _check_within(acquisition, seen, known_to_end)
    errors.raise_all()


def _check_within(
    acquisition: Acquisition,
    rows: dict[tuple[str, str, str, str], Acquisition],
    known_to_end: set[tuple[str, str, str, str]],
) -> None:
    """Follow an image outwards; each image that was followed before is not followed again."""
    source_label = acquisition.column("within")
    if acquisition.modality not in ("sem", "edx"):
        raise InputError(
            source_label, f"a value for modality {acquisition.modality}", "empty, except for sem and edx"
        )
    visited = {acquisition.key}
    outer = acquisition
    while outer.within is not None and outer.key not in known_to_end:
        key = (outer.cell, outer.state, "sem", outer.within)
        if key not in rows:
            raise InputError(
                outer.column("within"),
                repr(outer.within),
                f"the name of an SEM image of cell {outer.cell!r}, state {outer.state!r}",
            )
        if key in visited:
            raise InputError(
                source_label, f"{acquisition.within!r}, which lies within this image", "no circle"
            )
        visited.add(key)
        outer = rows[key]
    known_to_end |= visited


def odd_rows(acquisitions: Sequence[Acquisition]) -> list[DataWarning]:
    """Say what is odd in a table and used all the same.

    Parameters
    ----------
    acquisitions : sequence of Acquisition
        The table.

    Returns
    -------
    list of DataWarning
        For two rows of one modality with the same file, and for a state whose name differs from one that has
        meaning in the case of its letters alone.

    Examples
    --------
    >>> from spallmap.axes import AxesPrior
    >>> axes, path = AxesPrior.parse("z,y,x"), Path("scan.tif")
    >>> row = Acquisition("a", "Shorted", "xct", "b", path, None, axes, None, None, "row 1")
    >>> print(odd_rows([row])[0])
    row 1, column 'state': found 'Shorted'; it is not taken for the state 'shorted', which has meaning
    """
    warnings = []
    resolved = _Resolved()
    named: set[tuple[str, str]] = set()
    first_with: dict[tuple[str, str], Acquisition] = {}
    for acquisition in acquisitions:
        cell, state = acquisition.cell, acquisition.state
        if state not in _STATES and state.lower() in _STATES and (cell, state) not in named:
            named.add((cell, state))
            advice = f"it is not taken for the state {state.lower()!r}, which has meaning"
            warnings.append(DataWarning(acquisition.column("state"), repr(state), advice))
        # a link and its target, and two writings of one path, are the same file
        same = (acquisition.modality, resolved(acquisition.path))
        other = first_with.setdefault(same, acquisition)
        if other is not acquisition:
            found = f"{acquisition.path}, as in {other.source_label}"
            advice = "used for both: see whether one of them should name another file"
            warnings.append(DataWarning(acquisition.column("path"), found, advice))
    return warnings


class _Resolved:
    """Targets of paths; every folder is followed once, since a folder may hold very many files."""

    def __init__(self) -> None:
        self._folders: dict[str, str] = {}

    def __call__(self, path: Path) -> str:
        folder, name = os.path.split(path)
        if folder not in self._folders:
            self._folders[folder] = os.path.realpath(folder)
        target = os.path.join(self._folders[folder], name)  # noqa: PTH118 (Path is slow for so many)
        return os.path.realpath(target) if os.path.islink(target) else target  # noqa: PTH114
