"""Which acquisition is registered to which, for cells with any subset of modalities and states."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from spallmap.acquisitions import Acquisition
from spallmap.axes import AxesPrior
from spallmap.errors import InputError

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

    @property
    def cells(self) -> list[str]:
        """Cells in the table's order."""
        return list(dict.fromkeys(a.cell for a in self.acquisitions))

    def states(self, cell: str) -> list[str]:
        """States of a cell in the table's order."""
        return list(dict.fromkeys(a.state for a in self.acquisitions if a.cell == cell))

    def of(self, cell: str, state: str | None = None, modality: str | None = None) -> list[Acquisition]:
        """Acquisitions of a cell, of one state and one modality where given, in the table's order."""
        return [
            a
            for a in self.acquisitions
            if a.cell == cell and state in (None, a.state) and modality in (None, a.modality)
        ]

    def get(self, cell: str, state: str, modality: str, name: str) -> Acquisition:
        """Return the acquisition of that key.

        Raises
        ------
        KeyError
            If the table has none.
        """
        for a in self.acquisitions:
            if a.key == (cell, state, modality, name):
                return a
        raise KeyError((cell, state, modality, name))

    def reference(self, cell: str) -> Acquisition | None:
        """Return the reference tomogram: the first of the shorted state, else of the last that has one."""
        shorted = self.of(cell, SHORTED, "xct")
        if shorted:
            return shorted[0]
        with_tomogram = [s for s in self.states(cell) if self.of(cell, s, "xct")]
        return self.of(cell, with_tomogram[-1], "xct")[0] if with_tomogram else None

    def check(self) -> None:
        """Check what only the whole table shows.

        Raises
        ------
        InputError
            If a reference tomogram is said to run along other axes than its own.
        """
        for cell in self.cells:
            reference = self.reference(cell)
            if reference is not None and reference.axes != _OWN_AXES:
                raise InputError(
                    reference.column("axes"),
                    f"{','.join(reference.axes.names)} for the reference tomogram of cell {cell!r}",
                    "z,y,x or nothing: the reference's own axes are the directions",
                )

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
