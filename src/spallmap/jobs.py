"""The one place that logs: a script has its log file, and a failure ends it with one clear line."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from threadpoolctl import threadpool_limits

from spallmap.errors import SpallmapError
from spallmap.parent_run import ending_with_run

FAILURE = "ERROR"
# What the system says where results cannot be written, which is no fault of the program.
_NO_PLACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG})
# Linear algebra adds in another order on another number of threads: evidence numbers differed by 1e-14
# between runs on one core and on two. What is loaded is limited; these hold for what is loaded later.
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_FORMAT = "%(asctime)s %(levelname)s %(message)s"


class _LogFile(logging.FileHandler):
    """A log on a disk that may get full: the job goes on, and says so if its results find no room either."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)

    def close(self) -> None:
        """Close it, though the last lines may have found no room."""
        with suppress(OSError):
            super().close()


def _open_log(path: Path) -> _LogFile:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = _LogFile(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter(_FORMAT))
    return handler


def _end_without_room(what: str, error: OSError, logger: logging.Logger | None = None) -> NoReturn:
    """Say that results cannot be written, in the log if there is one and on the standard error."""
    where = f"{error.filename}: " if error.filename else ""
    words = f"{where}{error.strerror}; nothing half-written is kept: make room or give rights, and run again"
    if logger is not None:
        logger.error("%s: %s", what, words)
    sys.stderr.write(f"{FAILURE} {what}: {words}\n")
    raise SystemExit(1) from error


@contextmanager
def _same_sums() -> Iterator[None]:
    """Keep linear algebra on one thread, so that its sums do not depend on how many a job was given."""
    before = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        with threadpool_limits(limits=1):
            yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def job(what: str, log: str | Path) -> Iterator[logging.Logger]:
    """Run the body of a script with its log.

    Linear algebra runs on one thread inside: results do not depend on the number of threads that a job has. A
    script's own threads work on parts whose results do not depend on each other.

    Parameters
    ----------
    what : str
        Cell, state and acquisition, or whatever else says to a person which job this is.
    log : str or Path
        The log file; made anew.

    Yields
    ------
    logging.Logger
        Writes to the log file.

    Raises
    ------
    SystemExit
        With status 1 when an input cannot be used, or results cannot be written for want of room or rights;
        the log's last line and the standard error then say why. With status 130 after Ctrl-C.
        Any other exception is logged with its traceback and raised again.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "t2.log")
    ...     with job("a/shorted/mri-b", log) as logger:
    ...         logger.info("%d pixels", 12)
    ...     [line.split(" ", 2)[2] for line in log.read_text().splitlines()]
    ['INFO start: a/shorted/mri-b', 'INFO 12 pixels', 'INFO done: a/shorted/mri-b']
    """
    try:
        handler = _open_log(Path(log))
    except OSError as error:
        _end_without_room(what, error)
    root = logging.getLogger()
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    logger = logging.getLogger("spallmap")
    logger.info("start: %s", what)
    try:
        with ending_with_run(what), _same_sums():
            yield logger
        logger.info("done: %s", what)
    except SpallmapError as error:
        logger.error("%s: %s", what, error)
        sys.stderr.write(f"{FAILURE} {what}: {error}\n")
        raise SystemExit(1) from error
    except OSError as error:
        if error.errno not in _NO_PLACE:
            logger.exception("%s: %s: %s", what, type(error).__name__, error)
            raise
        _end_without_room(what, error, logger)
    except KeyboardInterrupt:
        logger.error("%s: stopped by Ctrl-C", what)
        raise SystemExit(128 + signal.SIGINT) from None
    except Exception as error:
        logger.exception("%s: %s: %s", what, type(error).__name__, error)
        raise
    finally:
        root.removeHandler(handler)
        handler.close()
