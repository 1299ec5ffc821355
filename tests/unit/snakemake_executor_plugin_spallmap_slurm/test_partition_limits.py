"""More than a partition gives is told before anything is submitted."""

from __future__ import annotations

import pytest

from snakemake_executor_plugin_spallmap_slurm.partition_limits import (
    Request,
    read_minutes,
    read_partitions,
    refusal,
)

NODES = "batch*|1:00:00|8000|4\nbatch*|1:00:00|64000+|16\nlong|infinite|8000|4\n"


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("30:00", 30),
        ("1:30:00", 90),
        ("2-12:00:00", 3600),
        ("7-0", 10080),
        ("infinite", None),
        ("UNLIMITED", None),
    ],
)
def test_times_are_read_in_minutes(text, minutes):
    assert read_minutes(text) == minutes


def test_a_partition_gives_what_its_largest_node_has_unless_it_is_held_below():
    limits = read_partitions(NODES)
    assert (limits["batch"].minutes, limits["batch"].megabytes, limits["batch"].processors) == (60, 64000, 16)
    assert limits["batch"].is_default
    assert not limits["long"].is_default
    held = read_partitions(
        NODES, "PartitionName=batch MaxMemPerNode=32000 State=UP\nPartitionName=long MaxMemPerNode=UNLIMITED"
    )
    assert (held["batch"].megabytes, held["long"].megabytes) == (32000, 8000)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request("t2 a", "", 60, 64000, 16), ""),
        (Request("t2 a", "", 61, 1000, 1), "partition batch gives less: runtime=61 (at most 60)"),
        (Request("t2 a", "long", 9999, 9000, 1), "partition long gives less: mem_mb=9000 (at most 8000)"),
        (Request("t2 a", "long", 1, 1, 5), "threads=5 (at most 4)"),
        # Slurm takes the first of several that fits.
        (Request("t2 a", "batch,long", 61, 8000, 1), ""),
        (Request("t2 a", "none", 1, 1, 1), "the cluster has no partition none"),
    ],
)
def test_what_a_partition_does_not_give_is_said(request_, said):
    words = refusal([request_], read_partitions(NODES))
    assert said in words
    assert bool(words) is bool(said)


def test_many_refusals_are_cut_short_and_equal_ones_are_said_once():
    requests = [Request(f"t2 c{n}", "", 61, 1, 1) for n in range(30)] * 2
    lines = refusal(requests, read_partitions(NODES)).splitlines()
    assert sum(line.startswith("  t2") for line in lines) == 10
    assert "  and 20 more" in lines


def test_a_cluster_that_says_nothing_refuses_nothing():
    assert refusal([Request("t2 a", "batch", 999, 1, 1)], {}) == ""
