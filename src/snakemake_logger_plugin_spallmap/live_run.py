"""A run as it goes: what is done, what is running, what failed."""

from __future__ import annotations

import logging
import re
import textwrap
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_spallmap.job_logs import log_of_run
from snakemake_logger_plugin_spallmap.job_names import TARGETS, clock, job_name
from snakemake_logger_plugin_spallmap.screen import Screen
from snakemake_logger_plugin_spallmap.story import event_of, plain_error, show, text_of
from spallmap.cli.interrupts import is_stopping
from spallmap.jobs import FAILURE
from spallmap.runs import failure_reason

# A file that takes the output gets a sign of life as often as this, where no job ends.
_HEARTBEAT_S = 60.0
# How the process of a job ended, as Python says it.
_END = re.compile(r"exit status \d+|died with <Signals\.\w+: \d+>")
_RESTART = re.compile(r"Trying to restart job (\d+)")
_INDENT = 4 * " "
_STOPPED_BY_USER = "Terminating processes on user request"
_FINAL_ERROR = "Exiting because a job execution failed"
# What follows an exception's traceback, or a line of it.
_OF_TRACEBACK = re.compile(r"^(\s|Traceback |During handling|The above exception|$)")


@dataclass
class _Job:
    name: str
    start: float
    is_target: bool


@dataclass
class _Held:
    """Lines that are shown only if the job's own log says less."""

    lines: list[str] = field(default_factory=list)
    in_traceback: bool = False
    end: str = ""

    def takes(self, line: str) -> bool:
        if line.startswith((f"{FAILURE} ", "Traceback (most recent call last):")):
            self.in_traceback = not line.startswith(FAILURE)
        elif self.in_traceback:
            # the first line that is not indented names the exception and is the traceback's last
            self.in_traceback = bool(_OF_TRACEBACK.match(line))
        else:
            return False
        self.lines.append(line)
        return True


class LiveRun:
    """The story of a run.

    Parameters
    ----------
    screen : Screen
        Where it is shown.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._start = time.monotonic()
        self._began = time.time()
        self._last_sign = self._start
        self._phase = "reading the table and the headers of all files"
        self._running: dict[int, _Job] = {}
        self._names: dict[int, str] = {}
        self._done = self._total = self._n_failed = 0
        self._held = _Held()
        self._stopped = self._summed_up = False

    def take(self, record: logging.LogRecord) -> None:
        """Take one message of Snakemake."""
        event, text = event_of(record), text_of(record)
        self._stopped = self._stopped or is_stopping() or text.startswith(_STOPPED_BY_USER)
        if self._stopped and event not in (LogEvent.JOB_FINISHED, LogEvent.PROGRESS):
            return
        if event is LogEvent.RUN_INFO:
            self._plan(record)
        elif event is LogEvent.JOB_INFO:
            self._job_starts(record)
        elif event is LogEvent.JOB_FINISHED:
            self._job_ends(_field(record, "job_id"))
        elif event is LogEvent.PROGRESS:
            self._done, self._total = _field(record, "done"), _field(record, "total")
            if self._done == self._total:
                self._sum_up()
        elif event is LogEvent.JOB_ERROR:
            self._job_fails(record)
        elif event is LogEvent.GROUP_ERROR:
            self._group_fails(record)
        elif event is LogEvent.ERROR:
            self._error(record)
        elif event in (LogEvent.GROUP_INFO, LogEvent.JOB_STARTED):
            return
        else:
            self._say(record, text)
        self._screen.refresh()

    def _say(self, record: logging.LogRecord, text: str) -> None:
        if text.startswith("Building DAG of jobs"):
            self._phase = "planning"
        elif match := _RESTART.match(text):
            name = self._names.get(int(match.group(1)), f"job {match.group(1)}")
            self._screen.line(f"again  {name}")
        elif text.startswith(_FINAL_ERROR):
            self._sum_up()
        else:
            show(record, self._screen)

    def _plan(self, record: logging.LogRecord) -> None:
        self._total = int(_field(record, "stats").get("total", 0))
        self._phase = ""
        if not self._screen.is_terminal:
            self._screen.line(f"{clock(self._elapsed())}  {_counted(self._total, 'job')} to run")

    def _job_starts(self, record: logging.LogRecord) -> None:
        job, rule = _field(record, "jobid"), _field(record, "rule_name")
        name = job_name(rule, _field(record, "wildcards") or {})
        self._names[job] = name
        self._running[job] = _Job(name, time.monotonic(), rule in TARGETS)

    def _job_ends(self, job_id: int) -> None:
        job = self._running.pop(job_id, None)
        if job is None or job.is_target or self._screen.is_terminal:
            return
        self._last_sign = time.monotonic()
        took = clock(self._last_sign - job.start)
        # progress is counted in the message that follows
        counted = f"{self._done + 1} of {self._total}"
        self._screen.line(f"{clock(self._elapsed())}  {counted}  {job.name} ({took})")

    def _job_fails(self, record: logging.LogRecord) -> None:
        job_id = _field(record, "jobid")
        # its last words are on their way
        self._screen.catch_up()
        job = self._running.pop(job_id, None)
        if getattr(record, "indent", False):
            # one of a group, of which the group's message has said what is to be said
            return
        name = job.name if job else self._names.get(job_id, str(_field(record, "rule_name")))
        log = log_of_run(_field(record, "log") or [], self._began)
        self._failed(name, log, str(_field(record, "rule_msg") or ""))

    def _group_fails(self, record: logging.LogRecord) -> None:
        infos: list[dict[str, Any]] = list(_field(record, "job_error_info") or [])
        names = [self._names.get(info["jobid"], info["rule_name"]) for info in infos]
        own = [log_of_run(info["log"], self._began, with_error=True) for info in infos]
        for name, log in zip(names, own, strict=True):
            if log is not None:
                self._failed(name, log)
        if not any(own):
            said = str(getattr(record, "msg", None) or "")
            self._failed(", ".join(names), log_of_run(_field(record, "aux_logs") or [], self._began), said)

    def _failed(self, name: str, log: Path | None, said: str = "") -> None:
        """Say that a job failed, and why: by its own words, else by how it ended."""
        self._n_failed += 1
        held, self._held = self._held, _Held()
        why = [said] if said else []
        if log is None and any(map(str.strip, held.lines)):
            why += [line for line in held.lines if line.strip()]
        else:
            why.append(failure_reason(log, said or held.end))
        lines = [f"FAILED {name}"]
        for words in dict.fromkeys(why):
            lines += self._indented(words)
        lines += [f"{_INDENT}log: {log}"] if log else []
        self._screen.line("\n".join(lines))

    def _indented(self, text: str) -> list[str]:
        """Indent lines, and on a terminal break long ones, but no path."""
        lines = []
        for line in text.splitlines():
            width = self._screen.width if self._screen.is_terminal else len(line) + len(_INDENT)
            lines += textwrap.wrap(
                line,
                max(width, 40),
                initial_indent=_INDENT,
                subsequent_indent=_INDENT,
                break_long_words=False,
                break_on_hyphens=False,
                drop_whitespace=self._screen.is_terminal,
                replace_whitespace=False,
            )
        return lines

    def _error(self, record: logging.LogRecord) -> None:
        text = plain_error(text_of(record))
        if self._running and _END.search(text):
            # of a job whose own message follows
            ends = _END.findall(text)
            self._held.end = ends[-1] if ends else ""
        elif not text.startswith("At least one job did not complete successfully"):
            self._screen.line(text)

    def _sum_up(self) -> None:
        if self._summed_up or not self._total:
            return
        self._summed_up = True
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        self._screen.line(
            f"{self._done} of {_counted(self._total, 'job')} done{failed}, in {clock(self._elapsed())}"
        )

    def keeps(self, line: str) -> bool:
        """Keep a job's line that its log has, too: it is said when Snakemake reports the job."""
        if self._stopped or is_stopping():
            return True
        return bool(self._running) and self._held.takes(line)

    def status(self, width: int) -> str:
        """Say in one line how things stand."""
        if self._summed_up:
            return ""
        if self._stopped or is_stopping():
            return "stopping"[:width]
        head = clock(self._elapsed())
        if not self._total:
            return f"{head}  {self._phase}"[:width]
        failed = f", {self._n_failed} failed" if self._n_failed else ""
        head = f"{head}  {self._done} of {self._total} done{failed}"
        jobs = [job for job in list(self._running.values()) if not job.is_target]
        now = time.monotonic()
        names = [f"{job.name} {clock(now - job.start)}" for job in jobs]
        return _fitted(head, names, width)

    def beat(self) -> None:
        """Give a sign of life to a file, too."""
        if self._screen.is_terminal or not self._running:
            return
        if time.monotonic() - self._last_sign >= _HEARTBEAT_S:
            self._last_sign = time.monotonic()
            self._screen.line(self.status(self._screen.width))

    def _elapsed(self) -> float:
        return time.monotonic() - self._start


def _fitted(head: str, names: list[str], width: int) -> str:
    """Name as many running jobs as there is room for, and count the others."""
    for shown in range(len(names), 0, -1):
        hidden = len(names) - shown
        more = f", and {hidden} more" if hidden else ""
        line = f"{head}  {', '.join(names[:shown])}{more}"
        if len(line) <= width:
            return line
    return (f"{head}  {_counted(len(names), 'job')} running" if names else head)[:width]


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _field(record: logging.LogRecord, name: str) -> Any:
    return getattr(record, name, None)
