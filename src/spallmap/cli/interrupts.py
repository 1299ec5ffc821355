"""Ctrl-C: jobs are ended without a word, Snakemake cleans up, and nobody sees a traceback.

A terminal sends Ctrl-C to every process of a run at once, and each Python among them answers with a
traceback. Here the signal is blocked, in the jobs too, which inherit that, and one thread waits for it:
it interrupts Snakemake, and ends the jobs.
"""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType

# Set from Ctrl-C to the end of the process: what the run says of jobs that end then is no failure.
_STOPPING = threading.Event()
# Any signal that interrupts a system call would do, and Snakemake has handlers for none but SIGTERM.
_WAKE = signal.SIGUSR1
# Between two looks for jobs that are still there. A run of Snakemake ends within a second of its last job.
_EVERY_S = 0.2
# Results are written beside their target and renamed, so that a job that is killed loses nothing but time;
# one that does not end at SIGTERM by then is deep in compiled code.
_PATIENCE_S = 5.0
# Commands of a cluster that Snakemake runs itself; one of them may be cancelling the jobs just then.
_CLUSTER = ("sbatch", "scancel", "squeue", "sacct", "scontrol", "sinfo")


def is_stopping() -> bool:
    """Whether the user has stopped the run of this process.

    Returns
    -------
    bool
        True from Ctrl-C on.

    Examples
    --------
    >>> is_stopping()
    False
    """
    return _STOPPING.is_set()


class Interrupts:
    """Answers Ctrl-C inside its block, which must be entered on the main thread.

    Attributes
    ----------
    stopped : bool
        Whether there was one.

    Examples
    --------
    >>> with Interrupts() as interrupts:
    ...     pass
    >>> interrupts.stopped
    False
    """

    def __init__(self) -> None:
        self.stopped = False
        self._done = threading.Event()
        self._main = threading.main_thread().ident
        self._thread = threading.Thread(target=self._wait, name="interrupts", daemon=True)

    def __enter__(self) -> Interrupts:
        self._handler = signal.signal(_WAKE, _interrupt)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        signal.signal(_WAKE, self._handler)

    def _wait(self) -> None:
        while not self._done.is_set():
            if signal.sigtimedwait({signal.SIGINT}, _EVERY_S) is not None:
                self._stop()

    def _stop(self) -> None:
        """Interrupt Snakemake, and end its jobs until it has ended itself."""
        self.stopped = True
        _STOPPING.set()
        signal.pthread_kill(self._main or 0, _WAKE)
        end = time.monotonic() + _PATIENCE_S
        # Snakemake stops starting jobs before the first of them ends
        while not self._done.wait(_EVERY_S):
            impatient = signal.sigtimedwait({signal.SIGINT}, 0) is not None
            _end_jobs(kill=impatient or time.monotonic() > end)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _end_jobs(kill: bool) -> None:
    """End every process below this one, the outer ones first: a shell whose command ends would say so."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        try:
            if not any(name in " ".join(process.cmdline()) for name in _CLUSTER):
                process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        except psutil.NoSuchProcess:
            # it has ended meanwhile, which is what was wanted
            continue
