"""The last lines of a run: a table of what was found, then what failed and what to do."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from spallmap.runs.failed_jobs import FailedJob
from spallmap.runs.findings import NOT_MADE, StateFindings

# What the page of all cells says of itself where the run that it shows did not come to a good end.
UNFINISHED = 'data-run="unfinished"'
# What fits a screen of 24 to 50 lines together with what failed.
MOST_ROWS = 20
# Each failure takes three lines or more.
MOST_FAILURES = 10
# More links than these make a row too wide; the page has them all.
_MOST_LINKS = 2
# Some errors list all that would have been allowed; the first sentences say what to do.
_LONGEST_REASON = 480
_HEADINGS = ("cell", "state", "verdicts", "T2 ms", "regions", "links", "p", "report")
_RIGHT = frozenset({"T2 ms", "regions", "p"})
_NONE = "-"


@dataclass(frozen=True)
class RunOutcome:
    """How a run ended.

    Parameters
    ----------
    findings : tuple of StateFindings
        Every cell and state of the table.
    failed : tuple of FailedJob
        Jobs that failed in the end.
    n_stopped : int
        Jobs that the run did not come to although nothing that they need failed: it was stopped.
    results : str
        The folder of results.

    Examples
    --------
    >>> job = FailedJob("t2", "c7/shorted/mri-t2", "2dseq: found 4 bytes; allowed: 8")
    >>> RunOutcome((StateFindings("c7", "shorted"),), (job,), 0, "results").failed_of("c7", "shorted")[0].rule
    't2'
    """

    findings: tuple[StateFindings, ...]
    failed: tuple[FailedJob, ...] = ()
    n_stopped: int = 0
    results: str = "results"

    @property
    def is_whole(self) -> bool:
        """Whether nothing failed and the run came to its end."""
        return not self.failed and not self.n_stopped

    def of_cells(self, cells: Collection[str]) -> RunOutcome:
        """Return the same of some cells alone; of all where it has none of these."""
        own = tuple(f for f in self.findings if f.cell in cells)
        return replace(self, findings=own or self.findings)

    def failed_of(self, cell: str, state: str) -> list[FailedJob]:
        """Jobs that failed for a cell and state, those of the whole cell among them."""
        return [job for job in self.failed if job.concerns(cell, state)]


def table_lines(outcome: RunOutcome, index: str, most_rows: int = MOST_ROWS) -> list[str]:
    r"""Lay out the table of a run.

    Parameters
    ----------
    outcome : RunOutcome
        How it ended.
    index : str
        Path of the page of all cells, empty where there is none.
    most_rows : int
        Of a longer table the rows with a failure come first, then those with a refusal, and the rest is
        counted.

    Returns
    -------
    list of str
        Its lines, aligned.

    Examples
    --------
    >>> findings = StateFindings("c7", "shorted", t2_ms=7.25, n_regions=0, report="c7/shorted/report.html")
    >>> print("\n".join(table_lines(RunOutcome((findings,)), "results/index.html")))
    cell  state    verdicts  T2 ms  regions  links  p  report
    c7    shorted  -          7.25        0  -      -  results/c7/shorted/report.html
    All cells: results/index.html
    """
    chosen = list(outcome.findings)
    if len(chosen) > most_rows:
        ranked = sorted(range(len(chosen)), key=lambda n: _rank(chosen[n], outcome))
        chosen = [chosen[n] for n in sorted(ranked[:most_rows])]
    lines = aligned([_HEADINGS, *(_row(f, outcome) for f in chosen)])
    left_out = len(outcome.findings) - len(chosen)
    if left_out:
        rest = [f for f in outcome.findings if f not in chosen]
        n_failed = sum(bool(outcome.failed_of(f.cell, f.state)) for f in rest)
        lines.append(f"and {left_out} more" + (f", {n_failed} of them with failures" if n_failed else ""))
    n_cells = len({f.cell for f in outcome.findings})
    if n_cells > 1 or left_out:
        lines.append(_counts(outcome))
    if index:
        lines.append(f"All cells: {index}")
    return lines


def failure_lines(outcome: RunOutcome, index: str, most: int = MOST_FAILURES) -> list[str]:
    r"""Say what failed: cell, file, what was found, what to do, the log, and what is missing.

    Parameters
    ----------
    outcome : RunOutcome
        How the run ended.
    index : str
        Path of the page of all cells, which has all of them; empty where there is none.
    most : int
        So many jobs are shown.

    Returns
    -------
    list of str
        Nothing where nothing failed.

    Examples
    --------
    >>> job = FailedJob("t2", "c7/s/mri-m", "2dseq: found 4 bytes; allowed: 8", "t2.log", ("report of c7/s",))
    >>> print("\n".join(failure_lines(RunOutcome((), (job,)), "")))
    1 job failed; all that does not depend on it was made.
    FAILED c7/s/mri-m (t2): 2dseq: found 4 bytes; allowed: 8
        log: t2.log
        missing because of it: report of c7/s
    Mend what is named above and run the same command again: it makes what is missing.
    """
    lines: list[str] = []
    failed, n = outcome.failed, len(outcome.failed)
    if failed:
        made = (
            ""
            if outcome.n_stopped
            else f"; all that does not depend on {'it' if n == 1 else 'them'} was made"
        )
        lines.append(f"{n} job{'' if n == 1 else 's'} failed{made}.")
    for job in failed[:most]:
        reason = job.reason
        if len(reason) > _LONGEST_REASON:
            reason = f"{reason[:_LONGEST_REASON].rpartition(' ')[0]} ... (the log has the rest)"
        first, *more = f"FAILED {job.name}: {reason}".splitlines()
        lines += [first, *(f"    {line}" for line in more)]
        if job.log:
            lines.append(f"    log: {job.log}")
        if job.missing:
            lines.append(f"    missing because of it: {', '.join(job.missing)}")
    if n > most:
        lines.append(f"and {n - most} more failed jobs: see {index or 'the logs'}")
    if outcome.n_stopped:
        jobs = "1 job is" if outcome.n_stopped == 1 else f"{outcome.n_stopped} jobs are"
        lines.append(f"The run was stopped; {jobs} left to do. Run the same command again: it goes on.")
    elif failed:
        lines.append("Mend what is named above and run the same command again: it makes what is missing.")
    return lines


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lay out rows of a table in columns, the first row being the headings.

    Parameters
    ----------
    rows : sequence of sequence of str
        All of the same length.

    Returns
    -------
    list of str
        A line for each, without blanks at its end.

    Examples
    --------
    >>> aligned([("cell", "p"), ("a", "0.012")])
    ['cell      p', 'a     0.012']
    """
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    right = [heading in _RIGHT for heading in rows[0]]
    return [
        "  ".join(
            word.rjust(width) if to_right else word.ljust(width)
            for word, width, to_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in rows
    ]


def _rank(findings: StateFindings, outcome: RunOutcome) -> int:
    if outcome.failed_of(findings.cell, findings.state):
        return 0
    if not findings.is_made:
        return 1
    return 2 if findings.with_verdict("refused") else 3


def _row(findings: StateFindings, outcome: RunOutcome) -> tuple[str, ...]:
    links = [f"{link.region}: {link.source} {link.probability:.2f}" for link in findings.links[:_MOST_LINKS]]
    if len(findings.links) > _MOST_LINKS:
        links.append(f"{len(findings.links) - _MOST_LINKS} more")
    return (
        findings.cell,
        findings.state,
        verdict_words(findings),
        _NONE if findings.t2_ms is None else f"{findings.t2_ms:.2f}",
        _NONE if findings.n_regions is None else str(findings.n_regions),
        ", ".join(links) or _NONE,
        _NONE if findings.p_value is None else f"{findings.p_value:.2g}",
        _page(findings, outcome),
    )


def verdict_words(findings: StateFindings) -> str:
    """Sum up the verdicts of a state's registrations.

    Parameters
    ----------
    findings : StateFindings
        Of the state.

    Returns
    -------
    str
        How many were accepted; those refused or not made by their names.

    Examples
    --------
    >>> from spallmap.runs.findings import AcquisitionFinding
    >>> found = [AcquisitionFinding("mri-m", "accepted"), AcquisitionFinding("sem-o", "refused", ("faint",))]
    >>> verdict_words(StateFindings("a", "s", tuple(found)))
    '1 accepted; refused: sem-o'
    """
    accepted = len(findings.with_verdict("accepted"))
    words = [f"{accepted} accepted"] if accepted else []
    for verdict in ("refused", NOT_MADE):
        labels = findings.with_verdict(verdict)
        if labels:
            words.append(f"{verdict}: {', '.join(labels)}")
    return "; ".join(words) or _NONE


def _page(findings: StateFindings, outcome: RunOutcome) -> str:
    if findings.report:
        return f"{outcome.results}/{findings.report}"
    failed = outcome.failed_of(findings.cell, findings.state)
    if failed:
        return f"FAILED: {', '.join(dict.fromkeys(_short(job) for job in failed))}"
    return "not made (an earlier run's is there)" if findings.earlier_report else "not made"


def _short(job: FailedJob) -> str:
    return f"{job.rule} of {job.acquisition}" if job.acquisition else job.rule


def _counts(outcome: RunOutcome) -> str:
    pages = sum(f.is_made for f in outcome.findings)
    cells = len({f.cell for f in outcome.findings})
    refused = sum(len(f.with_verdict("refused")) for f in outcome.findings)
    failed = {f.cell for f in outcome.findings if outcome.failed_of(f.cell, f.state)}
    words = [f"{cells} cell{'' if cells == 1 else 's'}", f"{pages} of {len(outcome.findings)} reports made"]
    if refused:
        words.append(f"{refused} registration{'' if refused == 1 else 's'} refused")
    if failed:
        words.append(f"{len(failed)} cell{'' if len(failed) == 1 else 's'} with failures")
    return ", ".join(words)
