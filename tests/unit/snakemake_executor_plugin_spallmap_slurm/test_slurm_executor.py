"""What the executor decides about a job that failed, with Slurm's and Snakemake's words made up."""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

from snakemake_executor_plugin_spallmap_slurm import slurm_executor
from snakemake_executor_plugin_spallmap_slurm.job_states import LOST, SlurmState
from snakemake_executor_plugin_spallmap_slurm.resource_growth import ResourceGrowth
from snakemake_executor_plugin_spallmap_slurm.slurm_executor import JOB_ENDS, Executor
from tests.unit.snakemake_executor_plugin_spallmap_slurm.fake_jobs import FakeFile, FakeJob, fake_graph

ERROR = "2026-01-01 00:00:00,000 ERROR a/shorted/mri-b: no echoes\n"
BEGUN = "2026-01-01 00:00:00,000 INFO start: a/shorted/mri-b\n"


class NoLimit:
    """A rate limit that limits nothing."""

    async def __aenter__(self):
        return nullcontext()

    async def __aexit__(self, *error):
        return None


@pytest.fixture
def executor(monkeypatch):
    graph = fake_graph()
    graph._running, graph._ready_jobs, graph._group = set(), set(), {}
    graph.bfs = lambda direction, *jobs: iter(jobs)
    scheduler = SimpleNamespace(errors=[], failed=set(), running=set(), finished_jobs=0, _errors=False)
    scheduler.error_callback = scheduler.errors.append
    made = Executor.__new__(Executor)
    made.workflow = SimpleNamespace(
        dag=graph,
        scheduler=scheduler,
        persistence=SimpleNamespace(_clear_cache=lambda: None, _filter_incomplete_keys=lambda keys: set()),
        executor_settings=SimpleNamespace(status_command="squeue"),
    )
    made.logger = logging.getLogger("test of the executor")
    made.run_uuid = "spallmap_1"
    made.status_rate_limiter = NoLimit()
    made._growth, made._outcomes, made._missed = ResourceGrowth(), {}, {}
    return made


@pytest.fixture
def job(executor, tmp_path):
    job = FakeJob("t2", executor.workflow.dag, [FakeFile(tmp_path / "t2.json")], mem_mb=1000, runtime=10)
    job.log = [str(tmp_path / "t2.log")]
    return job


def fail(executor, job, state, tmp_path, own_log=BEGUN, slurm_log=""):
    (tmp_path / "t2.log").write_text(own_log)
    (tmp_path / "slurm.log").write_text(slurm_log)
    info = SubmittedJobInfo(job, external_jobid="7", aux={"slurm_logfile": tmp_path / "slurm.log"})
    executor._report_failure(info, SlurmState(state, "", "n1"))
    assert executor.workflow.scheduler.errors == [job]
    executor.handle_job_error(job)
    again = job.restart_times > job.attempt - 1
    job._resources = None
    executor._growth.apply(job, {})
    return again, job.resources.mem_mb, job.resources.runtime


@pytest.mark.parametrize(
    ("state", "own_log", "slurm_log", "outcome"),
    [
        ("OUT_OF_MEMORY", BEGUN, "oom-kill", (True, 2000, 10)),
        ("FAILED", BEGUN, "Exceeded job memory limit", (True, 2000, 10)),
        ("TIMEOUT", BEGUN, "", (True, 1000, 20)),
        ("NODE_FAIL", BEGUN, "", (True, 1000, 10)),
        ("FAILED", BEGUN, "", (True, 1000, 10)),
        (LOST, BEGUN, "", (True, 1000, 10)),
        ("FAILED", BEGUN + ERROR, "", (False, 1000, 10)),
        ("CANCELLED", BEGUN, "", (False, 1000, 10)),
    ],
)
def test_the_cause_decides(executor, job, tmp_path, state, own_log, slurm_log, outcome):
    assert fail(executor, job, state, tmp_path, own_log, slurm_log) == outcome


def test_the_last_attempt_is_not_followed_by_another(executor, job, tmp_path):
    job.attempt = 3
    again, *_ = fail(executor, job, "NODE_FAIL", tmp_path)
    assert not again


def test_a_job_that_was_killed_after_its_work_is_made(executor, job, tmp_path):
    (tmp_path / "t2.json").touch()
    made = []
    executor.report_job_success = made.append
    info = SubmittedJobInfo(job, external_jobid="7", aux=None)
    executor._report_failure(info, SlurmState("TIMEOUT", "", "n1"))
    assert made == [info]
    assert executor.workflow.scheduler.errors == []


def test_the_end_is_said_for_whoever_sums_up_the_run(executor, job, tmp_path, caplog):
    fail(executor, job, "OUT_OF_MEMORY", tmp_path)
    (words,) = [r for r in caplog.records if hasattr(r, JOB_ENDS)]
    assert getattr(words, JOB_ENDS)[1].startswith("Slurm job 7 on n1: OUT_OF_MEMORY")
    assert words.getMessage().endswith("it is submitted again")
    assert len(job.errors) == 1


def states(executor, monkeypatch, squeue, sacct):
    asked = []

    async def answer(*command):
        asked.append(command[0])
        return {"squeue": squeue, "sacct": sacct}[command[0]]

    monkeypatch.setattr(slurm_executor, "_answer", answer)
    monkeypatch.setattr(shutil, "which", lambda name: name if sacct is not None else None)
    info = SubmittedJobInfo(None, external_jobid="7")
    return asyncio.run(executor._states([info])).get("7"), asked


def test_squeue_is_asked_and_the_accounting_where_it_knows_no_more(executor, monkeypatch):
    state, asked = states(executor, monkeypatch, "7|RUNNING|None|n1", "")
    assert state.is_active
    assert asked == ["squeue"]
    state, asked = states(executor, monkeypatch, "", "7|CANCELLED by 0|None|n1")
    assert state.state == "CANCELLED"
    assert asked == ["squeue", "sacct"]


def test_a_job_that_nobody_knows_is_lost_in_the_end(executor, monkeypatch):
    looks = [states(executor, monkeypatch, "", None)[0] for _ in range(10)]
    assert looks[:9] == [None] * 9
    assert looks[9].state == LOST


def test_a_silent_slurm_loses_no_job(executor, monkeypatch):
    assert [states(executor, monkeypatch, None, None)[0] for _ in range(20)] == [None] * 20
