"""What a killed job asks for: twice the memory after a kill for memory, twice the time after a time-out."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from snakemake.iocontainers import ResourceList

from snakemake_executor_plugin_spallmap_slurm.group_members import Job, members
from snakemake_executor_plugin_spallmap_slurm.job_states import Cause

# Which resource a cause doubles.
_DOUBLED = {Cause.MEMORY: "mem_mb", Cause.TIME: "runtime"}


class ResourceGrowth:
    """Kills of each job in this run."""

    def __init__(self) -> None:
        self._kills: dict[tuple[Any, str], int] = defaultdict(int)

    def add(self, member: Job, cause: Cause) -> None:
        """Note why a job ended; causes that no resource mends change nothing."""
        if cause in _DOUBLED:
            self._kills[_key(member), _DOUBLED[cause]] += 1

    def apply(self, job: Job, most: dict[str, int]) -> None:
        """Set what a job or a group asks for.

        Parameters
        ----------
        job : Job
            Its resources are as the rule or ``--set-resources`` has them.
        most : dict of str to int
            What the partition gives: a doubled request stops there.
        """
        for member in members(job):
            asked = {}
            for name in _DOUBLED.values():
                number, kills = member.resources.get(name), self._kills[_key(member), name]
                if kills and isinstance(number, int):
                    asked[name] = max(number, min(number * 2**kills, most.get(name, number * 2**kills)))
            if asked:
                member._resources = ResourceList(fromdict={**dict(member.resources.items()), **asked})
        if job.is_group():
            job._resources = None
            group = dict(job.resources.items())
            for name in _DOUBLED.values():
                if isinstance(group.get(name), int) and name in most and self._was_killed(job):
                    group[name] = max(min(group[name], most[name]), *self._asked(job, name))
            job._resources = group

    def _was_killed(self, job: Job) -> bool:
        return any(self._kills[_key(member), name] for member in members(job) for name in _DOUBLED.values())

    @staticmethod
    def _asked(job: Job, name: str) -> list[int]:
        return [number for m in members(job) if isinstance(number := m.resources.get(name), int)]


def _key(member: Job) -> tuple[str, tuple[tuple[str, str], ...]]:
    return member.rule.name, tuple(sorted(member.wildcards_dict.items()))
