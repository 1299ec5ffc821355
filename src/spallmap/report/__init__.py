"""Pages: one self-contained report per cell and state, and the index of all cells.

From a cell's results, as the scripts do it::

    results = CellResults.of(described)
    page = render_report(cell_report("cell-a", "shorted", results, figure_files, overlay_folder, provenance))
    index = render_index(RunOutcome(tuple(read_findings(described))), provenance)

From content in hand::

    report = CellReport(
        cell="cell-a", state="shorted", acquisitions=table, registrations=(RegistrationEntry(...), ...),
        t2=(T2Entry("mri-t2", summary, regions),), cracks=cracks, links=links, links_summary=links_json,
        figures=(figure_picture("figure3", png), ...), overlays=(...),
        parameters=config, provenance=provenance,
    )
    page = render_report(report)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spallmap.report.captions import figure_picture
    from spallmap.report.collect import cell_report
    from spallmap.report.context import CellReport, CrackLimit, Picture, RegistrationEntry, T2Entry
    from spallmap.report.index_page import render_index
    from spallmap.report.pages import render_report

__all__ = [
    "CellReport",
    "CrackLimit",
    "Picture",
    "RegistrationEntry",
    "T2Entry",
    "cell_report",
    "figure_picture",
    "render_index",
    "render_report",
]

# The index is written while a user who has stopped the run waits: it must not load what draws pictures.
_MODULES = {
    "CellReport": "context",
    "CrackLimit": "context",
    "Picture": "context",
    "RegistrationEntry": "context",
    "T2Entry": "context",
    "cell_report": "collect",
    "figure_picture": "captions",
    "render_index": "index_page",
    "render_report": "pages",
}


def __getattr__(name: str) -> Any:
    """Load a module when what it has is asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
