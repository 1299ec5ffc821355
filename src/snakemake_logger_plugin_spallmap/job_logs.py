"""Which log of a job says why it failed."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from spallmap.jobs import FAILURE

# A log of a job has some hundred lines; what went wrong stands at its end.
_LAST_BYTES = 1 << 16
# Some file systems store whole seconds.
_SECOND = 1.0


def log_of_run(logs: Iterable[str], since: float, with_error: bool = False) -> Path | None:
    """Find the log that a job wrote in this run.

    Parameters
    ----------
    logs : iterable of str
        Paths, as Snakemake names them.
    since : float
        When the run began, in seconds since 1970; older logs are those of earlier runs.
    with_error : bool
        Whether it has to hold an error.

    Returns
    -------
    Path or None
        The first one; None where the job died before it wrote one.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "t2.log")
    ...     _ = log.write_text("2026-01-01 00:00:00,000 ERROR a/shorted/mri-b: 2dseq: found 12 bytes")
    ...     log_of_run(["nowhere.log", str(log)], 0.0, with_error=True) == log
    True
    """
    for name in logs:
        log = Path(name)
        try:
            status = log.stat()
            if status.st_size and status.st_mtime >= since - _SECOND and (not with_error or _has_error(log)):
                return log
        except OSError:
            # no log: the job died before it could write one
            continue
    return None


def _has_error(log: Path) -> bool:
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - _LAST_BYTES))
        return f" {FAILURE} ".encode() in stream.read()
