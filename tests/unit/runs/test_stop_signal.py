"""A handler that waits for a lock does not wait for the thread that it interrupted."""

from __future__ import annotations

import signal
import threading

import pytest

from spallmap.runs import answer_in_a_thread


@pytest.fixture(autouse=True)
def restored():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_handler_gets_a_lock_that_the_main_thread_holds_when_the_signal_comes():
    lock, answered, seen = threading.Lock(), threading.Event(), []

    def handler(number, _frame):
        # in the main thread this would never succeed
        if lock.acquire(timeout=20.0):
            seen.append((number, threading.current_thread() is threading.main_thread()))
            lock.release()
        answered.set()

    signal.signal(signal.SIGTERM, handler)
    answer_in_a_thread(signal.SIGTERM)
    with lock:
        signal.raise_signal(signal.SIGTERM)
        assert not answered.is_set()
    assert answered.wait(20.0)
    assert seen == [(signal.SIGTERM, False)]


def test_a_signal_that_no_function_handles_stays_as_it_is():
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    answer_in_a_thread(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
