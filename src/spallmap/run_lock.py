"""One run at a time writes to a results folder, whatever folder it was started in."""

from __future__ import annotations

import errno
import fcntl
import os
import platform
import time
from pathlib import Path
from typing import TextIO

from spallmap.errors import InputError

# Beside the logs: it names the run, and is no result.
LOCK = Path("logs", "run.lock")
# What file systems say that cannot lock.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL})


def lock_results(results: str) -> TextIO | None:
    """Keep other runs out of a results folder for as long as this process lives.

    Snakemake's own lock holds in one working directory; a run from elsewhere would write the same files.
    The system frees this lock when the process ends, however it ends, so it is never stale.

    Parameters
    ----------
    results : str
        The results folder.

    Returns
    -------
    TextIO or None
        To be kept: the lock is free when it is closed. None where the file system has no locks.

    Raises
    ------
    InputError
        If another run writes to the folder; says which.
    OSError
        If the lock's file cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder, lock_results(folder):
    ...     lock_results(folder)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: configuration, key 'results': found '/...', which another run writes to (...
    """
    path = Path(results, LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        stream.seek(0)
        holder = stream.read().strip()
        stream.close()
        if error.errno in _NO_LOCKS:
            return None
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        found = f"{results!r}, which another run writes to ({holder})"
        allowed = "a folder that no other run writes to: wait for that run, end it, or name another folder"
        raise InputError("configuration, key 'results'", found, allowed) from None
    stream.truncate(0)
    started = time.strftime("%Y-%m-%d %H:%M:%S")
    stream.write(f"process {os.getpid()} on {platform.node()}, started {started} in {Path.cwd()}\n")
    stream.flush()
    return stream
