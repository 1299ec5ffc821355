"""Logs of jobs, and what a failed one leaves behind."""

from __future__ import annotations

import time

import pytest

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
