"""Jobs that fail on a real cluster, in every way: what is submitted again, what is kept, what is said."""

from __future__ import annotations

import signal
import time

import pytest

from tests.cluster.slurm_host import (
    Submission,
    ToyRun,
    accounted,
    killed_for_memory,
    node_state,
    queue,
    wait_for,
)

pytestmark = pytest.mark.cluster


@pytest.fixture
def toy(tmp_path):
    run = ToyRun(tmp_path)
    yield run
    run.clear()


@pytest.fixture(scope="module")
def slow_run(tmp_path_factory):
    """A job that is to run out of its time, beside all others; the node that is lost must be back by then."""
    run = ToyRun(tmp_path_factory.mktemp("slow"))
    run.start("a.slow")
    yield run
    run.clear()


def of_rule(submissions: list[Submission], rule: str) -> list[Submission]:
    return [s for s in submissions if s.rule.startswith(rule)]


def test_a_drained_node_gets_no_more_jobs_and_a_lost_one_costs_an_attempt(toy):
    with node_state("n1", "drain"):
        main = toy.start("a.wait")
        wait_for(lambda: [s.node for s in accounted(toy.folder)] == ["n2"], 60)
        with node_state("n2", "down"):
            wait_for(lambda: ": NODE_FAIL" in toy.so_far(), 60)
        (toy.folder / "go").touch()
        said = toy.ended(120)
    assert main.returncode == 0, said
    assert [s.state for s in toy.submissions()] == ["NODE_FAIL", "COMPLETED"]
    assert {s.megabytes for s in toy.submissions()} == {300}


def test_a_kill_for_memory_doubles_memory_alone(toy, slow_run):
    ended = toy.run("a.hungry")
    assert ended.returncode == 0, ended.stderr
    first, second = toy.submissions()
    assert (first.state, second.state) == (killed_for_memory(), "COMPLETED")
    assert (first.megabytes, second.megabytes) == (300, 600)
    assert (first.minutes, second.minutes) == (3, 3)
    assert (
        f"hungry a: Slurm job {first.number} on {first.node}: OUT_OF_MEMORY, it asked for 300 MB"
        in ended.stderr
    )
    assert "it is submitted again" in ended.stderr


def test_memory_that_was_set_on_the_command_line_is_doubled_too(toy):
    ended = toy.run("a.hungry", "--set-resources", "hungry:mem_mb=350")
    assert ended.returncode == 0, ended.stderr
    assert [s.megabytes for s in toy.submissions()] == [350, 700]


def test_an_input_that_cannot_be_used_is_submitted_once(toy):
    ended = toy.run("a.after", "b.wait")
    assert ended.returncode == 1
    assert [s.state for s in of_rule(toy.submissions(), "refused")] == ["FAILED"]
    assert not of_rule(toy.submissions(), "after")
    assert [s.state for s in of_rule(toy.submissions(), "wait")] == ["COMPLETED"]


def test_a_group_keeps_what_its_members_made_and_goes_on_with_the_rest(toy):
    ended = toy.run("hungry.third", "hungry.outside")
    assert ended.returncode == 0, ended.stderr
    groups = of_rule(toy.submissions(), "three")
    assert [s.state for s in groups] == [killed_for_memory(), "COMPLETED"]
    # Two members at once, then the killed one alone with twice its own.
    assert [s.megabytes for s in groups] == [350, 600]
    assert (toy.folder / "made.txt").read_text() == "made\n"
    assert len(of_rule(toy.submissions(), "outside")) == 1
    again = toy.run("hungry.third", "hungry.outside")
    assert "Nothing to be done" in again.stderr


def test_a_member_that_cannot_be_made_takes_nothing_with_it(toy):
    ended = toy.run("refused.third", "refused.outside")
    assert ended.returncode == 1
    assert [s.state for s in of_rule(toy.submissions(), "three")] == ["FAILED"]
    assert (toy.folder / "refused.first").exists()
    assert (toy.folder / "refused.outside").exists()
    assert not (toy.folder / "refused.third").exists()


def test_a_group_does_not_wait_for_what_failed_elsewhere(toy):
    ended = toy.run("a.bound")
    assert ended.returncode == 1
    assert (toy.folder / "a.free").exists()
    assert not (toy.folder / "a.bound").exists()


def test_a_cancelled_job_is_noticed_and_the_others_go_on(toy):
    main = toy.start("a.wait", "b.wait")
    wait_for(lambda: len(toy.running()) == 2, 60)
    first = min(toy.running())
    toy.scancel(first)
    wait_for(lambda: first not in toy.running(), 30)
    (toy.folder / "go").touch()
    said = toy.ended(120)
    assert main.returncode == 1
    assert f"Slurm job {first} on n" in said
    assert ": CANCELLED by a person or the cluster; it is not submitted again by this run" in said
    assert sorted(s.state for s in toy.submissions()) == ["CANCELLED", "COMPLETED"]
    assert len([*toy.folder.glob("*.wait")]) == 1


def test_jobs_of_a_killed_run_are_found_and_not_submitted_twice(toy):
    main = toy.start("a.wait", "b.wait")
    wait_for(lambda: len(toy.running()) == 2, 60)
    main.send_signal(signal.SIGKILL)
    main.wait()
    assert toy.run("--unlock").returncode == 0
    refused = toy.run("a.wait", "b.wait")
    assert refused.returncode == 1
    assert "Jobs of an earlier run are still in the queue" in refused.stderr
    (named,) = {line.split("=")[1] for line in refused.stderr.splitlines() if "scancel --name=" in line}
    numbers = queue(named)
    assert len(numbers) == 2
    # One is cancelled, as the message says; the other one comes to its end.
    toy.scancel(min(numbers))
    (toy.folder / "go").touch()
    wait_for(lambda: not queue(named), 60)
    toy.run("--unlock")
    ended = toy.run("a.wait", "b.wait")
    assert ended.returncode == 0, ended.stderr
    states = sorted(s.state for s in toy.submissions())
    assert states == ["CANCELLED", "COMPLETED", "COMPLETED"]


def test_more_than_the_partition_gives_is_told_before_anything_is_submitted(toy):
    began = time.time()
    ended = toy.run("a.hungry", "a.wait", partition="short")
    assert ended.returncode == 1
    assert "partition short gives less: runtime=3 (at most 2)" in ended.stderr
    assert "batch: 60 min" in ended.stderr
    assert not toy.submissions()
    assert time.time() - began < 60


def test_a_job_that_cannot_start_is_told(toy):
    main = toy.start("a.wait", extra=("--default-resources", "slurm_account=lab", "slurm_extra='--hold'"))
    wait_for(lambda: "waits and will not start by itself: JobHeld" in toy.so_far(), 60)
    toy.scancel(*queue(toy.named()))
    said = toy.ended(60)
    assert main.returncode == 1
    assert ": CANCELLED" in said


def test_a_time_out_doubles_time_alone(slow_run):
    said = slow_run.ended(400)
    assert "Finished jobid: 0 (Rule: slow)" in said
    states = [(s.state, s.minutes, s.megabytes) for s in slow_run.submissions()]
    assert states[0] == ("TIMEOUT", 1, 300)
    assert states[-1][0] == "COMPLETED"
    assert {s[2] for s in states} == {300}
    assert [s[1] for s in states] == [2**n for n in range(len(states))]
    assert ": TIMEOUT, it asked for 1 min; ask for more: --set-resources slow:runtime=2" in said
