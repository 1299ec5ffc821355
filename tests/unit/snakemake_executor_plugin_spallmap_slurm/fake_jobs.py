"""Jobs and groups with what the executor asks of Snakemake's."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from snakemake.iocontainers import ResourceList


class FakeFile(str):
    """An output, temporary or not."""

    flags: dict[str, bool]

    def __new__(cls, path: str | Path, temp: bool = False) -> FakeFile:
        made = super().__new__(cls, str(path))
        made.flags = {"temp": temp}
        return made


class FakeJob:
    """A single job."""

    def __init__(
        self, rule: str, graph: Any, outputs: list[FakeFile] | None = None, **resources: int
    ) -> None:
        self.rule = SimpleNamespace(name=rule)
        self.dag = graph
        self.output = outputs or []
        self.wildcards_dict = {"acq": "a/shorted/mri-b"}
        self.base = resources
        self._resources: ResourceList | None = None
        self.log: list[str] = []
        self.jobid = 1
        self.attempt, self.restart_times = 1, 2
        self.errors: list[str] = []

    def log_error(self, words: str, aux_logs: list[str]) -> None:
        self.errors.append(words)

    @property
    def resources(self) -> ResourceList:
        if self._resources is None:
            self._resources = ResourceList(fromdict=dict(self.base))
        return self._resources

    def is_group(self) -> bool:
        return False


class FakeGroup:
    """A group whose members run one after the other."""

    def __init__(self, *jobs: FakeJob) -> None:
        self.jobs = jobs
        self._resources: dict[str, int] | None = None

    def __iter__(self) -> Any:
        return iter(self.jobs)

    @property
    def resources(self) -> ResourceList:
        if self._resources is None:
            self._resources = {
                "mem_mb": max(job.resources.mem_mb for job in self.jobs),
                "runtime": sum(job.resources.runtime for job in self.jobs),
            }
        return ResourceList(fromdict=self._resources)

    def is_group(self) -> bool:
        return True


def fake_graph() -> Any:
    return SimpleNamespace(depending=defaultdict(dict), dependencies=defaultdict(dict))


def link(graph: Any, before: FakeJob, after: FakeJob) -> None:
    graph.depending[before][after] = set()
    graph.dependencies[after][before] = set()
