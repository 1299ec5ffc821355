"""Logs of jobs, and what a failed one leaves behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from spallmap.errors import InputError
from spallmap.jobs import job


def test_a_job_that_ends_well_logs_start_and_end(tmp_path):
    with job("cell-a/shorted/mri-t2", tmp_path / "logs" / "a.log") as logger:
        logger.info("sigma 1.5")
    text = (tmp_path / "logs" / "a.log").read_text()
    assert "start: cell-a/shorted/mri-t2" in text
    assert "sigma 1.5" in text
    assert "done" in text


def test_an_input_error_ends_with_one_line_that_says_what_to_do(tmp_path, capsys):
    with pytest.raises(SystemExit) as caught, job("cell-a/shorted/xct-scan", tmp_path / "a.log"):
        raise InputError("slice_0003.tif", "a truncated file", "a whole TIFF")
    assert caught.value.code == 1
    assert "slice_0003.tif: found a truncated file; allowed: a whole TIFF" in capsys.readouterr().err
    last = (tmp_path / "a.log").read_text().splitlines()[-1]
    assert " ERROR cell-a/shorted/xct-scan: slice_0003.tif: found" in last


def test_any_other_error_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), job("x", tmp_path / "a.log"):
        1 / 0  # noqa: B018
    assert "Traceback" in (tmp_path / "a.log").read_text()


def test_a_full_disk_ends_in_a_line_and_no_traceback(tmp_path, capsys):
    log = tmp_path / "t2.log"
    with pytest.raises(SystemExit), job("a/shorted/mri-b", log), Path("/dev/full").open("w") as full:
        full.write("x" * 100_000)
    assert "No space left on device" in capsys.readouterr().err
    assert "Traceback" not in log.read_text()
    assert " ERROR a/shorted/mri-b: " in log.read_text()


def test_an_error_of_the_system_that_is_ours_keeps_its_traceback(tmp_path):
    log = tmp_path / "t2.log"
    with pytest.raises(FileNotFoundError), job("a/shorted/mri-b", log):
        (tmp_path / "gone").read_bytes()
    assert "Traceback" in log.read_text()


def test_a_log_that_finds_no_room_does_not_end_a_job_whose_results_do(tmp_path, capsys):
    log = tmp_path / "t2.log"
    log.symlink_to("/dev/full")
    with job("a/shorted/mri-b", log) as logger:
        logger.info("%s", "x" * 100_000)
        (tmp_path / "result").write_text("whole")
    assert (tmp_path / "result").read_text() == "whole"
    assert capsys.readouterr().err == ""


def test_no_room_for_log_and_results_ends_in_a_line(tmp_path, capsys):
    log = tmp_path / "t2.log"
    log.symlink_to("/dev/full")
    with pytest.raises(SystemExit), job("a/shorted/mri-b", log), Path("/dev/full").open("w") as full:
        full.write("x" * 100_000)
    said = capsys.readouterr().err
    assert said.startswith("ERROR a/shorted/mri-b: ")
    assert said.count("\n") == 1


def test_a_log_that_cannot_be_made_ends_in_a_line(tmp_path, capsys, monkeypatch):
    def refuse(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device", str(tmp_path / "logs"))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(SystemExit), job("a/shorted/mri-b", tmp_path / "logs" / "a.log"):
        raise AssertionError
    said = capsys.readouterr().err
    assert said.startswith(f"ERROR a/shorted/mri-b: {tmp_path / 'logs'}: No space left on device; ")
    assert said.count("\n") == 1


def test_an_interrupted_job_ends_without_a_traceback(tmp_path, capsys):
    log = tmp_path / "t2.log"
    with pytest.raises(SystemExit) as caught, job("a/shorted/mri-b", log):
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert "ERROR a/shorted/mri-b: stopped by Ctrl-C" in log.read_text()
    assert "Traceback" not in log.read_text() + capsys.readouterr().err


def test_linear_algebra_has_one_thread_in_a_job_and_its_own_number_afterwards(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)

    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    with threadpool_limits(limits=2, user_api="blas"):
        np.linalg.inv(np.eye(2))
        assert threads() == {2}
        with job("a/shorted/mri-b", tmp_path / "t2.log"):
            assert threads() == {1}
            assert os.environ["OPENBLAS_NUM_THREADS"] == "1"
        assert threads() == {2}
    assert os.environ["OPENBLAS_NUM_THREADS"] == "2"
    assert "MKL_NUM_THREADS" not in os.environ
