"""Members of groups: what a failed group has made is kept, and what cannot be made leaves its group.

Snakemake takes a group for one job: where one member fails it removes what the others made, and a group
waits for all that any member needs. Both would lose results that a run on one machine makes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

# Snakemake's own classes have no types: a job or a group of jobs, and the graph of all jobs.
Job = Any
Graph = Any


def members(job: Job) -> list[Job]:
    """Return a group's members in the order in which they can run, or the job itself."""
    return list(job) if job.is_group() else [job]


def made(job: Job, is_marked: Callable[[str], bool]) -> list[Job]:
    """Find the members that came to their end.

    Parameters
    ----------
    job : Job
        A job or a group, which has failed as a whole.
    is_marked : callable
        Whether Snakemake's mark of an unfinished output is still there.

    Returns
    -------
    list of Job
        In the order in which they ran. Their marks are gone and their outputs are there; one that is removed
        after its use may be missing where all that use it have been made.
    """
    found: list[Job] = []
    own = members(job)
    for member in reversed(own):
        outputs = [str(file) for file in member.output]
        missing = [file for file in member.output if not Path(str(file)).exists() and not _is_temporary(file)]
        gone = any(not Path(output).exists() for output in outputs)
        users = [user for user in member.dag.depending[member] if user in own]
        used = bool(users) and all(user in found for user in users)
        if not missing and not any(map(is_marked, outputs)) and (not gone or used):
            found.insert(0, member)
    return found


def first_unmade(job: Job, unmade: Collection[Job]) -> list[Job]:
    """Find the members that failed themselves: those whose inputs were made."""
    return [m for m in members(job) if m in unmade and not set(m.dag.dependencies[m]) & set(unmade)]


def _is_temporary(file: Any) -> bool:
    return bool(getattr(file, "flags", {}).get("temp"))


def finish(member: Job, graph: Graph, run_async: Callable[[Any], Any]) -> None:
    """Tell Snakemake that a member has been made although its group failed."""
    absent = [file for file in member.output if not Path(str(file)).exists()]
    run_async(member.postprocess(check_output_mtime=False, ignore_missing_output=absent))
    graph._running.add(member)
    run_async(graph.finish(member, update_checkpoint_dependencies=False))


def leave_group(group: Job, leaving: Collection[Job], graph: Graph, holders: Iterable[set[Job]]) -> None:
    """Take members out of their group; each is a group of its own then.

    Parameters
    ----------
    group : GroupJob
        Keeps at least one member.
    leaving : collection of Job
        Who leaves.
    graph : DAG
        The graph of all jobs.
    holders : iterable of set
        Sets that hold the group: it is found in them by its members, so it is put in anew.
    """
    within = [holder for holder in holders if group in holder]
    for holder in within:
        holder.remove(group)
    group.jobs = frozenset(group.jobs) - frozenset(leaving)
    for holder in within:
        holder.add(group)
    _renew(group)
    for member in leaving:
        alone = type(group)(group.groupid, frozenset([member]), group.global_resources)
        _renew(alone)
        graph._group[member] = alone


def _renew(group: Job) -> None:
    """Forget what a group has put together of its members, and put it together again."""
    group._toposorted = None
    group._resources = group._input = group._output = group._log = group._all_products = None
    group.finalize()


def release_others(failed: Collection[Job], graph: Graph, holders: Iterable[set[Job]]) -> None:
    """Take out of all waiting groups what can no longer be made, so that the rest of each can run.

    Parameters
    ----------
    failed : collection of Job
        Single jobs that failed for good.
    graph : DAG
        The graph of all jobs.
    holders : iterable of set
        Sets that may hold groups.
    """
    doomed = set(graph.bfs(graph.depending, *failed)) - set(failed)
    holders = list(holders)
    for group in {id(g): g for g in graph._group.values()}.values():
        hopeless = {member for member in group.jobs if member in doomed}
        rest = set(group.jobs) - hopeless
        if not hopeless or not rest or group in graph._running:
            continue
        leave_group(group, hopeless, graph, holders)
        graph.update_ready([member for member in rest if graph.needrun(member)])
