"""Gathers a cell's results into the content of its page and of its lines in the index."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spallmap.errors import DataWarning
from spallmap.registration.scan_warnings import scan_warnings
from spallmap.report.captions import figure_picture
from spallmap.report.context import CellReport, CrackLimit, Picture, RegistrationEntry, T2Entry
from spallmap.report.flicker import flicker_pictures
from spallmap.results.cell import CellResults, Row
from spallmap.results.data_warnings import WARNINGS, read_warnings
from spallmap.results.ome_zarr import open_zarr
from spallmap.results.tables import read_json, read_table
from spallmap.tomography import AREA_FACTOR

# The overlay pictures' captions go by what is drawn, which their names begin with.
_OVERLAYS = {"mri-": "mri_overlay", "sem-": "section_overlay", "edx-": "elements_overlay"}


def cell_report(
    cell: str,
    state: str,
    results: CellResults,
    figures: Sequence[Path],
    overlays: Path,
    provenance: Mapping[str, Any],
) -> CellReport:
    """Collect the content of one page.

    Parameters
    ----------
    cell, state : str
        Whose page it is.
    results : CellResults
        The cell's results.
    figures : sequence of Path
        PNG files of the cell's figures, named after them.
    overlays : Path
        Folder of the state's overlays.
    provenance : mapping
        As provenance.json.

    Returns
    -------
    CellReport
        The content.

    Examples
    --------
    >>> provenance = {"acquisitions": [], "parameters": {}, "random_seed": 1, "inputs": {}}
    >>> provenance |= {"versions": {}, "machine": {}}
    >>> report = cell_report("cell-a", "shorted", CellResults.of([]), [], Path("nowhere"), provenance)
    >>> for remark in report.remarks:
    ...     print(remark)
    The cell has no tomogram: nothing can be placed in a common frame, and there are no links.
    This state has no MRI: there are no T2 maps and no links.
    """
    rows = [r for r in results.rows if r.state == state]
    mine = {r.id for r in rows}
    acquisitions = [a for a in provenance["acquisitions"] if a["id"] in mine]
    links = results.links(state)
    return CellReport(
        cell=cell,
        state=state,
        acquisitions=pd.DataFrame(acquisitions),
        registrations=tuple(_entry(r, results) for r in rows if not r.reference),
        t2=tuple(
            T2Entry(_label(r), read_json(r.path / "t2.json"), read_table(r.path / "regions.csv"))
            for r in rows
            if r.modality == "mri"
        ),
        cracks=_cracks(rows),
        crack_limit=_crack_limit(rows),
        interfaces=_interfaces(rows),
        links=None if links is None else links[0],
        links_summary={} if links is None else links[1],
        figures=tuple(figure_picture(p.stem, p.read_bytes()) for p in figures),
        overlays=tuple(_overlay(p) for p in _ordered(overlays, results)),
        warnings=tuple(f"{_label(r)}: {w}" for r in rows for w in _warnings(r, results)),
        remarks=tuple(_remarks(rows, results)),
        parameters=provenance["parameters"],
        provenance={k: provenance[k] for k in ("versions", "machine", "random_seed", "inputs")},
    )


def _label(row: Row) -> str:
    return f"{row.modality}-{row.name}"


def _warnings(row: Row, results: CellResults) -> tuple[DataWarning, ...]:
    """Gather what is odd in the files of an acquisition, and in what was fitted of its scan."""
    registration = results.registration(row)
    fitted = () if registration is None else scan_warnings(registration)
    return (*read_warnings(row.path / WARNINGS), *fitted)


def _entry(row: Row, results: CellResults) -> RegistrationEntry:
    picture = row.path / "registration.png"
    pictures: tuple[Picture, ...] = ()
    if picture.exists():
        png = picture.read_bytes()
        pictures = (figure_picture(_kind(row), png), *flicker_pictures(png))
    return RegistrationEntry(_label(row), _onto(row, results), results.registration(row), pictures=pictures)


def _kind(row: Row) -> str:
    if row.within is not None:
        return "registration_inset"
    return {"xct": "registration_volume", "mri": "registration_projection"}.get(
        row.modality, "registration_section"
    )


def _onto(row: Row, results: CellResults) -> str:
    if row.within is not None:
        return f"SEM image {row.within}, and through it to the reference tomogram"
    own = results.of_state(row.state, "xct")
    if row.modality == "xct" or not own or any(r.reference for r in own):
        return "the reference tomogram"
    return f"the {row.state} tomogram, and through it to the reference tomogram"


def _cracks(rows: Sequence[Row]) -> pd.DataFrame | None:
    """Table of the first tomogram's cracks; None where none was searched."""
    tomograms = [r for r in rows if r.modality == "xct"]
    if not tomograms or not read_json(tomograms[0].path / "cracks.json")["searched"]:
        return None
    folder = tomograms[0].path
    table = read_table(folder / "crack_measures.csv")
    changes = folder / "crack_changes.csv"
    if changes.exists():
        table = table.merge(read_table(changes)[["crack", "change"]], on="crack", how="left")
    return table


def _interfaces(rows: Sequence[Row]) -> pd.DataFrame | None:
    """Contact and roughness at both faces of the first tomogram's ceramic; None where there is none."""
    tomograms = [r for r in rows if r.modality == "xct"]
    summary = read_json(tomograms[0].path / "interfaces.json") if tomograms else {}
    if not summary:
        return None
    lines = [{"side": side, **face, **face["roughness"]} for side, face in summary.items()]
    return pd.DataFrame(lines).drop(columns="roughness")


def _crack_limit(rows: Sequence[Row]) -> CrackLimit | None:
    """Smallest crack that would have been found in the first tomogram; None where that is not known."""
    tomograms = [r for r in rows if r.modality == "xct"]
    if not tomograms:
        return None
    folder = tomograms[0].path
    summary = read_json(folder / "cracks.json")
    aperture_um = summary["detection_limit"]["air_um"]
    if aperture_um is None:
        return None
    voxel_um2 = math.prod(open_zarr(folder / "labels.ome.zarr").spacing_um) ** (2 / 3)
    least_um2 = summary["thresholds"]["min_area_voxels"] * voxel_um2
    return CrackLimit(float(aperture_um), AREA_FACTOR * least_um2, least_um2)


def _ordered(folder: Path, results: CellResults) -> list[Path]:
    """Order overlays by modality, an overview before what lies within it."""
    within = {_label(r): r.within is not None for r in results.rows}
    kinds = list(_OVERLAYS)
    return sorted(folder.glob("*.png"), key=lambda p: (kinds.index(p.name[:4]), within[p.stem], p.stem))


def _overlay(path: Path) -> Picture:
    kind = next(kind for prefix, kind in _OVERLAYS.items() if path.name.startswith(prefix))
    return figure_picture(kind, path.read_bytes(), remark=path.stem)


def _remarks(rows: Sequence[Row], results: CellResults) -> list[str]:
    remarks = []
    if not any(r.reference for r in results.rows):
        remarks.append(
            "The cell has no tomogram: nothing can be placed in a common frame, and there are no links."
        )
    mri = [r for r in rows if r.modality == "mri"]
    if not mri:
        remarks.append("This state has no MRI: there are no T2 maps and no links.")
    if len(mri) > 1:
        remarks.append(
            f"Of {len(mri)} MRI acquisitions the first, {_label(mri[0])}, is linked to cracks and drawn."
        )
    tomograms = [r for r in rows if r.modality == "xct"]
    if len(tomograms) > 1:
        remarks.append(f"Of {len(tomograms)} tomograms the cracks of {_label(tomograms[0])} are listed.")
    for row in tomograms:
        summary = read_json(row.path / "cracks.json")
        if not summary["searched"]:
            why = summary["finding"] or summary["thresholds"]["null"].removeprefix("none: ")
            remarks.append(f"No crack was looked for in {_label(row)}: {why}.")
    return remarks
