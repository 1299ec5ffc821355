"""The terminal: lines that stay, and below them one line that is written again and again.

Jobs write to the same terminal and would write into that line. So the file descriptor of the standard error
becomes a pipe, and what comes out of it is shown above.
"""

from __future__ import annotations

import io
import logging
import logging.handlers
import os
import select
import shutil
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from snakemake_logger_plugin_spallmap.story import Story

# Marks a line that did not come from Snakemake among its messages.
FOREIGN = "foreign_line"
_STDERR = 2
# A second hand that moves in less is restless; in more, it seems to stand still.
_EVERY_S = 0.5
# How long the message of a failed job waits for what the job wrote last; it is there in milliseconds.
_PATIENCE_S = 0.5
# What comes after the last writer has gone is there at once.
_LAST_WORDS_S = 0.05
_CLEAR = "\r\x1b[K"


class Screen:
    r"""The terminal, or the file that stands for it.

    Parameters
    ----------
    stream : text stream
        Standard output or standard error.
    takes_over : bool
        Whether what others write to the standard error passes through here.

    Examples
    --------
    >>> out = io.StringIO()
    >>> screen = Screen(out, takes_over=False)
    >>> screen.line("3 of 12 done")
    >>> out.getvalue()
    '3 of 12 done\n'
    """

    def __init__(self, stream: TextIO, takes_over: bool) -> None:
        self._lock = threading.RLock()
        self._story: Story | None = None
        self._stop = threading.Event()
        self._at_rest = threading.Event()
        self._threads: list[threading.Thread] = []
        self._live = ""
        self._pipe: int | None = None
        self._queue: Any = None
        self._saved: int | None = None
        self._stream = stream
        self.is_terminal = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        if takes_over and _descriptor(stream) == _STDERR:
            self._take_over()

    def _take_over(self) -> None:
        self._stream.flush()
        self._saved = os.dup(_STDERR)
        self._pipe, writing = os.pipe()
        os.dup2(writing, _STDERR)
        os.close(writing)
        self._stream = io.TextIOWrapper(
            os.fdopen(os.dup(self._saved), "wb"), encoding="utf-8", errors="replace", line_buffering=True
        )

    def open(self, story: Story) -> None:
        """Begin to show how things stand, and what others write."""
        self._story = story
        self._queue = _queue()
        if self._pipe is not None:
            self._threads.append(threading.Thread(target=self._listen, name="screen-pipe", daemon=True))
        self._threads.append(threading.Thread(target=self._beat, name="screen-clock", daemon=True))
        for thread in self._threads:
            thread.start()

    @property
    def width(self) -> int:
        """Number of columns."""
        try:
            own = os.get_terminal_size(self._stream.fileno()).columns
        except (OSError, ValueError):
            # no terminal
            own = 0
        return own or shutil.get_terminal_size((100, 24)).columns

    def line(self, text: str) -> None:
        """Write lines that stay."""
        with self._lock:
            self._write(f"{_CLEAR if self._live else ''}{text}\n")
            self._live = ""
        self.refresh()

    def refresh(self) -> None:
        """Write the living line again."""
        if not self.is_terminal or self._story is None or self._stop.is_set():
            return
        with self._lock:
            status = self._story.status(self.width - 1)
            if status != self._live:
                self._write(f"{_CLEAR}{status}")
                self._live = status

    def _write(self, text: str) -> None:
        try:
            self._stream.write(text)
            self._stream.flush()
        except (BrokenPipeError, OSError, ValueError):
            # the terminal has been closed: the run goes on, and Snakemake's log has everything
            self.is_terminal = False

    def _beat(self) -> None:
        while not self._stop.wait(_EVERY_S):
            if self._story is not None:
                self._story.beat()
            self.refresh()

    def _listen(self) -> None:
        """Show what jobs, warnings and Snakemake's hooks write, line by line."""
        assert self._pipe is not None
        kept = b""
        while True:
            ready, _, _ = select.select([self._pipe], [], [], _LAST_WORDS_S)
            if not ready:
                self._at_rest.set()
                if self._stop.is_set():
                    break
                continue
            chunk = os.read(self._pipe, 65536)
            if not chunk:
                break
            *lines, kept = (kept + chunk).split(b"\n")
            self._foreign(lines)
        self._foreign([kept] if kept else [])
        self._at_rest.set()

    def _foreign(self, lines: Sequence[bytes]) -> None:
        """Pass lines on in their order among Snakemake's messages, but those at once that the story keeps."""
        for line in lines:
            text = line.decode("utf-8", errors="replace").rstrip("\r")
            if self._story is not None and self._story.keeps(text):
                continue
            if self._queue is None or self._stop.is_set():
                self.line(text)
            else:
                record = logging.LogRecord("terminal", logging.INFO, "", 0, text, None, None)
                setattr(record, FOREIGN, True)
                self._queue.put(record)

    def catch_up(self) -> None:
        """Wait until all is read that jobs have written so far."""
        if self._pipe is not None:
            self._at_rest.clear()
            self._at_rest.wait(_PATIENCE_S)

    def close(self) -> None:
        """Take the living line away, and give the standard error back."""
        if self._saved is not None:
            # whoever writes to it from here on writes to the terminal itself
            os.dup2(self._saved, _STDERR)
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._show_left_over()
        with self._lock:
            if self._live:
                self._write(_CLEAR)
                self._live = ""
        if self._saved is not None and self._pipe is not None:
            self._stream.close()
            os.close(self._saved)
            os.close(self._pipe)
            self._saved = self._pipe = None

    def _show_left_over(self) -> None:
        """Show lines that came when Snakemake had closed the queue already."""
        while self._queue is not None and not self._queue.empty():
            record = self._queue.get_nowait()
            if getattr(record, FOREIGN, False):
                self.line(record.msg)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        # a stream in memory, as tests have it
        return None


def _queue() -> Any:
    """Messages of Snakemake on their way to its loggers."""
    for handler in logging.getLogger("snakemake.logging").handlers:
        if isinstance(handler, logging.handlers.QueueHandler):
            return handler.queue
    return None
