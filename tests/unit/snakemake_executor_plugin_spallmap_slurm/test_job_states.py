"""What Slurm and a job's logs say, and what it means."""

from __future__ import annotations

import pytest

from snakemake_executor_plugin_spallmap_slurm.job_states import (
    Cause,
    broke_off,
    cause_of,
    read_states,
    tail,
)

ERROR = "2026-01-01 00:00:00,000 ERROR a/shorted/mri-b: no echoes"
TRACEBACK = f"{ERROR}\nTraceback (most recent call last):\n  File x\nValueError: no echoes\n"
ORPHANED = "2026-01-01 00:00:00,000 ERROR a/shorted/mri-b: its run was killed, so it ends too; run again"
OOM = "slurmstepd-n1: error: Detected 1 oom-kill event(s) in StepId=7.batch."


@pytest.mark.parametrize(
    ("state", "slurm_log", "own_log", "cause"),
    [
        ("OUT_OF_MEMORY", OOM, "", Cause.MEMORY),
        # Clusters that look at memory now and then call it a failure, or a cancellation.
        ("FAILED", "slurmstepd: error: Exceeded job memory limit", "", Cause.MEMORY),
        (
            "CANCELLED",
            "error: StepId=1.batch exceeded memory limit (9 > 1), being killed",
            "",
            Cause.MEMORY,
        ),
        (
            "FAILED",
            "",
            TRACEBACK.replace("ValueError", "numpy._core._ArrayMemoryError"),
            Cause.MEMORY,
        ),
        ("TIMEOUT", "", "", Cause.TIME),
        (
            "CANCELLED",
            "*** JOB 7 ON n1 CANCELLED AT now DUE TO TIME LIMIT ***",
            "",
            Cause.TIME,
        ),
        ("CANCELLED", "slurmstepd: error: *** JOB 7 ON n1 CANCELLED AT now ***", "", Cause.CANCELLED),
        ("CANCELLED", "*** JOB 7 ON n1 CANCELLED AT now DUE TO NODE FAILURE ***", "", Cause.NODE),
        ("NODE_FAIL", "", "", Cause.NODE),
        ("BOOT_FAIL", "", "", Cause.NODE),
        ("PREEMPTED", "", "", Cause.NODE),
        ("LOST", "", "", Cause.NODE),
        # Snakemake was killed in the allocation, and the job with it.
        ("OUT_OF_MEMORY", OOM, ORPHANED, Cause.MEMORY),
        ("TIMEOUT", "", ORPHANED, Cause.TIME),
        ("FAILED", "", ERROR, Cause.INPUT),
        ("FAILED", "", f"{ERROR}\n\n", Cause.INPUT),
        # A fault of the program is no fault of the input.
        ("FAILED", "", TRACEBACK, Cause.OTHER),
        ("FAILED", "", "", Cause.OTHER),
    ],
)
def test_each_end_has_its_cause(state, slurm_log, own_log, cause):
    assert cause_of(state, slurm_log, own_log) is cause


@pytest.mark.parametrize(("cause", "for_good"), [(c, c in (Cause.INPUT, Cause.CANCELLED)) for c in Cause])
def test_only_inputs_and_cancellations_are_for_good(cause, for_good):
    assert cause.is_for_good is for_good


def test_states_of_squeue_and_of_sacct_are_read_alike():
    waiting = "8|PENDING|(PartitionTimeLimit)|\n9|PENDING|Priority|\n"
    states = read_states(f"7|CANCELLED by 0|None|n1\n{waiting}10|COMPLETED+|None|n2\n\n")
    assert states["7"].state == "CANCELLED"
    assert states["10"].state == "COMPLETED"
    assert [states[n].is_active for n in ("7", "8", "9", "10")] == [False, True, True, False]
    assert [states[n].waits_in_vain for n in ("7", "8", "9", "10")] == [False, True, False, False]
    assert states["7"].node == "n1"


def test_only_the_end_of_a_log_is_read(tmp_path):
    log = tmp_path / "a.log"
    log.write_text("x" * 50_000 + "\nend")
    assert len(tail(log)) == 20_000
    assert tail(log).endswith("end")
    assert tail(tmp_path / "none.log") == ""


def test_a_log_that_breaks_off_is_told_from_a_whole_and_from_none():
    assert broke_off("2026-01-01 00:00:00,000 INFO start: a\n")
    assert not broke_off("2026-01-01 00:00:00,000 INFO start: a\n2026-01-01 00:00:00,000 INFO done: a\n")
    assert not broke_off("")
