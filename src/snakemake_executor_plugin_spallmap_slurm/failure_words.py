"""A failure in words: which job, where, why, what to do."""

from __future__ import annotations

from snakemake_executor_plugin_spallmap_slurm.group_members import Job, members
from snakemake_executor_plugin_spallmap_slurm.job_states import Cause, SlurmState


def subject(job: Job) -> str:
    """Say which job it is: rule and wildcards; of a group its rules and what its members have in common.

    Parameters
    ----------
    job : Job
        A job or a group.

    Returns
    -------
    str
        Such as ``t2 c7/shorted/mri-t2``.
    """
    own = members(job)
    rules = ", ".join(dict.fromkeys(member.rule.name for member in own))
    about = [next(iter(member.wildcards_dict.values()), "") for member in own]
    common = about[0] if len(set(about)) == 1 else "/".join(_common(about))
    return f"{rules} {common}".strip()


def _common(paths: list[str]) -> list[str]:
    parts = [path.split("/") for path in paths]
    common = []
    for words in zip(*parts, strict=False):
        if len(set(words)) > 1:
            break
        common.append(words[0])
    return common


def failure_words(member: Job, number: str, state: SlurmState, cause: Cause) -> str:
    """Say how a job ended on the cluster, and what to do.

    Parameters
    ----------
    member : Job
        A single job.
    number : str
        Slurm's number of it.
    state : SlurmState
        What Slurm says of it.
    cause : Cause
        Why it ended.

    Returns
    -------
    str
        Without the job's name.
    """
    word = state.state if cause in (Cause.INPUT, Cause.OTHER, Cause.NODE) else cause.value
    where = f"Slurm job {number}{f' on {state.node}' if state.node else ''}: {word}"
    rule = member.rule.name
    megabytes, minutes = (member.resources.get(name) for name in ("mem_mb", "runtime"))
    more = f"ask for more: --set-resources {rule}"
    if cause is Cause.MEMORY:
        return f"{where}, it asked for {megabytes} MB; {more}:mem_mb={_twice(megabytes)}"
    if cause is Cause.TIME:
        return f"{where}, it asked for {minutes} min; {more}:runtime={_twice(minutes)}"
    if cause is Cause.CANCELLED:
        return f"{where} by a person or the cluster; it is not submitted again by this run"
    if cause is Cause.NODE:
        leave_out = f"; leave the node out: --slurm-exclude-failed-nodes {state.node}" if state.node else ""
        return f"{where}{leave_out}"
    return where


def _twice(number: object) -> str:
    return str(2 * number) if isinstance(number, int) else "N"


def pending_words(job: Job, number: str, reason: str) -> str:
    """Say of a waiting job why it will not start, and what to do."""
    asked = ", ".join(
        f"{name}={job.resources.get(name)}" for name in ("runtime", "mem_mb") if job.resources.get(name)
    )
    return (
        f"{subject(job)}: Slurm job {number} waits and will not start by itself: {reason.strip('()')}. "
        f"It asked for {asked}, threads={job.threads}. Ask for less or name another partition, "
        f"or have the cluster changed; to have the run go on without it: scancel {number}"
    )
