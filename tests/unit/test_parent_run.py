"""Jobs whose run is killed end; others are left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from spallmap.parent_run import RUN_VARIABLE, announce_run, ending_with_run

# A job that would work for a minute.
JOB = """
import sys, time
from spallmap.jobs import job
with job("a/shorted/mri-b", sys.argv[1]):
    time.sleep(60)
"""
# A run that starts it, through a shell that waits or none, and waits for it.
RUN = """
import subprocess, sys
from spallmap.parent_run import announce_run
announce_run()
words = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
if sys.argv[3] == "shell":
    words = ["sh", "-c", '"$@"; true', "sh", *words]
print(subprocess.Popen(words).pid, flush=True)
sys.stdin.read()
"""


def wait_for_words(log: Path, words: str) -> str:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if log.exists() and words in (text := log.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError(
        f"{words!r} is not in {log.read_text() if log.exists() else 'a log that is not there'}"
    )


@pytest.mark.parametrize("between", ["nothing", "shell"])
def test_a_job_ends_when_its_run_is_killed(tmp_path, between):
    log = tmp_path / "job.log"
    with subprocess.Popen(
        [sys.executable, "-c", RUN, JOB, str(log), between], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        started = int(run.stdout.readline())
        wait_for_words(log, "start:")
        run.kill()
        run.wait()
    text = wait_for_words(log, "its run was killed")
    assert "done" not in text
    end = time.monotonic() + 10
    while Path(f"/proc/{started}").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(f"/proc/{started}").exists()


def test_a_job_ends_when_its_run_was_killed_before_it_began(tmp_path):
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    log = tmp_path / "job.log"
    ended = subprocess.run(
        [sys.executable, "-c", JOB, str(log)],
        env=os.environ | {RUN_VARIABLE: str(gone.pid)},
        timeout=30,
        check=False,
    )
    assert ended.returncode == 1
    assert "its run was killed" in log.read_text()


def test_a_job_whose_run_lives_comes_to_its_end(tmp_path):
    log = tmp_path / "job.log"
    ended = subprocess.run(
        [sys.executable, "-c", JOB.replace("60", "1.2"), str(log)],
        env=os.environ | {RUN_VARIABLE: str(os.getpid())},
        timeout=30,
        check=False,
    )
    assert ended.returncode == 0
    assert "done" in log.read_text()


def test_the_run_does_not_end_with_itself(monkeypatch):
    monkeypatch.delenv(RUN_VARIABLE, raising=False)
    announce_run()
    assert os.environ[RUN_VARIABLE] == str(os.getpid())
    with ending_with_run("a"):
        time.sleep(0.01)
