"""What Slurm says of jobs, and what it means: why a job ended, and whether to submit it again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

# States of a job that has not ended; every other one but COMPLETED is a failure.
ACTIVE = frozenset(
    [
        *(
            "PENDING",
            "CONFIGURING",
            "RUNNING",
            "COMPLETING",
            "STAGE_OUT",
            "SUSPENDED",
            "STOPPED",
            "SIGNALING",
        ),
        *("RESIZING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"),
    ]
)
COMPLETED = "COMPLETED"
# For a job that neither squeue nor sacct knows any more.
LOST = "LOST"
# Reasons for which a job waits that no waiting mends.
_HOPELESS = (
    "PartitionTimeLimit",
    "PartitionNodeLimit",
    "PartitionInactive",
    "BadConstraints",
    "AccountNotAllowed",
    "QOSNotAllowed",
    "InvalidAccount",
    "InvalidQOS",
    "JobHeld",
    "AssocMaxWallDurationPerJobLimit",
    "AssocMaxMemPerJob",
    "AssocMaxCpuPerJobLimit",
    "QOSMaxWallDurationPerJobLimit",
    "QOSMaxMemoryPerJob",
    "QOSMaxCpuPerJobLimit",
    "ReqNodeNotAvail",
)
# The last line of a job's log, where it ended on purpose and running it again would find the same. A job that
# finds its Snakemake killed ends in words, too.
_ENDED_IN_WORDS = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ERROR (?!.*: its run was killed)")
_MEMORY = re.compile(
    r"oom-kill|out of memory|exceeded (?:job |step )?memory limit|MemoryError|std::bad_alloc", re.I
)
_TIME = re.compile(r"DUE TO TIME LIMIT")
_NODE = re.compile(r"DUE TO NODE FAILURE|DUE TO PREEMPTION")
# How much of a log is looked at: what ends a job stands at its end.
_TAIL_BYTES = 20_000


class Cause(Enum):
    """Why a job ended without its results, in Slurm's words where it has any."""

    MEMORY = "OUT_OF_MEMORY"
    TIME = "TIMEOUT"
    CANCELLED = "CANCELLED"
    NODE = "NODE_FAIL"
    INPUT = "INPUT"
    OTHER = "FAILED"

    @property
    def is_for_good(self) -> bool:
        """Whether the same would come of it again, or a person wanted it so."""
        return self in (Cause.INPUT, Cause.CANCELLED)


@dataclass(frozen=True)
class SlurmState:
    """A job as Slurm has it.

    Parameters
    ----------
    state : str
        In Slurm's words, without what follows them: ``CANCELLED``, not ``CANCELLED by 0``.
    reason : str
        Why it waits, or ended.
    node : str
        Where it ran.
    """

    state: str
    reason: str = ""
    node: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.state in ACTIVE

    @property
    def waits_in_vain(self) -> bool:
        """Whether it waits for what will not come by itself."""
        return self.state == "PENDING" and self.reason.strip("()").startswith(_HOPELESS)


def read_states(output: str) -> dict[str, SlurmState]:
    r"""Read what ``squeue`` or ``sacct`` prints.

    Parameters
    ----------
    output : str
        Lines of number, state, reason and node, separated by ``|``.

    Returns
    -------
    dict of str to SlurmState
        By number.

    Examples
    --------
    >>> states = read_states("7|CANCELLED by 0|None|n1\n8|PENDING|PartitionTimeLimit|\n9|RUNNING|None|n2")
    >>> states["7"].state, states["8"].waits_in_vain, states["9"].is_active
    ('CANCELLED', True, True)
    """
    states = {}
    for line in output.splitlines():
        number, *words = (word.strip() for word in line.split("|"))
        if number and words and words[0]:
            reason, node = [*words[1:], "", ""][:2]
            states[number] = SlurmState(words[0].split()[0].rstrip("+"), reason, node)
    return states


def tail(path: Path | None) -> str:
    """Return the end of a log, nothing where there is none.

    Examples
    --------
    >>> tail(None)
    ''
    """
    if path is None or not path.is_file():
        return ""
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return stream.read().decode("utf-8", errors="replace")


def ended_in_words(log: str) -> bool:
    r"""Whether a job's log ends with its own error: an input or a place for results that cannot be used.

    Examples
    --------
    >>> line = "2026-01-01 00:00:00,000 ERROR a/shorted/mri-b: no echoes"
    >>> [ended_in_words(log) for log in (line, f"{line}\nTraceback (most recent call last):", "")]
    [True, False, False]
    """
    lines = [line for line in log.splitlines() if line.strip()]
    return bool(lines) and _ENDED_IN_WORDS.match(lines[-1]) is not None


def broke_off(log: str) -> bool:
    """Whether a job began and did not come to its end.

    Examples
    --------
    >>> time = "2026-01-01 00:00:00,000"
    >>> [broke_off(log) for log in (f"{time} INFO start: a", f"{time} INFO done: a", "")]
    [True, False, False]
    """
    lines = [line for line in log.splitlines() if line.strip()]
    return bool(lines) and " INFO done: " not in lines[-1]


def cause_of(state: str, slurm_log: str, own_log: str) -> Cause:
    """Say why a job ended.

    Parameters
    ----------
    state : str
        Slurm's word for it.
    slurm_log : str
        The end of what it and Slurm printed.
    own_log : str
        The end of its own log.

    Returns
    -------
    Cause
        Its own words count most; Slurm's state where it names a cause; else what stands in the logs, for
        clusters that call a job which exceeded its memory simply failed.

    Examples
    --------
    >>> cause_of("OUT_OF_MEMORY", "", "").value, cause_of("FAILED", "Exceeded job memory limit", "").value
    ('OUT_OF_MEMORY', 'OUT_OF_MEMORY')
    >>> cause_of("FAILED", "", "2026-01-01 00:00:00,000 ERROR a/shorted/mri-b: no echoes").value
    'INPUT'
    """
    if ended_in_words(own_log):
        return Cause.INPUT
    if state == Cause.MEMORY.value or _MEMORY.search(own_log):
        return Cause.MEMORY
    if state in (Cause.TIME.value, "DEADLINE") or _TIME.search(slurm_log):
        return Cause.TIME
    if state in (Cause.NODE.value, "BOOT_FAIL", "PREEMPTED", LOST) or _NODE.search(slurm_log):
        return Cause.NODE
    if _MEMORY.search(slurm_log):
        return Cause.MEMORY
    return Cause.CANCELLED if state == Cause.CANCELLED.value else Cause.OTHER
