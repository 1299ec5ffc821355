"""Logs of jobs, and what a failed one leaves behind."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from spallmap.errors import InputError
from spallmap.jobs import failures, job


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
    (line,) = failures(tmp_path, time.time() - 60)
    assert "cell-a/shorted/xct-scan" in line
    assert "slice_0003.tif" in line


def test_any_other_error_keeps_its_traceback(tmp_path):
    with pytest.raises(ZeroDivisionError), job("x", tmp_path / "a.log"):
        1 / 0  # noqa: B018
    assert "Traceback" in (tmp_path / "a.log").read_text()
    assert failures(tmp_path, time.time() + 60) == []


def test_a_full_disk_ends_in_a_line_and_no_traceback(tmp_path, capsys):
    log = tmp_path / "t2.log"
    with pytest.raises(SystemExit), job("a/shorted/mri-b", log), Path("/dev/full").open("w") as full:
        full.write("x" * 100_000)
    assert "No space left on device" in capsys.readouterr().err
    assert "Traceback" not in log.read_text()
    assert failures(tmp_path, since=0.0)[0].startswith("a/shorted/mri-b: ")


def test_an_error_of_the_system_that_is_ours_keeps_its_traceback(tmp_path):
    log = tmp_path / "t2.log"
    with pytest.raises(FileNotFoundError), job("a/shorted/mri-b", log):
        (tmp_path / "gone").read_bytes()
    assert "Traceback" in log.read_text()


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
