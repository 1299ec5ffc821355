"""A failure names the job, the node, the cause and the remedy."""

from __future__ import annotations

import pytest

from snakemake_executor_plugin_spallmap_slurm.failure_words import failure_words, pending_words, subject
from snakemake_executor_plugin_spallmap_slurm.job_states import Cause, SlurmState
from tests.unit.snakemake_executor_plugin_spallmap_slurm.fake_jobs import FakeGroup, FakeJob, fake_graph

MORE = "ask for more: --set-resources t2"


@pytest.fixture
def job():
    return FakeJob("t2", fake_graph(), mem_mb=1000, runtime=10)


@pytest.mark.parametrize(
    ("state", "cause", "words"),
    [
        (
            "OUT_OF_MEMORY",
            Cause.MEMORY,
            "OUT_OF_MEMORY, it asked for 1000 MB; ask for more: --set-resources t2:mem_mb=2000",
        ),
        ("FAILED", Cause.MEMORY, "OUT_OF_MEMORY, it asked for 1000 MB"),
        ("TIMEOUT", Cause.TIME, f"TIMEOUT, it asked for 10 min; {MORE}:runtime=20"),
        ("CANCELLED", Cause.CANCELLED, "CANCELLED by a person or the cluster"),
        ("NODE_FAIL", Cause.NODE, "NODE_FAIL; leave the node out: --slurm-exclude-failed-nodes n1"),
        ("PREEMPTED", Cause.NODE, "PREEMPTED"),
        ("FAILED", Cause.OTHER, "FAILED"),
    ],
)
def test_words_hold_number_node_cause_and_remedy(job, state, cause, words):
    assert f"Slurm job 7 on n1: {words}" in failure_words(job, "7", SlurmState(state, "", "n1"), cause)


def test_a_job_is_named_by_rule_and_acquisition(job):
    assert subject(job) == "t2 a/shorted/mri-b"
    other = FakeJob("link", fake_graph())
    other.wildcards_dict = {"place": "a/shorted"}
    assert subject(FakeGroup(job, other)) == "t2, link a/shorted"


def test_a_waiting_job_says_why_and_what_it_asked_for(job):
    job.threads = 2
    words = pending_words(job, "7", "(PartitionTimeLimit)")
    assert "t2 a/shorted/mri-b: Slurm job 7 waits and will not start by itself: PartitionTimeLimit." in words
    assert "It asked for runtime=10, mem_mb=1000, threads=2." in words
    assert "scancel 7" in words
