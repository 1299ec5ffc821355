# How a run begins and ends: a job that fails leaves all that does not depend on it, and the last lines say what
# was made, what was not, and what to do. All of it in the main process alone.

import atexit
import signal

from snakemake.io import IOFile
from snakemake.logging import logger

from spallmap.cli.interrupts import is_stopping
from spallmap.runs import (
    UNFINISHED,
    FailedJob,
    JobEnds,
    RunOutcome,
    RunRecord,
    answer_in_a_thread,
    command_typed,
    failure_lines,
    failure_reason,
    lock_message,
    missing_words,
    read_findings,
    subject_of,
    table_lines,
)

INDEX = f"{RESULTS}/index.html"
PROVENANCE = f"{RESULTS}/provenance.json"
FOLDERS = [f"{RESULTS}/{a.id}" for a in PLAN.acquisitions]
RUN_RECORD = Path(LOGS) / "run.json"
JOB_ENDS = JobEnds()
BEGUN = []


def say_table():
    """Say which table a run is of, whatever its target: without a configuration it is the demo's."""
    table = Path(config["acquisitions"])
    named = " (the demo cell)" if table.resolve() == DEFAULT_TABLE.resolve() else ""
    sys.stderr.write(f"table: {table}{named}\n")


def begin_run():
    """Leave what does not depend on a failed job to go on, whatever the profile; note who holds the results."""
    workflow.scheduler.keepgoing = True
    # the scheduler's own handler waits for a lock that the main thread may hold just then
    answer_in_a_thread(signal.SIGTERM)
    say_table()
    # the Slurm plugin's name of a run, which all its jobs have
    jobs_named = getattr(workflow.scheduler._executor, "run_uuid", "")
    record = RunRecord.of_this_process(command_typed(sys.argv), jobs_named)
    try:
        record.write(RUN_RECORD)
        BEGUN.append(RUN_RECORD.stat().st_mtime)
    except OSError as error:
        raise WorkflowError(
            f"{RUN_RECORD}: {error.strerror}; make room or give rights, and run again"
        ) from None


def end_run():
    """Write what stands for all cells where its rules could not, since a job failed or the run was stopped."""
    try:
        outcome = run_outcome()
        if not outcome.is_whole or is_unfinished(Path(INDEX)):
            write_unfinished(outcome)
        elif is_older_than_run(Path(PROVENANCE)) and any(map(os.path.isdir, FOLDERS)):
            # only some files were asked for
            write_record()
    except (OSError, SpallmapError) as error:
        sys.stderr.write(f"{INDEX} could not be written: {error}\n")


def is_unfinished(index):
    """Whether a page shows a run that did not come to a good end."""
    return index.is_file() and UNFINISHED in index.read_text(encoding="utf-8")


def is_older_than_run(file):
    """Whether a run has made something, and not this file."""
    made = any(job.output for job in workflow.dag.finished_jobs)
    return made and not (file.exists() and file.stat().st_mtime >= BEGUN[0])


def write_unfinished(outcome):
    """Write the page of all cells and the record of how they were made, from what is there."""
    from spallmap.report import render_index
    from spallmap.results.documents import write_text

    write_text(INDEX, render_index(outcome, config))
    make_again_next_time(INDEX)
    write_record(outcome.failed)


def write_record(failed=()):
    """Write how the results were made; last of all, so that it is older than none."""
    from spallmap.provenance import run_record
    from spallmap.results.input_records import read_inputs
    from spallmap.results.tables import write_json

    unmade = unmade_files()
    record = run_record(
        described_rows(PLAN.acquisitions),
        config,
        read_inputs(f for f in FOLDERS if f"{f}/inputs.json" not in unmade),
    )
    if failed:
        record["failed"] = [{"job": job.name, "reason": job.reason} for job in failed]
    write_json(PROVENANCE, record)
    workflow.persistence.cleanup_metadata(IOFile(PROVENANCE))


def make_again_next_time(*files):
    """Let Snakemake forget what it knew of files that it has not made, and find them older than their inputs."""
    inputs = {Path(f) for f in everything_made() if f not in files}
    times = [path.stat().st_mtime for path in inputs if path.exists()]
    for file in files:
        workflow.persistence.cleanup_metadata(IOFile(file))
        if times:
            # some file systems store whole seconds
            os.utime(file, (max(times) - 2, max(times) - 2))


def unmade_files():
    """Files of jobs that this run should have done and did not."""
    return {str(file) for job in workflow.dag.needrun_jobs() for file in job.output}


def run_outcome():
    unmade = set(workflow.dag.needrun_jobs())
    failed = {job for one in workflow.scheduler.failed for job in failed_in(one)}
    waiting = {later for job in failed for later in jobs_after(job)}
    jobs = [failed_job(job) for job in failed - waiting]
    return RunOutcome(
        tuple(read_findings(described(PLAN.acquisitions), unmade_files())),
        tuple(sorted(jobs, key=lambda job: (job.subject, job.rule))),
        sum(bool(job.output) for job in unmade - waiting - failed),
        RESULTS,
    )


def failed_in(job):
    """The job itself; of a group of jobs the first of those that have not been made."""
    if not job.is_group():
        return [job]
    own = set(job.jobs)
    return [
        one
        for one in own
        if not all(Path(file).exists() for file in one.output)
        and not own & set(workflow.dag.dependencies[one]) - made_in(own)
    ]


def made_in(jobs):
    return {job for job in jobs if all(Path(file).exists() for file in job.output)}


def jobs_after(job):
    """All jobs that need what a job makes."""
    found, new = set(), [job]
    while new:
        later = set(workflow.dag.depending[new.pop()]) - found
        found |= later
        new += later
    return found


def failed_job(job):
    log = next((Path(str(path)) for path in job.log if is_of_this_run(path)), None)
    reason = failure_reason(log, JOB_ENDS.of(job.jobid))
    acquisition = BY_ID.get(job.wildcards_dict.get("acq"))
    if acquisition and ": found " in reason and str(acquisition.path) not in reason:
        reason = f"{acquisition.path}: {reason}"
    missing = [str(file) for one in jobs_after(job) for file in one.output]
    return FailedJob(
        job.rule.name,
        subject_of(job.wildcards_dict),
        reason,
        str(log or ""),
        missing_words([*map(str, job.output), *missing], RESULTS),
    )


def is_of_this_run(log):
    """Whether a log holds anything of this run; both times are of the file system that holds the results."""
    path = Path(str(log))
    if not path.is_file():
        return False
    status = path.stat()
    return status.st_size > 0 and status.st_mtime >= BEGUN[0]


def say_last_lines():
    """Print the table and what failed, after all that Snakemake says; nothing where no run was asked for."""
    settings = workflow.execution_settings
    if settings is None or workflow.dryrun or workflow.touch or is_stopping():
        return
    if workflow.scheduler is None:
        say_who_holds_the_lock(settings)
        return
    if not BEGUN and list(workflow.dag.needrun_jobs()):
        # It did not come to its first job, or runs without hooks.
        return
    try:
        outcome = run_outcome()
    except (OSError, SpallmapError) as error:
        say(sys.stderr, [f"The results could not be read: {error}"])
        return
    index = INDEX if Path(INDEX).exists() else ""
    if BEGUN:
        RUN_RECORD.unlink(missing_ok=True)
    say(sys.stdout, table_lines(outcome.of_cells(cells_asked_for()), index))
    say(sys.stderr, failure_lines(outcome, index))


def cells_asked_for():
    """Cells that the run's jobs are of, be they done before."""
    subjects = {subject_of(job.wildcards_dict) for job in workflow.dag.jobs}
    return {subject.split("/")[0] for subject in subjects}


def say(stream, lines):
    """Print lines after an empty one; nothing where nobody reads them any more."""
    try:
        stream.write("".join(f"{line}\n" for line in ["", *lines] if lines))
        stream.flush()
    except BrokenPipeError:
        # else Python complains when it flushes once more
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def say_who_holds_the_lock(settings):
    locks = list(Path(".snakemake/locks").glob("*.lock"))
    if settings.lock and locks and workflow.persistence.locked:
        since = max(path.stat().st_mtime for path in locks)
        record = RunRecord.read(RUN_RECORD)
        say(sys.stderr, lock_message(record, since, sys.argv).splitlines())


if workflow.is_main_process:
    logger.addHandler(JOB_ENDS)
    atexit.register(say_last_lines)
