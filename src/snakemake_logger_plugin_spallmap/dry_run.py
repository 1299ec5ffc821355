"""A dry run on one screen: how many jobs, of which kind and which cell, and why."""

from __future__ import annotations

import logging
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_spallmap.config_keys import ConfigKeys, read_keys
from snakemake_logger_plugin_spallmap.job_names import TARGETS, cell_of, words_of
from snakemake_logger_plugin_spallmap.reasons import FILES, FOLLOWS, NEVER_MADE, in_words
from snakemake_logger_plugin_spallmap.screen import Screen
from snakemake_logger_plugin_spallmap.story import event_of, is_silent, show, text_of

_LAST_WORDS = "This was a dry-run"
_TEMPORARY = "Would remove temporary output "
# What fits on a screen of 24 lines together with the table of steps.
_MOST_ROWS = 12
_MOST_CELLS, _MOST_REASONS = 4, 4
# Terminals are at least this wide, or wrap.
_WIDTH = 100
_ALL = "all cells together"


@dataclass(frozen=True)
class _Planned:
    rule: str
    cell: str
    why: tuple[str, ...]
    outputs: tuple[str, ...]


class DryRun:
    """The story of a dry run.

    Parameters
    ----------
    screen : Screen
        Where it is shown.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._jobs: list[_Planned] = []
        self._temporary: set[str] = set()
        self._keys = ConfigKeys()

    def take(self, record: logging.LogRecord) -> None:
        """Take one message of Snakemake."""
        event, text = event_of(record), text_of(record)
        if event is LogEvent.WORKFLOW_STARTED:
            defaults = Path(getattr(record, "snakefile_main", None) or ".").parent / "config" / "config.yaml"
            files = [Path(file) for file in getattr(record, "configfiles", None) or ()]
            others = [file for file in files if file.resolve() != defaults.resolve()]
            self._keys = read_keys(defaults, others, sys.argv[1:])
        elif event is LogEvent.JOB_INFO:
            self._job(record)
        elif text.startswith(_TEMPORARY):
            self._temporary.add(text.removeprefix(_TEMPORARY).strip())
        elif text.startswith(_LAST_WORDS):
            self._screen.line("\n".join(overview([self._asked_for(job) for job in self._jobs])))
        elif event not in (LogEvent.RUN_INFO, LogEvent.GROUP_INFO, LogEvent.PROGRESS) and not (
            is_silent(record) or _of_single_jobs(text)
        ):
            show(record, self._screen)

    def _job(self, record: logging.LogRecord) -> None:
        rule, outputs = record.__dict__["rule_name"], tuple(record.__dict__["output"] or ())
        if rule not in TARGETS:
            wildcards = record.__dict__["wildcards"] or {}
            why = in_words(str(record.__dict__["reason"]), self._keys, len(outputs))
            # thousands of slices are known to Snakemake by one text, which does not name the one that changed
            label = wildcards.get("acq", "").partition("/")[2]
            said = [f"files of {label} changed" if words == FILES and label else words for words in why]
            self._jobs.append(_Planned(rule, cell_of(wildcards), tuple(said), outputs))

    def _asked_for(self, job: _Planned) -> _Planned:
        """Say why of a job whose results are not kept: it runs whenever another one needs them."""
        not_kept = job.outputs and self._temporary.issuperset(job.outputs)
        return replace(job, why=(FOLLOWS,)) if not_kept and job.why == (NEVER_MADE,) else job

    def keeps(self, line: str) -> bool:
        """No line."""
        return False

    def status(self, width: int) -> str:
        """Nothing: a dry run is over before one has read it."""
        return ""

    def beat(self) -> None:
        """Nothing."""


def _of_single_jobs(text: str) -> bool:
    """Whether Snakemake repeats reasons by rule, which stand in the overview by cell."""
    return text.startswith(("Reasons:", "    (check individual jobs", "(check individual jobs"))


def overview(jobs: Sequence[_Planned]) -> list[str]:
    """Count jobs by cell with their reasons, and by step.

    Parameters
    ----------
    jobs : sequence
        What would run, targets left out.

    Returns
    -------
    list of str
        Lines.
    """
    if not jobs:
        return ["Nothing but targets: no job would run."]
    rows: dict[str, list[_Planned]] = {}
    for job in jobs:
        rows.setdefault(job.cell or _ALL, []).append(job)
    lines = [f"{len(jobs)} job{'' if len(jobs) == 1 else 's'} would run.", ""]
    lines += _table("cell", _by_cell(rows), "why")
    steps = Counter(words_of(job.rule) for job in jobs)
    by_step = "by step: " + ", ".join(f"{step} {n}" for step, n in steps.items())
    lines += ["", *textwrap.wrap(by_step, _WIDTH, subsequent_indent=" " * len("by step: "))]
    return [*lines, "", "This was a dry run: nothing was made."]


def _by_cell(rows: Mapping[str, Sequence[_Planned]]) -> list[tuple[str, int, str]]:
    """Cells with their number of jobs and reasons; cells that are alike stand together."""
    alike: dict[tuple[int, tuple[str, ...]], list[str]] = {}
    for cell, jobs in sorted(rows.items(), key=lambda row: (row[0] == _ALL, _as_counted(row[0]))):
        said = Counter(why for job in jobs for why in job.why)
        if len(said) > 1:
            said.pop(FOLLOWS, None)
        alike.setdefault((len(jobs), tuple(said)), []).append(cell)
    found = []
    for (number, why), cells in alike.items():
        named = ", ".join(cells[:_MOST_CELLS])
        if len(cells) > _MOST_CELLS:
            named += f" and {len(cells) - _MOST_CELLS} more"
        each = f" (each of {len(cells)})" if len(cells) > 1 else ""
        more = f", {len(why) - _MOST_REASONS} more" if len(why) > _MOST_REASONS else ""
        found.append((named, number, f"{'; '.join(why[:_MOST_REASONS])}{more}{each}"))
    if len(found) > _MOST_ROWS:
        rest = found[_MOST_ROWS - 1 :]
        found = found[: _MOST_ROWS - 1]
        found.append((f"{len(rest)} more rows", sum(row[1] for row in rest), "--dry-run --verbose lists all"))
    return found


def _as_counted(name: str) -> list[tuple[int, str]]:
    """Sort names as people count: c2 before c10."""
    return [(int(part or 0), "") if part.isdigit() else (0, part) for part in re.split(r"(\d+)", name)]


def _table(first: str, rows: Sequence[tuple[str, int, str]], last: str) -> list[str]:
    wide = max(len(first), *(len(row[0]) for row in rows))
    lines = [f"{first:<{wide}}  {'jobs':>5}  {last}"]
    return lines + [f"{cell:<{wide}}  {number:>5}  {why}" for cell, number, why in rows]
