"""Listens to Snakemake's log for how jobs end, which it keeps nowhere else."""

from __future__ import annotations

import logging
import re
import threading
from collections import defaultdict

# The names of Snakemake's log events that matter here (snakemake_interface_logger_plugins.common.LogEvent).
_ERROR = "error"
_JOB_ERROR = "job_error"
# A record with this attribute says how jobs ended: a mapping of job numbers to words. For what runs jobs
# elsewhere; Snakemake drops the words that are said of a group of jobs.
JOB_ENDS = "job_ends"
# What Snakemake says of a process's end, in the midst of the whole command.
_END = re.compile(r"died with <Signals\.\w+: \d+>|returned non-zero exit status \d+")


class JobEnds(logging.Handler):
    """Keeps the last words on each failed job: those of what ran it, else the exception before its failure.

    Examples
    --------
    >>> ends, logger = JobEnds(), logging.getLogger("example of ends")
    >>> logger.addHandler(ends)
    >>> logger.propagate = False
    >>> logger.error("Command 'x' died with <Signals.SIGKILL: 9>.", extra={"event": "error"})
    >>> logger.error("Error in rule t2", extra={"event": "job_error", "jobid": 4, "rule_msg": None})
    >>> logger.error("group", extra={JOB_ENDS: {7: "Slurm job 12 on n1: TIMEOUT"}})
    >>> ends.of(4), ends.of(7), ends.of(5)
    ('died with <Signals.SIGKILL: 9>', 'Slurm job 12 on n1: TIMEOUT', '')
    """

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._ends: dict[int, str] = {}
        # A job's exception is logged in the thread that then says that the job failed.
        self._exceptions: defaultdict[int, str] = defaultdict(str)

    def emit(self, record: logging.LogRecord) -> None:
        """Take up what a record says of a job."""
        event = str(getattr(record, "event", ""))
        thread = threading.get_ident()
        self._ends.update(getattr(record, JOB_ENDS, {}))
        if event == _ERROR:
            text = record.getMessage()
            match = _END.search(text)
            self._exceptions[thread] = match[0] if match else ""
        elif event == _JOB_ERROR:
            said = getattr(record, "rule_msg", None) or self._exceptions.pop(thread, "")
            if said:
                self._ends[int(getattr(record, "jobid", -1))] = str(said)

    def of(self, jobid: int) -> str:
        """Return what was said of a job's end, or nothing."""
        return self._ends.get(jobid, "")
