"""Ctrl-C ends the jobs, and nothing else sees it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

# Stands for Snakemake: starts a job, waits for it in the main thread, and cleans up.
PROGRAM = """
import subprocess, sys, threading
from spallmap.cli.interrupts import Interrupts, is_stopping
with Interrupts() as interrupts:
    import numpy  # starts threads of its own
    job = subprocess.Popen([sys.executable, "-c", {job!r}])
    done = threading.Semaphore(0)
    threading.Thread(target=lambda: (job.wait(), done.release())).start()
    try:
        done.acquire()
    except KeyboardInterrupt:
        print("interrupted", is_stopping(), flush=True)
        job.wait()
print("stopped", interrupts.stopped, job.returncode)
"""
SLEEPS = "import time; print('begun', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS


def started(job):
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(job=job)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.parametrize("whole_group", [True, False])
def test_the_main_thread_is_interrupted_and_jobs_end_without_a_word(whole_group):
    process = started(SLEEPS)
    begin = time.monotonic()
    (os.killpg if whole_group else os.kill)(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert out.splitlines() == ["interrupted True", f"stopped True {-signal.SIGTERM}"]
    assert err == ""
    assert time.monotonic() - begin < 5


def test_a_second_time_kills_a_job_that_does_not_listen():
    process = started(STUBBORN)
    os.killpg(process.pid, signal.SIGINT)
    assert process.stdout.readline() == "interrupted True\n"
    begin = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert out.splitlines() == [f"stopped True {-signal.SIGKILL}"]
    assert err == ""
    assert time.monotonic() - begin < 4


def test_nothing_is_changed_afterwards():
    from spallmap.cli.interrupts import Interrupts

    before = signal.pthread_sigmask(signal.SIG_BLOCK, set()), signal.getsignal(signal.SIGINT)
    with Interrupts() as interrupts:
        assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    assert not interrupts.stopped
    assert (signal.pthread_sigmask(signal.SIG_BLOCK, set()), signal.getsignal(signal.SIGINT)) == before
