"""A request to stop that comes while the main thread is at work."""

from __future__ import annotations

import signal
import threading
from types import FrameType


def answer_in_a_thread(number: signal.Signals) -> None:
    """Let the present handler of a signal do its work in a thread of its own.

    Python runs handlers in the main thread, between any two of its steps. Snakemake's handler of SIGTERM
    waits for the scheduler's lock; where the main thread held it just then, it would wait for itself, and the
    run for ever.

    Parameters
    ----------
    number : signal.Signals
        The signal. Nothing is changed where no function handles it.

    Raises
    ------
    ValueError
        If this is not the main thread.

    Examples
    --------
    >>> import time
    >>> lock, answered = threading.Lock(), threading.Event()
    >>> def handler(_number, _frame):
    ...     with lock:
    ...         answered.set()
    >>> before = signal.signal(signal.SIGTERM, handler)
    >>> answer_in_a_thread(signal.SIGTERM)
    >>> with lock:
    ...     signal.raise_signal(signal.SIGTERM)
    >>> answered.wait(10.0)
    True
    >>> _ = signal.signal(signal.SIGTERM, before)
    """
    handler = signal.getsignal(number)
    if not callable(handler):
        return
    answer = handler

    def begin(found: int, frame: FrameType | None) -> None:
        threading.Thread(target=answer, args=(found, frame), name="stop", daemon=True).start()

    signal.signal(number, begin)
