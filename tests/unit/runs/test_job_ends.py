from __future__ import annotations

import logging
import threading
from collections.abc import Iterator

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from spallmap.runs import JOB_ENDS, JobEnds

KILLED = "CalledProcessError in file \"x.smk\", line 3:\nCommand 'python x' died with <Signals.SIGKILL: 9>.\n"


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    logger = logging.getLogger("test of job ends")
    logger.propagate = False
    yield logger
    logger.handlers.clear()


@pytest.fixture
def ends(logger: logging.Logger) -> JobEnds:
    ends = JobEnds()
    logger.addHandler(ends)
    return ends


def say_failed(logger: logging.Logger, jobid: int, message: str | None = None) -> None:
    extra = {"event": LogEvent.JOB_ERROR, "jobid": jobid, "rule_msg": message}
    logger.error("Error in rule t2", extra=extra)


def test_an_exception_belongs_to_the_failure_that_its_thread_reports_next(
    logger: logging.Logger, ends: JobEnds
) -> None:
    logger.error(KILLED, extra={"event": LogEvent.ERROR})
    thread = threading.Thread(target=say_failed, args=(logger, 8))
    thread.start()
    thread.join()
    say_failed(logger, 7)
    say_failed(logger, 9)
    assert ends.of(7) == "died with <Signals.SIGKILL: 9>"
    assert (ends.of(8), ends.of(9)) == ("", "")


def test_the_words_of_what_ran_a_job_go_before_an_exception(logger: logging.Logger, ends: JobEnds) -> None:
    logger.error(KILLED, extra={"event": LogEvent.ERROR})
    say_failed(logger, 7, "SLURM-job '12' failed, SLURM status is: 'TIMEOUT'.")
    assert ends.of(7) == "SLURM-job '12' failed, SLURM status is: 'TIMEOUT'."


def test_words_on_a_group_of_jobs_are_kept_for_each(logger: logging.Logger, ends: JobEnds) -> None:
    logger.error(
        "Error in group g", extra={JOB_ENDS: dict.fromkeys((3, 4), "Slurm job 12 on n1: OUT_OF_MEMORY")}
    )
    say_failed(logger, 3)
    assert ends.of(3) == ends.of(4) == "Slurm job 12 on n1: OUT_OF_MEMORY"
