"""Two runs never write to one results folder at the same time."""

from __future__ import annotations

import errno
import fcntl
import subprocess
import sys

import pytest

from spallmap.errors import InputError
from spallmap.run_lock import LOCK, lock_results

# Another run, which holds the lock until it is killed or its input ends.
HOLDER = """
import sys
from spallmap.run_lock import lock_results
kept = lock_results(sys.argv[1])
print("locked", flush=True)
sys.stdin.read()
"""


def test_a_second_run_is_told_which_run_it_is(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(InputError, match=f"another run writes to .process {other.pid} on .*, started 2"):
            lock_results(str(tmp_path))
        other.kill()
        other.wait()
        # a killed run leaves no stale lock
        stream = lock_results(str(tmp_path))
    assert stream is not None
    stream.close()


def test_a_job_does_not_inherit_it(tmp_path):
    stream = lock_results(str(tmp_path))
    assert stream is not None
    waits = [sys.executable, "-c", "print(flush=True); import time; time.sleep(60)"]
    with subprocess.Popen(waits, stdout=subprocess.PIPE, close_fds=False) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"\n"
        stream.close()
        again = lock_results(str(tmp_path))
        assert again is not None
        again.close()
        job.kill()
    assert (tmp_path / LOCK).read_text().count("\n") == 1


def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch):
    def flock(_stream, _how):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert lock_results(str(tmp_path)) is None


def test_a_folder_that_cannot_be_written_to_is_an_error_of_the_system(tmp_path):
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(OSError, match="logs"):
        lock_results(str(tmp_path))
