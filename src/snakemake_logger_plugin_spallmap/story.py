"""What a run says, as far as running and dry running have it in common."""

from __future__ import annotations

import logging
import re
from typing import Protocol

from snakemake_interface_logger_plugins.common import LogEvent

from snakemake_logger_plugin_spallmap.screen import Screen

# What Snakemake says of its own work, at the start of the line. None of it is for the user to act on, and all
# of it is kept in Snakemake's log of the run.
_OF_ITS_OWN_WORK = (
    "Assuming unrestricted shared filesystem usage",
    "Building DAG of jobs",
    "Using shell: ",
    "Select jobs to execute",
    "Group jobs: inactive",
    "Processed ",
    "Complete log(s): ",
    "Elapsed time: ",
    "Will exit after finishing currently running jobs (scheduler)",
    "Exiting because a job execution failed",
    "Removing output files of failed job",
    "Shutting down, this might take some time",
    "Some jobs were triggered by provenance information",
    "Rules with provenance triggered jobs",
    "Terminating processes on user request",
    "Storing output in storage",
    "Write-protecting output file",
    "Removing temporary output",
    "Would remove temporary output",
    "Config file ",
    "Waiting at most ",
    "At least one job did not complete successfully",
    "host: ",
    # of the cluster's executor: its log has each job's number
    "Cleaning up SLURM log files",
    "'sacct' unavailable",
)
_SILENT_EVENTS = frozenset(
    {
        LogEvent.WORKFLOW_STARTED,
        LogEvent.RESOURCES_INFO,
        LogEvent.SHELLCMD,
        LogEvent.RULEGRAPH,
        LogEvent.DEBUG_DAG,
    }
)
# A cell takes a dozen submissions to a cluster; which number each has stands in Snakemake's log.
_SUBMITTED = re.compile(r"(Job|Group job) \S+ has been submitted|Submitted array job")
# Where in the workflow an error of the user's files was noticed does not help them; the log has it.
_WHERE = re.compile(r"^(Workflow|Rule|InputFunction)\w*( in (file|rule) [^\n]*)?:?\n")
_TRACE = re.compile(r"\n  File \"[^\n]*(\n    [^\n]*)?|\nTraceback[^\n]*")


class Story(Protocol):
    """Something that makes a story of Snakemake's messages."""

    def take(self, record: logging.LogRecord) -> None:
        """Take one message of Snakemake."""

    def keeps(self, line: str) -> bool:
        """Take a line that someone else wrote to the terminal, unless it is to be shown as it is."""

    def status(self, width: int) -> str:
        """Say in one line how things stand; nothing where nothing is to be said."""

    def beat(self) -> None:
        """Take note that time goes by."""


def event_of(record: logging.LogRecord) -> LogEvent | None:
    """Kind of a message of Snakemake; None for plain text."""
    event: LogEvent | None = getattr(record, "event", None)
    return event


def is_silent(record: logging.LogRecord) -> bool:
    """Whether a message is about Snakemake's own work alone."""
    if event_of(record) in _SILENT_EVENTS:
        return True
    text = text_of(record)
    of_its_own = text.startswith(_OF_ITS_OWN_WORK) or _SUBMITTED.match(text) is not None
    return record.levelno < logging.WARNING and of_its_own


def text_of(record: logging.LogRecord) -> str:
    """Words of a message; Snakemake has messages without any."""
    return "" if record.msg is None else record.getMessage()


def plain_error(text: str) -> str:
    r"""Take the workflow's own lines out of what Snakemake says of an error.

    Examples
    --------
    >>> plain_error('WorkflowError in file "/opt/common.smk", line 61:\ntable.tsv, row 1: found nothing')
    'table.tsv, row 1: found nothing'
    """
    return _TRACE.sub("", _WHERE.sub("", text)).strip()


def show(record: logging.LogRecord, screen: Screen) -> None:
    """Show a message as it is, unless it is about Snakemake's own work alone."""
    text = text_of(record)
    if is_silent(record) or not text.strip():
        return
    if record.levelno >= logging.ERROR:
        text = plain_error(text)
        if text.startswith(_OF_ITS_OWN_WORK):
            return
    elif record.levelno >= logging.WARNING and not text.startswith("WARNING"):
        text = f"WARNING {text}"
    screen.line(text.rstrip())
