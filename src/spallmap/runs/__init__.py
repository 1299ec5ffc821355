r"""A run and its end: what was found, which jobs failed and why, who holds the results' folder.

Nothing here opens an image or a heavy library: it is used at the end of every run. To sum up results::

    findings = read_findings(described)
    print("\n".join(table_lines(RunOutcome(tuple(findings)), "results/index.html")))
"""

from spallmap.runs.failed_jobs import FailedJob, failure_reason, missing_words, subject_of
from spallmap.runs.final_table import UNFINISHED, RunOutcome, failure_lines, table_lines, verdict_words
from spallmap.runs.findings import AcquisitionFinding, RegionLink, StateFindings, read_findings
from spallmap.runs.job_ends import JOB_ENDS, JobEnds
from spallmap.runs.run_record import RunRecord, command_typed, lock_message
from spallmap.runs.stop_signal import answer_in_a_thread

__all__ = [
    "JOB_ENDS",
    "UNFINISHED",
    "AcquisitionFinding",
    "FailedJob",
    "JobEnds",
    "RegionLink",
    "RunOutcome",
    "RunRecord",
    "StateFindings",
    "answer_in_a_thread",
    "command_typed",
    "failure_lines",
    "failure_reason",
    "lock_message",
    "missing_words",
    "read_findings",
    "subject_of",
    "table_lines",
    "verdict_words",
]
