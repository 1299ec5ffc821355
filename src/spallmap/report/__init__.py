"""Pages: one self-contained report per cell and state, and the index of all cells.

A script fills :class:`CellReport` from result files and writes what :func:`render_report` returns::

    report = CellReport(
        cell="cell-a", state="shorted", acquisitions=table, registrations=(RegistrationEntry(...), ...),
        t2=(T2Entry("mri-t2", summary, regions),), cracks=cracks, links=links, links_summary=links_json,
        figures=(figure_picture("figure3", png), ...), overlays=(...),
        parameters=config, provenance=provenance,
    )
    page = render_report(report)
"""

from spallmap.report.captions import figure_picture
from spallmap.report.context import CellReport, CrackLimit, IndexEntry, Picture, RegistrationEntry, T2Entry
from spallmap.report.pages import render_index, render_report

__all__ = [
    "CellReport",
    "CrackLimit",
    "IndexEntry",
    "Picture",
    "RegistrationEntry",
    "T2Entry",
    "figure_picture",
    "render_index",
    "render_report",
]
