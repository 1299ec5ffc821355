"""The page of all cells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from spallmap.provenance import machine, versions
from spallmap.report.page_environment import page_environment
from spallmap.report.page_tables import pairs_view
from spallmap.runs import UNFINISHED, FailedJob, RunOutcome, StateFindings, verdict_words


def render_index(outcome: RunOutcome, parameters: Mapping[str, Any] | None = None) -> str:
    """Render the page that lists every cell with what was found, what failed, and what is missing.

    Parameters
    ----------
    outcome : RunOutcome
        Findings of every cell and state, and jobs that failed.
    parameters : mapping, optional
        The whole configuration, to be shown with the versions and the machine.

    Returns
    -------
    str
        One HTML page.

    Examples
    --------
    >>> from spallmap.runs import UNFINISHED, AcquisitionFinding
    >>> mri = AcquisitionFinding("mri-t2", "accepted")
    >>> page = render_index(RunOutcome((StateFindings("cell-a", "shorted", (mri,)),)))
    >>> "1 registration accepted, 0 refused" in page, UNFINISHED in page
    (True, False)
    """
    cells: dict[str, list[StateFindings]] = {}
    for findings in outcome.findings:
        cells.setdefault(findings.cell, []).append(findings)
    acquisitions = [a for f in outcome.findings for a in f.acquisitions]
    made_with = {}
    if parameters:
        made_with = {"parameters": parameters, "versions": versions(), "machine": machine()}
    return (
        page_environment()
        .get_template("index.html")
        .render(
            outcome=outcome,
            unfinished=UNFINISHED,
            cells=cells,
            counts={v: sum(a.verdict == v for a in acquisitions) for v in ("accepted", "refused")},
            n_acquisitions=len(acquisitions),
            verdict_words=verdict_words,
            address_of_log=lambda job: _address_of_log(job, outcome),
            provenance=pairs_view(made_with, "Parameters, versions and machine") if made_with else None,
        )
    )


def _address_of_log(job: FailedJob, outcome: RunOutcome) -> str:
    """Address of a job's log relative to the page; nothing where it lies elsewhere."""
    log = PurePath(job.log)
    return log.relative_to(outcome.results).as_posix() if log.is_relative_to(outcome.results) else ""
