"""Gathers a cell's results into the records that figures and reports are drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spallmap.registration.result import Registration
from spallmap.results.ome_tiff import channel, element_names, read_stack
from spallmap.results.ome_zarr import read_volume
from spallmap.results.records import CrackSurface, ElementsRecord, MriRecord, SectionRecord, XctRecord
from spallmap.results.registration import read_registration
from spallmap.results.tables import read_json, read_table
from spallmap.results.vtk import read_polydata


@dataclass(frozen=True)
class Row:
    """One acquisition of the cell and the folder of its results.

    Parameters
    ----------
    id, state, modality, name : str
        As in the table of acquisitions.
    folder : str
        Its results.
    within : str or None
        The SEM image that it lies in.
    reference : bool
        Whether it is the cell's reference tomogram.

    Examples
    --------
    >>> Row("a/shorted/mri-b", "results/a/shorted/mri-b", "shorted", "mri", "b", None, False).path.name
    'mri-b'
    """

    id: str
    folder: str
    state: str
    modality: str
    name: str
    within: str | None
    reference: bool

    @property
    def path(self) -> Path:
        """Folder of its results."""
        return Path(self.folder)


@dataclass(frozen=True)
class CellResults:
    """Everything that the workflow made of one cell.

    Parameters
    ----------
    rows : sequence of Row
        Its acquisitions in the table's order.

    Examples
    --------
    >>> xct = {"id": "a/shorted/xct-s", "folder": "results/a/shorted/xct-s", "modality": "xct", "name": "s"}
    >>> mri = {"id": "a/shorted/mri-m", "folder": "results/a/shorted/mri-m", "modality": "mri", "name": "m"}
    >>> shorted = {"state": "shorted", "within": None}
    >>> cell = CellResults.of([xct | shorted | {"reference": True}, mri | shorted | {"reference": False}])
    >>> cell.states, cell.reference_state, [row.name for row in cell.of_state(None, "mri")]
    (['shorted'], 'shorted', ['m'])
    """

    rows: Sequence[Row]

    @classmethod
    def of(cls, described: Sequence[Mapping[str, Any]]) -> CellResults:
        """Take the acquisitions as a rule describes them.

        Parameters
        ----------
        described : sequence of mapping
            For each acquisition the fields of :class:`Row` by name.

        Returns
        -------
        CellResults
            Of these acquisitions, in their order.
        """
        return cls([Row(**d) for d in described])

    @property
    def states(self) -> list[str]:
        """States in the table's order."""
        return list(dict.fromkeys(r.state for r in self.rows))

    @property
    def reference_state(self) -> str:
        """State of the reference tomogram; without one, the last state."""
        return next((r.state for r in self.rows if r.reference), self.states[-1])

    def of_state(self, state: str | None, modality: str) -> list[Row]:
        """Acquisitions of a modality.

        Parameters
        ----------
        state : str or None
            Of this state alone; None for all.
        modality : str
            ``xct``, ``mri``, ``sem`` or ``edx``.

        Returns
        -------
        list of Row
            In the table's order.
        """
        return [r for r in self.rows if r.modality == modality and state in (None, r.state)]

    def registration(self, row: Row) -> Registration | None:
        """Registration of an acquisition to the reference; None for the reference itself."""
        return None if row.reference else read_registration(row.path / "to_reference.json")

    def tomograms(self) -> list[XctRecord]:
        """First tomogram of each state, in the table's order, with its phases and cracks."""
        first: dict[str, Row] = {}
        for row in self.of_state(None, "xct"):
            if row.reference or row.state not in first:
                first[row.state] = row
        return [self.tomogram(row) for row in first.values()]

    def tomogram(self, row: Row) -> XctRecord:
        """One tomogram with its phases and cracks."""
        volume = read_volume(row.path / "volume.ome.zarr")
        z, y, x = volume.spacing_um
        return XctRecord(
            state=row.state,
            name=row.name,
            grey=np.asarray(volume.data),
            spacing_um=(z, y, x),
            phases=np.asarray(read_volume(row.path / "labels.ome.zarr").data),
            cracks=np.asarray(read_volume(row.path / "cracks.ome.zarr").data),
            cracks_table=read_table(row.path / "cracks.csv"),
            registration=self.registration(row),
        )

    def reference(self) -> XctRecord | None:
        """Return the reference tomogram; None where the cell has no tomogram."""
        return next((self.tomogram(row) for row in self.rows if row.reference), None)

    def surface(self) -> CrackSurface | None:
        """Mid-surfaces of the reference tomogram's cracks."""
        for row in self.rows:
            if row.reference:
                points, triangles, data = read_polydata(row.path / "cracks.vtp")
                return CrackSurface(points, triangles, data)
        return None

    def series(self, state: str | None = None) -> list[MriRecord]:
        """Return the first MRI acquisition of each state, or of one."""
        records: dict[str, MriRecord] = {}
        for row in self.of_state(state, "mri"):
            if row.state not in records:
                records[row.state] = self.mri(row)
        return list(records.values())

    def mri(self, row: Row) -> MriRecord:
        """One MRI acquisition with its T2 maps and regions."""
        echoes = read_stack(row.path / "echoes.ome.tif")
        t2 = read_stack(row.path / "t2.ome.tif")
        return MriRecord(
            state=row.state,
            name=row.name,
            echoes=echoes.data,
            te_ms=tuple(read_json(row.path / "echoes.json")["te_ms"]),
            spacing_um=echoes.spacing_um,
            t2={name: channel(t2, name) for name in t2.meta["channels"]},
            regions=read_stack(row.path / "regions.ome.tif").data[0],
            regions_table=read_table(row.path / "regions.csv"),
            summary=read_json(row.path / "t2.json"),
            registration=self.registration(row),
        )

    def sections(self, state: str | None = None) -> list[SectionRecord]:
        """SEM images, those registered to the tomogram before those within another image."""
        rows = sorted(self.of_state(state, "sem"), key=lambda r: r.within is not None)
        return [self.section(row) for row in rows]

    def section(self, row: Row) -> SectionRecord:
        """One SEM image."""
        stack = read_stack(row.path / "image.ome.tif")
        return SectionRecord(
            state=row.state,
            name=row.name,
            grey=channel(stack, "grey"),
            spacing_um=(stack.spacing_um[0], stack.spacing_um[1]),
            mask=channel(stack, "mask") > 0,
            registration=self.registration(row),
        )

    def elements_on(self, section: SectionRecord) -> list[ElementsRecord]:
        """Element maps that lie within an SEM image, with their registration to that image."""
        return [
            self.elements(row) for row in self.of_state(section.state, "edx") if row.within == section.name
        ]

    def elements(self, row: Row) -> ElementsRecord:
        """One set of element maps, registered to the SEM image that it lies in."""
        stack = read_stack(row.path / "elements.ome.tif")
        names = element_names(stack)
        return ElementsRecord(
            state=row.state,
            name=row.name,
            counts=np.stack([channel(stack, n) for n in names]),
            elements=names,
            spacing_um=(stack.spacing_um[0], stack.spacing_um[1]),
            registration=_within_outer(self.registration(row)),
        )

    def links(self, state: str) -> tuple[pd.DataFrame, dict[str, Any]] | None:
        """Links of a state as table and summary; None where the state has no MRI or the cell no tomogram."""
        for row in self.rows:
            folder = row.path.parent
            if row.state == state and (folder / "links.csv").exists():
                return read_table(folder / "links.csv"), read_json(folder / "links.json")
        return None


def _within_outer(registration: Registration | None) -> Registration | None:
    """Registration to the image that an acquisition lies in, out of the chain to the reference.

    Parameters
    ----------
    registration : Registration or None
        As written to ``to_reference.json``.

    Returns
    -------
    Registration or None
        None where the acquisition was not registered through another image.
    """
    if registration is None or registration.diagnostics.through is None:
        return None
    first = registration.diagnostics.through
    return Registration(first.map, registration.method, first.verdict, first.reasons, registration.score)
