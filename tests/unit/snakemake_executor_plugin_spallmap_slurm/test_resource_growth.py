"""Memory grows after a kill for memory, time after a time-out, and neither for another reason."""

from __future__ import annotations

import pytest

from snakemake_executor_plugin_spallmap_slurm.job_states import Cause
from snakemake_executor_plugin_spallmap_slurm.resource_growth import ResourceGrowth
from tests.unit.snakemake_executor_plugin_spallmap_slurm.fake_jobs import FakeGroup, FakeJob, fake_graph


def asked(job):
    return job.resources.mem_mb, job.resources.runtime


@pytest.mark.parametrize(
    ("causes", "mb", "minutes"),
    [
        ([], 1000, 10),
        ([Cause.MEMORY], 2000, 10),
        ([Cause.MEMORY, Cause.MEMORY], 4000, 10),
        ([Cause.TIME], 1000, 20),
        ([Cause.TIME, Cause.MEMORY], 2000, 20),
        ([Cause.NODE, Cause.OTHER, Cause.CANCELLED, Cause.INPUT], 1000, 10),
    ],
)
def test_each_cause_doubles_its_own(causes, mb, minutes):
    job, growth = FakeJob("t2", fake_graph(), mem_mb=1000, runtime=10), ResourceGrowth()
    for cause in causes:
        growth.add(job, cause)
    growth.apply(job, {})
    assert asked(job) == (mb, minutes)


def test_what_is_doubled_stops_at_what_the_partition_gives():
    job, growth = FakeJob("t2", fake_graph(), mem_mb=1000, runtime=10), ResourceGrowth()
    growth.add(job, Cause.MEMORY)
    growth.add(job, Cause.TIME)
    growth.apply(job, {"mem_mb": 1500, "runtime": 15})
    assert asked(job) == (1500, 15)


def test_another_attempt_starts_from_the_rule_again():
    job, growth = FakeJob("t2", fake_graph(), mem_mb=1000, runtime=10), ResourceGrowth()
    growth.add(job, Cause.MEMORY)
    growth.apply(job, {})
    # Snakemake forgets a job's resources with every attempt.
    job._resources = None
    growth.apply(job, {})
    assert asked(job) == (2000, 10)


def test_in_a_group_the_killed_member_alone_asks_for_more():
    graph = fake_graph()
    small, large = (FakeJob(name, graph, mem_mb=mb, runtime=10) for name, mb in (("a", 100), ("b", 1000)))
    group, growth = FakeGroup(small, large), ResourceGrowth()
    growth.add(small, Cause.MEMORY)
    growth.add(large, Cause.TIME)
    growth.apply(group, {"runtime": 25})
    assert asked(small) == (200, 10)
    assert asked(large) == (1000, 20)
    assert asked(group) == (1000, 25)
