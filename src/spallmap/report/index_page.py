"""The page of all cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from spallmap.report.page_tables import pairs_view
from spallmap.report.pages import page_environment
from spallmap.runs import FailedJob, RunOutcome, StateFindings, verdict_words

# What the page says of itself where the run that it shows did not come to a good end.
UNFINISHED = 'data-run="unfinished"'


def render_index(outcome: RunOutcome, provenance: Mapping[str, Any] | None = None) -> str:
    """Render the page that lists every cell with what was found, what failed, and what is missing.

    Parameters
    ----------
    outcome : RunOutcome
        Findings of every cell and state, and jobs that failed.
    provenance : mapping, optional
        As provenance.json.

    Returns
    -------
    str
        One HTML page.

    Examples
    --------
    >>> from spallmap.runs import AcquisitionFinding
    >>> mri = AcquisitionFinding("mri-t2", "accepted")
    >>> page = render_index(RunOutcome((StateFindings("cell-a", "shorted", (mri,)),)))
    >>> "1 registration accepted, 0 refused" in page, UNFINISHED in page
    (True, False)
    """
    cells: dict[str, list[StateFindings]] = {}
    for findings in outcome.findings:
        cells.setdefault(findings.cell, []).append(findings)
    acquisitions = [a for f in outcome.findings for a in f.acquisitions]
    return (
        page_environment()
        .get_template("index.html")
        .render(
            outcome=outcome,
            cells=cells,
            counts={v: sum(a.verdict == v for a in acquisitions) for v in ("accepted", "refused")},
            n_acquisitions=len(acquisitions),
            verdict_words=verdict_words,
            address_of_log=lambda job: _address_of_log(job, outcome),
            provenance=pairs_view(provenance, "Inputs, versions and machine") if provenance else None,
        )
    )


def _address_of_log(job: FailedJob, outcome: RunOutcome) -> str:
    """Address of a job's log relative to the page; nothing where it lies elsewhere."""
    log = PurePath(job.log)
    return log.relative_to(outcome.results).as_posix() if log.is_relative_to(outcome.results) else ""
