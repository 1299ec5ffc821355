"""The executor: what to submit, what a failure means, and what is told about it."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_slurm import Executor as SlurmPluginExecutor
from snakemake_interface_common.exceptions import WorkflowError
from snakemake_interface_executor_plugins.executors.base import SubmittedJobInfo

from snakemake_executor_plugin_spallmap_slurm.efficiency import FORMAT, efficiency_table
from snakemake_executor_plugin_spallmap_slurm.failure_words import failure_words, pending_words, subject
from snakemake_executor_plugin_spallmap_slurm.group_members import (
    Job,
    finish,
    first_unmade,
    leave_group,
    made,
    members,
    release_others,
)
from snakemake_executor_plugin_spallmap_slurm.job_states import (
    COMPLETED,
    LOST,
    Cause,
    SlurmState,
    broke_off,
    cause_of,
    read_states,
    tail,
)
from snakemake_executor_plugin_spallmap_slurm.partition_limits import (
    PartitionLimits,
    Request,
    read_partitions,
    refusal,
)
from snakemake_executor_plugin_spallmap_slurm.resource_growth import ResourceGrowth
from snakemake_executor_plugin_spallmap_slurm.slurm_settings import slurm_settings
from snakemake_executor_plugin_spallmap_slurm.submissions import Submissions, left_jobs_message

# An answer of Slurm's daemons that takes longer is asked for again; busy ones take some ten seconds.
_PATIENCE_S = 60
# How often a job may be missing in Slurm's lists before it counts as lost: a job that was just submitted
# is not in them yet.
_MISSED_LOOKS = 10
# What the last words on a job are logged as, for whoever puts the end of a run together.
JOB_ENDS = "job_ends"


@dataclass
class _Outcome:
    """What came of a failed submission."""

    made: list[Job] = field(default_factory=list)
    causes: dict[Job, Cause] = field(default_factory=dict)
    # Those that failed themselves; the others wait for them.
    killed: list[Job] = field(default_factory=list)


class Executor(SlurmPluginExecutor):  # type: ignore[misc] # the plugin has no types
    """Slurm, told apart by cause."""

    def __init__(self, workflow: Any, logger: Any) -> None:
        workflow.executor_settings = slurm_settings()
        self._growth = ResourceGrowth()
        self._outcomes: dict[int, _Outcome] = {}
        self._missed: dict[str, int] = {}
        self._names: dict[str, str] = {}
        self._warned_pending: set[str] = set()
        self._limits: dict[str, PartitionLimits] = {}
        super().__init__(workflow, logger)

    def __post_init__(self, test_mode: bool = False) -> None:
        """Look at the queue and at the partitions before anything is submitted."""
        super().__post_init__(test_mode)
        self._submissions = Submissions(Path(".snakemake") / "spallmap_slurm", self.run_uuid)
        jobs = [job for job in self.workflow.dag.needrun_jobs() if not job.is_local]
        left = self._submissions.left_jobs(
            (str(file) for job in jobs for file in job.output), self._alive_jobs
        )
        if left:
            raise WorkflowError(left_jobs_message(left))
        nodes = _output("sinfo", "--Node", "--noheader", "--format=%P|%l|%m|%c")
        self._limits = read_partitions(nodes, _output("scontrol", "show", "partition", "--oneliner"))
        if not self._partitions:
            self._check_limits(jobs)

    def _alive_jobs(self, run: str) -> dict[str, str]:
        states = read_states(_output("squeue", "--noheader", f"--name={run}", "--format=%i|%T|%r|%N"))
        return {number: state.state for number, state in states.items() if state.is_active}

    def _check_limits(self, jobs: list[Job]) -> None:
        groups = self.workflow.dag._group
        units = {id(unit): unit for job in jobs for unit in [groups.get(job, job)]}
        refused = refusal(map(_request, units.values()), self._limits)
        for unit in units.values():
            # What was asked for may depend on files that are not there yet.
            for job in {unit, *members(unit)}:
                job._resources = job._scheduler_resources = None
        if refused:
            raise WorkflowError(refused)

    def additional_general_args(self) -> str:
        """Have members of a group that do not need a failed one run all the same."""
        return "--keep-going"

    def get_job_args(self, job: Job) -> str:
        """Have a job use what it asked for, not what the run may use on this machine."""
        arguments = re.sub(r"--cores \S+", f"--cores {job.threads}", super().get_job_args(job), count=1)
        memory = max((m.resources.get("mem_mb") or 0 for m in members(job)), default=0)
        asked = job.resources.get("mem_mb")
        if job.is_group() and isinstance(memory, int) and isinstance(asked, int):
            return f"{arguments} --resources mem_mb={max(memory, asked)}"
        return str(arguments)

    def _submit_job(self, job: Job) -> None:
        self._growth.apply(job, self._most(job))
        for member in members(job):
            # A log of an earlier attempt would be taken for this one's.
            if (log := _log_of(member)) is not None:
                log.unlink(missing_ok=True)
        super()._submit_job(job)

    def run_job(self, job: Job) -> None:
        """Note what is about to be made, and submit."""
        self._submissions.add("", (str(file) for member in members(job) for file in member.output))
        super().run_job(job)

    def report_job_submission(self, job_info: SubmittedJobInfo, register_job: bool = True) -> None:
        """Note the number of a submission."""
        outputs = (str(file) for member in members(job_info.job) for file in member.output)
        self._submissions.add(str(job_info.external_jobid), outputs)
        self._names[str(job_info.external_jobid)] = subject(job_info.job)
        super().report_job_submission(job_info, register_job=register_job)

    def _most(self, job: Job) -> dict[str, int]:
        name = str(job.resources.get("slurm_partition") or "")
        limits = self._limits.get(name) or next((x for x in self._limits.values() if x.is_default), None)
        if limits is None or self._partitions:
            return {}
        most = {"runtime": limits.minutes, "mem_mb": limits.megabytes}
        return {name: number for name, number in most.items() if number is not None}

    async def check_active_jobs(self, active_jobs: list[SubmittedJobInfo]) -> AsyncIterator[SubmittedJobInfo]:
        """Ask Slurm how jobs are, report those that have ended, and give back the others."""
        states = await self._states(active_jobs) if active_jobs else {}
        for info in active_jobs:
            state = states.get(info.external_jobid)
            if state is None or state.is_active:
                self._warn_pending(info, state)
                yield info
            elif state.state == COMPLETED:
                self.report_job_success(info)
                self._remove_log(info)
            else:
                self._report_failure(info, state)

    async def _states(self, active_jobs: list[SubmittedJobInfo]) -> dict[str, SlurmState]:
        wanted = {str(info.external_jobid) for info in active_jobs}
        squeue = ("squeue", "--noheader", "--states=all", f"--name={self.run_uuid}", "--format=%i|%T|%r|%N")
        async with self.status_rate_limiter:
            listed = None if self.get_status_command() == "sacct" else await _answer(*squeue)
        states = read_states(listed or "")
        missing = sorted(wanted - set(states))
        if missing and shutil.which("sacct"):
            # Slurm's controller forgets jobs some minutes after their end, its accounting does not.
            async with self.status_rate_limiter:
                accounted = await _answer(
                    "sacct",
                    "-X",
                    "-n",
                    "-P",
                    "--format=JobIDRaw,State,Reason,NodeList",
                    f"--jobs={','.join(missing)}",
                )
            states |= {n: s for n, s in read_states(accounted or "").items() if n in wanted}
            listed = listed if accounted is None else accounted
        for number in wanted:
            if number in states:
                self._missed.pop(number, None)
            elif listed is not None:
                self._missed[number] = self._missed.get(number, 0) + 1
                if self._missed[number] >= _MISSED_LOOKS:
                    states[number] = SlurmState(LOST)
        return states

    def _warn_pending(self, info: SubmittedJobInfo, state: SlurmState | None) -> None:
        if state is not None and state.waits_in_vain and info.external_jobid not in self._warned_pending:
            self._warned_pending.add(info.external_jobid)
            self.logger.warning(pending_words(info.job, info.external_jobid, state.reason))

    def _remove_log(self, info: SubmittedJobInfo) -> None:
        log = (info.aux or {}).get("slurm_logfile")
        if log is not None and not self.workflow.executor_settings.keep_successful_logs:
            Path(log).unlink(missing_ok=True)

    def _report_failure(self, info: SubmittedJobInfo, state: SlurmState) -> None:
        """Tell the members of a failed submission apart; called in the thread that asks Slurm."""
        job = info.job
        done = made(job, self._is_marked)
        if len(done) == len(members(job)):
            # It was killed after its work.
            self.report_job_success(info)
            return
        log = (info.aux or {}).get("slurm_logfile")
        said = tail(Path(log) if log else None)
        own = {m: tail(_log_of(m)) for m in members(job) if m not in done}
        outcome = _Outcome(done, {m: cause_of(state.state, said, text) for m, text in own.items()})
        first = first_unmade(job, outcome.causes)
        outcome.killed = [m for m in first if broke_off(own[m])] or first
        for member in outcome.killed:
            cause = outcome.causes[member]
            again = self._has_attempts(job) and not cause.is_for_good
            words = failure_words(member, info.external_jobid, state, cause)
            self._report_end(member, f"{words}; it is submitted again" if again else words)
            member.log_error(words, aux_logs=[str(log)] if log else [])
        self._outcomes[id(job)] = outcome
        if job.is_group():
            # Snakemake removes what is left of a failed job's files: those that are whole stay.
            levels = [[m for m in level if m not in done] for level in job.toposorted]
            job._toposorted = [level for level in levels if level]
        self.workflow.scheduler.error_callback(job)

    def report_job_error(self, job_info: SubmittedJobInfo, msg: str | None = None, **kwargs: Any) -> None:
        """Report a job that was not submitted at all."""
        for member in members(job_info.job):
            self._report_end(member, (msg or "it was not submitted").strip())
        super().report_job_error(job_info, msg=msg, **kwargs)

    def _report_end(self, member: Job, words: str) -> None:
        self.logger.error(f"{subject(member)}: {words}", extra={JOB_ENDS: {member.jobid: words}})

    @staticmethod
    def _has_attempts(job: Job) -> bool:
        return bool(job.restart_times > job.attempt - 1)

    def _is_marked(self, path: str) -> bool:
        persistence = self.workflow.persistence
        persistence._clear_cache()
        return path in persistence._filter_incomplete_keys([path])

    def handle_job_error(self, job: Job) -> None:
        """Decide what becomes of a failed job; Snakemake calls it before it looks at the attempts left."""
        outcome = self._outcomes.pop(id(job), None)
        if outcome is None:
            # It was not submitted at all.
            outcome = _Outcome(causes=dict.fromkeys(members(job), Cause.OTHER))
        scheduler, graph = self.workflow.scheduler, self.workflow.dag
        holders = [scheduler.running, graph._running, graph._ready_jobs]
        again: set[Job] = set()
        if self._has_attempts(job):
            again = {member for member, cause in outcome.causes.items() if not cause.is_for_good}
            again = self._without_doomed(again, set(outcome.causes) - again)
        failed = set(outcome.causes) - again
        for member in outcome.killed:
            self._growth.add(member, outcome.causes[member])
        leaving = [*outcome.made, *(failed if again else [])]
        if job.is_group() and leaving:
            leave_group(job, leaving, graph, holders)
        for member in outcome.made:
            finish(member, graph, self.workflow.async_run)
            scheduler.finished_jobs += 1
        if not again:
            job.attempt = job.restart_times + 1
        elif failed:
            scheduler.failed.update(failed)
            scheduler._errors = True
        if failed:
            release_others(failed, graph, holders)

    def _without_doomed(self, again: set[Job], failed: set[Job]) -> set[Job]:
        """Leave out what needs a member that has failed for good."""
        graph = self.workflow.dag
        return again - set(graph.bfs(graph.depending, *failed)) if failed else again

    def shutdown(self) -> None:
        """End in order: no job is left; say how well what was asked for was used."""
        settings = self.workflow.executor_settings
        settings.efficiency_report, wanted = False, settings.efficiency_report
        super().shutdown()
        if not self._alive_jobs(self.run_uuid):
            self._submissions.close()
        if wanted and self._names:
            accounted = _output("sacct", "-n", "-P", f"--name={self.run_uuid}", f"--format={FORMAT}")
            folder = settings.efficiency_report_path or Path()
            file = folder / f"efficiency_report_{self.run_uuid}.csv"
            folder.mkdir(parents=True, exist_ok=True)
            file.write_text(efficiency_table(accounted, self._names), encoding="utf-8")
            self.logger.info(f"How much of the memory and time asked for was used: {file}")


def _log_of(member: Job) -> Path | None:
    return next((Path(str(file)) for file in member.log), None)


def _request(job: Job) -> Request:
    resources = job.resources
    numbers = [resources.get(name) for name in ("runtime", "mem_mb")]
    minutes, megabytes = (number if isinstance(number, int) else 0 for number in numbers)
    return Request(subject(job), str(resources.get("slurm_partition") or ""), minutes, megabytes, job.threads)


def _output(*command: str) -> str:
    """Return what a Slurm command prints, nothing where it fails or there is none."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return ended.stdout if ended.returncode == 0 else ""


async def _answer(*command: str) -> str | None:
    """Return what a Slurm command prints; None where it fails, so that it is asked again."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), timeout=_PATIENCE_S)
    except TimeoutError:
        process.kill()
        return None
    return out.decode(errors="replace") if process.returncode == 0 else None
