"""A run that was killed leaves jobs; a later one finds those that make the same files."""

from __future__ import annotations

from snakemake_executor_plugin_spallmap_slurm.submissions import Submissions, left_jobs_message


def test_only_living_jobs_that_make_the_same_files_are_found(tmp_path):
    earlier = Submissions(tmp_path, "spallmap_1")
    for number, output in (("11", "out/a"), ("12", "out/b"), ("13", "other/a")):
        earlier.add("", [output])
        earlier.add(number, [output])
    later = Submissions(tmp_path, "spallmap_2")
    later.add("", ["out/a"])
    alive = {"11": "RUNNING", "13": "PENDING"}
    found = later.left_jobs(["out/a", "out/b"], lambda run: alive)
    assert [(job.run, job.number, job.state) for job in found] == [("spallmap_1", "11", "RUNNING")]


def test_a_job_whose_number_was_not_noted_any_more_is_found(tmp_path):
    earlier = Submissions(tmp_path, "spallmap_1")
    earlier.add("", ["out/a"])
    with (tmp_path / "spallmap_1.jsonl").open("a") as stream:
        stream.write('{"job": "11", "out')
    found = Submissions(tmp_path, "spallmap_2").left_jobs(["out/a"], lambda run: {"11": "PENDING"})
    assert [job.number for job in found] == ["11"]


def test_the_record_of_a_run_without_jobs_is_removed(tmp_path):
    Submissions(tmp_path, "spallmap_1").add("11", ["out/a"])
    assert Submissions(tmp_path, "spallmap_2").left_jobs(["out/a"], lambda run: {}) == []
    assert not list(tmp_path.iterdir())


def test_a_run_that_ends_in_order_leaves_no_record(tmp_path):
    run = Submissions(tmp_path, "spallmap_1")
    run.add("11", ["out/a"])
    run.close()
    assert not list(tmp_path.iterdir())


def test_the_message_says_what_to_type(tmp_path):
    Submissions(tmp_path, "spallmap_1").add("11", ["out/a"])
    found = Submissions(tmp_path, "spallmap_2").left_jobs(["out/a"], lambda run: {"11": "RUNNING"})
    assert left_jobs_message(found).splitlines()[-2] == "    scancel --name=spallmap_1"
