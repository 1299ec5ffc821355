from __future__ import annotations

from pathlib import Path

import pytest

from spallmap.errors import InputError, InputGroupError
from spallmap.jobs import job
from spallmap.runs import FailedJob, failure_reason, missing_words

BAD = InputError("2dseq", "30 bytes", "61 440 bytes")


def failed_log(folder: Path, error: Exception) -> Path:
    log = folder / "t2.log"
    with pytest.raises((SystemExit, type(error))), job("a/shorted/mri-b", log):
        raise error
    return log


def log_of(folder: Path, *lines: str) -> Path:
    log = folder / "t2.log"
    log.write_text("".join(f"2026-01-01 00:00:00,000 {line}\n" for line in lines))
    return log


def test_a_job_that_cannot_use_its_input_says_why_itself(tmp_path: Path) -> None:
    said = failure_reason(failed_log(tmp_path, BAD), "returned non-zero exit status 1")
    assert said == "2dseq: found 30 bytes; allowed: 61 440 bytes"


def test_several_errors_are_all_said(tmp_path: Path) -> None:
    other = InputError("visu_pars", "no echo times", "VisuAcqEchoTime")
    said = failure_reason(failed_log(tmp_path, InputGroupError([BAD, other])))
    assert said.splitlines() == ["2 errors:", str(BAD), str(other)]


def test_a_bug_is_said_without_its_traceback_and_with_what_to_do(tmp_path: Path) -> None:
    said = failure_reason(failed_log(tmp_path, ZeroDivisionError("division by zero")))
    assert said.startswith("ZeroDivisionError: division by zero; ")
    assert "Traceback" not in said
    assert "report it with the log" in said


def test_a_job_that_asked_for_too_much_memory_is_no_bug(tmp_path: Path) -> None:
    said = failure_reason(failed_log(tmp_path, MemoryError("Unable to allocate 12 GiB")))
    assert said.startswith("MemoryError: Unable to allocate 12 GiB; ")
    assert "--cores 1" in said
    assert "report" not in said


@pytest.mark.parametrize("end", ["died with <Signals.SIGKILL: 9>", "returned non-zero exit status 137"])
def test_a_job_that_was_killed_says_so_and_what_to_do(tmp_path: Path, end: str) -> None:
    said = failure_reason(log_of(tmp_path, "INFO start: a/shorted/mri-b", "INFO 12 pixels"), end)
    assert "killed from outside" in said
    assert "memory" in said
    assert "--cores 1" in said


def test_other_signals_are_named(tmp_path: Path) -> None:
    log = log_of(tmp_path, "INFO start: a/shorted/mri-b")
    assert "(SIGSEGV)" in failure_reason(log, "died with <Signals.SIGSEGV: 11>")
    assert "(SIGTERM)" in failure_reason(log, "returned non-zero exit status 143")


def test_a_log_that_breaks_off_is_said_to(tmp_path: Path) -> None:
    said = failure_reason(log_of(tmp_path, "INFO start: a/shorted/mri-b"), "returned non-zero exit status 1")
    assert "its log breaks off" in said


def test_a_cluster_s_words_stand(tmp_path: Path) -> None:
    log = log_of(tmp_path, "INFO start: a/shorted/mri-b")
    assert failure_reason(log, "Slurm job 12 on n1: OUT_OF_MEMORY").startswith(
        "Slurm job 12 on n1: OUT_OF_MEMORY"
    )
    assert "before it wrote a log" in failure_reason(None, "Slurm job 12: CANCELLED by 0")


def test_a_job_whose_results_were_not_taken_is_not_called_killed(tmp_path: Path) -> None:
    said = failure_reason(log_of(tmp_path, "INFO start: a/s/mri-b", "INFO done: a/s/mri-b"))
    assert "did not take its results" in said


def test_missing_results_are_named_once_in_the_order_people_look_for_them() -> None:
    paths = [f"my/out/c7/figures/figure{n}.{end}" for n in (1, 2) for end in ("pdf", "png")]
    paths += ["my/out/figures/figure1.pdf", "my/out/c7/shorted/overlays", "my/out/c7/shorted/report.html"]
    paths += ["my/out/c7/shorted/links.csv", "my/out/c7/shorted/links.json", "my/out/index.html"]
    assert missing_words(paths, "my/out") == (
        "report of c7/shorted",
        "links of c7/shorted",
        "overlays of c7/shorted",
        "figures of c7",
        "the paper's figures",
    )


def test_a_job_concerns_its_state_or_all_states_of_its_cell() -> None:
    of_state, of_cell = FailedJob("t2", "c7/shorted/mri-b", ""), FailedJob("cell_figures", "c7", "")
    assert [of_state.concerns("c7", state) for state in ("shorted", "pristine")] == [True, False]
    assert of_cell.concerns("c7", "pristine")
    assert not of_cell.concerns("c8", "pristine")
