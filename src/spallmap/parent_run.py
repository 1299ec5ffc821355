"""A job lives no longer than the run that started it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# Holds the number of the process that starts jobs; the Snakefile sets it.
RUN_VARIABLE = "SPALLMAP_RUN"
# A run that goes on needs some seconds to start its first job; by then the jobs of the dead one must be gone.
_LOOK_S = 0.5


def announce_run() -> None:
    """Let the jobs that this process starts end with it.

    Examples
    --------
    >>> announce_run()
    >>> int(os.environ[RUN_VARIABLE]) == os.getpid()
    True
    """
    os.environ[RUN_VARIABLE] = str(os.getpid())


def _is_gone(run: int, parent: int) -> bool:
    """Whether the run has ended, or whoever stands between it and this job, such as a shell."""
    if os.getppid() != parent:
        return True
    try:
        os.kill(run, 0)
    except ProcessLookupError:
        return True
    except PermissionError:  # it lives, as another user
        return False
    return False


@contextmanager
def ending_with_run(what: str) -> Iterator[None]:
    """End this process when the run that started it is killed.

    Else it would go on, and could put its results over those of the next run. Nothing is done where no run
    was announced. What was half-written stays under its hidden name, which the next job that writes there
    removes.

    Parameters
    ----------
    what : str
        The job, for the log.

    Examples
    --------
    >>> with ending_with_run("a/shorted/mri-b"):
    ...     "work"
    'work'
    """
    announced = os.environ.get(RUN_VARIABLE)
    if announced is None or int(announced) == os.getpid():
        yield
        return
    run, parent, done = int(announced), os.getppid(), threading.Event()

    def watch() -> None:
        while not _is_gone(run, parent):
            if done.wait(_LOOK_S):
                return
        logging.getLogger("spallmap").error("%s: its run was killed, so it ends too; run again", what)
        # at once, whatever the other threads do
        os._exit(1)

    watcher = threading.Thread(target=watch, name="parent run", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
