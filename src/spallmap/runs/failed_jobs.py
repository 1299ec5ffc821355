"""Which jobs failed, why by their own words, and what is missing because of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from spallmap.jobs import FAILURE

# A line of a job's log: date, time, level, words; lines that begin otherwise go on with the one before.
_LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (?P<level>[A-Z]+) (?P<words>.*)$")
_TRACEBACK = "Traceback (most recent call last):"
# How a process ends that a signal ended: by its name, or as the shell has it, by 128 and its number.
_KILLED = re.compile(r"died with <Signals\.(?P<name>SIG[A-Z]+)|exit status (?P<status>1[2-5]\d)\b")
_STATUS = {
    129: "SIGHUP",
    130: "SIGINT",
    134: "SIGABRT",
    135: "SIGBUS",
    137: "SIGKILL",
    139: "SIGSEGV",
    143: "SIGTERM",
}
_SIGNALS = {
    "SIGHUP": "it ended with its terminal",
    "SIGINT": "it was stopped by Ctrl-C",
    "SIGKILL": "it was killed from outside, most often for want of memory",
    "SIGTERM": "it was ended from outside",
}
_MORE_MEMORY = "close other programs or run fewer jobs at once (--cores 1), and run again"
_AGAIN = "run again"
_REPORT = "if the input is as it should be, this is a fault of spallmap: please report it with the log"


@dataclass(frozen=True)
class FailedJob:
    """A job that failed in the end, after all its attempts.

    Parameters
    ----------
    rule : str
        The workflow's rule.
    subject : str
        Cell, state and acquisition, as far as the job has them: ``cell/state/label``, ``cell/state``,
        ``cell`` or nothing.
    reason : str
        Its own words: file, what was found, what to do.
    log : str
        Its log file; empty where it wrote none.
    missing : tuple of str
        What is not made because of it, in words.

    Examples
    --------
    >>> job = FailedJob("t2", "c7/shorted/mri-t2", "2dseq: found 4 bytes; allowed: 8", "logs/t2.log")
    >>> job.cell, job.state, job.acquisition, job.name
    ('c7', 'shorted', 'mri-t2', 'c7/shorted/mri-t2 (t2)')
    """

    rule: str
    subject: str
    reason: str
    log: str = ""
    missing: tuple[str, ...] = ()

    @property
    def cell(self) -> str:
        """Cell, or nothing where the job is not of one."""
        return self.subject.split("/")[0]

    @property
    def state(self) -> str:
        """State, or nothing."""
        return self._word(1)

    @property
    def acquisition(self) -> str:
        """Label of the acquisition, or nothing."""
        return self._word(2)

    @property
    def name(self) -> str:
        """What it was about, with its rule."""
        return f"{self.subject} ({self.rule})" if self.subject else self.rule

    def concerns(self, cell: str, state: str) -> bool:
        """Whether it is of this cell and state, or of the whole cell."""
        return self.cell == cell and self.state in ("", state)

    def _word(self, n: int) -> str:
        words = self.subject.split("/")
        return words[n] if n < len(words) else ""


def subject_of(wildcards: Mapping[str, str]) -> str:
    """Say what a job is about, by its wildcards.

    Parameters
    ----------
    wildcards : mapping of str to str
        As Snakemake has them.

    Returns
    -------
    str
        ``cell/state/label``, ``cell/state``, ``cell``, or nothing.

    Examples
    --------
    >>> subject_of({"acq": "a/shorted/mri-t2"}), subject_of({"cell": "a"}), subject_of({})
    ('a/shorted/mri-t2', 'a', '')
    """
    return next((wildcards[key] for key in ("acq", "place", "cell") if key in wildcards), "")


@dataclass(frozen=True)
class _Entry:
    """One entry of a job's log."""

    level: str
    words: str
    has_traceback: bool = False


def failure_reason(log: Path | None, end: str = "") -> str:
    """Say why a job failed: by its own last error, else by how it ended.

    Parameters
    ----------
    log : Path or None
        What it logged in this run; None where that is nothing.
    end : str
        What Snakemake or a cluster said of its end, such as ``died with <Signals.SIGKILL: 9>``.

    Returns
    -------
    str
        In words, with what to do.

    Examples
    --------
    >>> failure_reason(None, "exit status 137")  # doctest: +ELLIPSIS
    'it was killed from outside, most often for want of memory (SIGKILL), before it wrote a log; close ...'
    >>> failure_reason(None, "Slurm job 12 on n1: TIMEOUT")
    'Slurm job 12 on n1: TIMEOUT, before it wrote a log; run again'
    """
    entries = _entries(log) if log is not None else []
    what = entries[0].words.removeprefix("start: ") if entries else ""
    errors = [e for e in entries if e.level == FAILURE]
    if errors:
        words = errors[-1].words.removeprefix(f"{what}: ")
        if not errors[-1].has_traceback:
            return words
        return f"{words}; {_MORE_MEMORY if 'MemoryError' in words else _REPORT}"
    if any(e.words == f"done: {what}" for e in entries):
        said = end or "Snakemake's log says why"
        return f"it came to its end, but Snakemake did not take its results: {said}; {_AGAIN}"
    how, remedy = _how_it_ended(end)
    if not entries:
        return f"{how}, before it wrote a log; {remedy}"
    return f"{how}; its log breaks off; {remedy}"


def _how_it_ended(end: str) -> tuple[str, str]:
    """Say how a job ended that wrote no error itself, and what to do."""
    match = _KILLED.search(end)
    name = (match["name"] or _STATUS.get(int(match["status"]), "")) if match else ""
    if name:
        words = _SIGNALS.get(name, "it was ended by a signal")
        return f"{words} ({name})", _MORE_MEMORY if name == "SIGKILL" else _AGAIN
    if end:
        return end, _AGAIN
    return "it ended without a word", f"Snakemake's log may say more; {_AGAIN}"


def _entries(log: Path) -> list[_Entry]:
    """Read a log; lines without a time go on with the entry before, and tracebacks are left out."""
    entries: list[_Entry] = []
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _LINE.match(line)
        if match:
            entries.append(_Entry(match["level"], match["words"]))
        elif entries and line == _TRACEBACK:
            entries[-1] = replace(entries[-1], has_traceback=True)
        elif entries and not entries[-1].has_traceback:
            entries[-1] = replace(entries[-1], words=f"{entries[-1].words}\n{line}")
    return entries


def missing_words(paths: Iterable[str], results: str) -> tuple[str, ...]:
    """Name the results that people look for among files that are not made.

    Parameters
    ----------
    paths : iterable of str
        Files that jobs should have made.
    results : str
        The folder of results.

    Returns
    -------
    tuple of str
        Reports, links, overlays and figures, each once; other files are not named.

    Examples
    --------
    >>> missing_words(["out/a/shorted/report.html", "out/a/figures/figure1.pdf", "out/a/x.json"], "out")
    ('report of a/shorted', 'figures of a')
    """
    words: dict[str, None] = {}
    for path in paths:
        parts = PurePath(path).parts[len(PurePath(results).parts) :]
        place = "/".join(parts[:2])
        match parts:
            case (_, _, "report.html"):
                words[f"report of {place}"] = None
            case (_, _, "links.csv"):
                words[f"links of {place}"] = None
            case (_, _, "cut_plan.csv"):
                words[f"cut plan of {place}"] = None
            case (_, _, "overlays"):
                words[f"overlays of {place}"] = None
            case ("figures", *_):
                words["the paper's figures"] = None
            case (cell, "figures", *_):
                words[f"figures of {cell}"] = None
            case ("links_pooled.json",):
                words["links over all cells"] = None
    order = ("report", "links", "cut", "overlays", "figures", "the")
    return tuple(sorted(words, key=lambda w: order.index(w.split(" ")[0].split("'")[0])))
