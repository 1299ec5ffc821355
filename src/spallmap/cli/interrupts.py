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
    """Answers Ctrl-C inside its block, which must be entered on the main thread, before others are started.

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
        self._wake_handler = signal.signal(_WAKE, self._interrupt)
        # a library's thread that was there before takes the signal where this one has it blocked
        self._handler = signal.signal(signal.SIGINT, self._interrupt)
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        # one that comes in the last moment must not end the process with a traceback
        while signal.sigtimedwait({signal.SIGINT}, 0) is not None:
            self.stopped = True
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        signal.signal(signal.SIGINT, self._handler)
        signal.signal(_WAKE, self._wake_handler)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
        _STOPPING.set()
        if not self._done.is_set():
            raise KeyboardInterrupt

    def _wait(self) -> None:
        while not self._done.is_set():
            if signal.sigtimedwait({signal.SIGINT}, _EVERY_S) is not None:
                _STOPPING.set()
                signal.pthread_kill(self._main or 0, _WAKE)
            if _STOPPING.is_set():
                self._end_jobs()

    def _end_jobs(self) -> None:
        """End the jobs until Snakemake, which starts no more of them, has ended itself."""
        end = time.monotonic() + _PATIENCE_S
        while not self._done.wait(_EVERY_S):
            impatient = signal.sigtimedwait({signal.SIGINT}, 0) is not None
            _signal_jobs(signal.SIGKILL if impatient or time.monotonic() > end else signal.SIGTERM)


def _signal_jobs(number: signal.Signals) -> None:
    """Signal every process below this one, outer ones first: a shell whose command ends would say so."""
    import psutil

    for process in psutil.Process().children(recursive=True):
        try:
            if not any(name in " ".join(process.cmdline()) for name in _CLUSTER):
                process.send_signal(number)
        except psutil.NoSuchProcess:
            # it has ended meanwhile, which is what was wanted
            continue
