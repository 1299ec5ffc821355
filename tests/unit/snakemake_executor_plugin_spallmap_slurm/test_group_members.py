"""Which members of a failed group came to their end."""

from __future__ import annotations

import pytest

from snakemake_executor_plugin_spallmap_slurm.group_members import first_unmade, made
from tests.unit.snakemake_executor_plugin_spallmap_slurm.fake_jobs import (
    FakeFile,
    FakeGroup,
    FakeJob,
    fake_graph,
    link,
)


@pytest.fixture
def group(tmp_path):
    """A slab, which is removed after its use, the cracks made of it, and what is made of them."""
    graph = fake_graph()
    slab = FakeJob("crack_slab", graph, [FakeFile(tmp_path / "slab", temp=True)])
    cracks = FakeJob("cracks", graph, [FakeFile(tmp_path / "cracks")])
    changes = FakeJob("changes", graph, [FakeFile(tmp_path / "changes")])
    link(graph, slab, cracks)
    link(graph, cracks, changes)
    return FakeGroup(slab, cracks, changes)


def rules(jobs):
    return [job.rule.name for job in jobs]


def test_a_member_is_made_when_its_outputs_are_there_and_unmarked(group, tmp_path):
    (tmp_path / "slab").touch()
    (tmp_path / "cracks").touch()
    assert rules(made(group, lambda path: False)) == ["crack_slab", "cracks"]
    assert rules(made(group, lambda path: path.endswith("cracks"))) == ["crack_slab"]


def test_a_file_that_was_removed_after_its_use_counts_as_made(group, tmp_path):
    (tmp_path / "cracks").touch()
    assert rules(made(group, lambda path: False)) == ["crack_slab", "cracks"]


def test_a_file_that_was_not_used_yet_does_not(group):
    assert made(group, lambda path: False) == []


def test_those_failed_themselves_whose_inputs_were_made(group):
    _, cracks, changes = group.jobs
    assert rules(first_unmade(group, [cracks, changes])) == ["cracks"]
