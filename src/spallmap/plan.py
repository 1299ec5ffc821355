"""Which acquisition is registered to which, for cells with any subset of modalities and states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from spallmap.acquisitions import Acquisition
from spallmap.axes import AxesPrior
from spallmap.errors import ErrorList, InputError

SHORTED = "shorted"
PRISTINE = "pristine"
_OWN_AXES = AxesPrior(("z", "y", "x"))


@dataclass(frozen=True)
class Plan:
    """What can be made of the acquisitions in a table.

    Parameters
    ----------
    acquisitions : sequence of Acquisition
        The table, in its order.

    Examples
    --------
    >>> from pathlib import Path
    >>> def row(state, modality, name):
    ...     axes = AxesPrior.parse({"xct": "z,y,x", "mri": "z,y"}[modality])
    ...     return Acquisition("a", state, modality, name, Path(name), None, axes, None, None, "table")
    >>> plan = Plan([row("pristine", "xct", "p"), row("shorted", "xct", "s"), row("shorted", "mri", "m")])
    >>> plan.reference("a").name, plan.linked_mri("a", "shorted").name
    ('s', 'm')
    >>> plan.null_tomogram(plan.reference("a")).name
    'p'
    """

    acquisitions: Sequence[Acquisition]

    @cached_property
    def _index(self) -> dict[tuple[str, str | None, str | None], list[Acquisition]]:
        """Acquisitions by cell, state and modality, where None stands for any, in the table's order."""
        index: dict[tuple[str, str | None, str | None], list[Acquisition]] = {}
        for a in self.acquisitions:
            for state in (a.state, None):
                for modality in (a.modality, None):
                    index.setdefault((a.cell, state, modality), []).append(a)
        return index

    @cached_property
    def _by_key(self) -> dict[tuple[str, str, str, str], Acquisition]:
        return {a.key: a for a in self.acquisitions}

    @cached_property
    def _states(self) -> dict[str, list[str]]:
        states: dict[str, dict[str, None]] = {}
        for a in self.acquisitions:
            states.setdefault(a.cell, {})[a.state] = None
        return {cell: list(own) for cell, own in states.items()}

    @cached_property
    def _references(self) -> dict[str, Acquisition | None]:
        references: dict[str, Acquisition | None] = {}
        for cell, states in self._states.items():
            order = [SHORTED, *reversed(states)]
            tomograms = (self._index.get((cell, state, "xct")) for state in order)
            references[cell] = next((own[0] for own in tomograms if own), None)
        return references

    @property
    def cells(self) -> list[str]:
        """Cells in the table's order."""
        return list(self._states)

    def states(self, cell: str) -> list[str]:
        """States of a cell in the table's order."""
        return list(self._states.get(cell, ()))

    def of(self, cell: str, state: str | None = None, modality: str | None = None) -> list[Acquisition]:
        """Acquisitions of a cell, of one state and one modality where given, in the table's order."""
        return list(self._index.get((cell, state, modality), ()))

    def get(self, cell: str, state: str, modality: str, name: str) -> Acquisition:
        """Return the acquisition of that key.

        Raises
        ------
        KeyError
            If the table has none.
        """
        return self._by_key[cell, state, modality, name]

    def reference(self, cell: str) -> Acquisition | None:
        """Return the reference tomogram: the first of the shorted state, else of the last that has one."""
        return self._references.get(cell)

    def check(self) -> None:
        """Check what only the whole table shows.

        Raises
        ------
        InputError
            If a reference tomogram is said to run along other axes than its own.
        InputGroupError
            If several are.
        """
        errors = ErrorList()
        for cell, reference in self._references.items():
            if reference is not None and reference.axes != _OWN_AXES:
                errors.add(
                    InputError(
                        reference.column("axes"),
                        f"{','.join(reference.axes.names)} for the reference tomogram of cell {cell!r}",
                        "z,y,x or nothing: the reference's own axes are the directions",
                    )
                )
        errors.raise_all()

    def tomogram(self, cell: str, state: str) -> Acquisition | None:
        """Tomogram that images of a state are registered to: the state's own, else the reference."""
        reference = self.reference(cell)
        if reference is not None and reference.state == state:
            return reference
        own = self.of(cell, state, "xct")
        return own[0] if own else reference

    def null_tomogram(self, acquisition: Acquisition) -> Acquisition | None:
        """Tomogram without cracks that a crack threshold may be taken from: the pristine one of the cell."""
        if acquisition.state == PRISTINE:
            return None
        pristine = self.of(acquisition.cell, PRISTINE, "xct")
        return pristine[0] if pristine else None

    def is_reference(self, acquisition: Acquisition) -> bool:
        """Whether the acquisition is its cell's reference tomogram."""
        reference = self.reference(acquisition.cell)
        return reference is not None and reference.key == acquisition.key

    def linked_mri(self, cell: str, state: str) -> Acquisition | None:
        """MRI acquisition of a state whose long-T2 regions are linked: the first in the table."""
        mri = self.of(cell, state, "mri")
        return mri[0] if mri else None
