"""What a failed job said, from its log."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from spallmap.jobs import FAILURE

# A log of a job has some hundred lines; what went wrong stands at its end.
_LAST_BYTES = 1 << 16


def said_by(logs: Iterable[str]) -> list[str]:
    """Collect what went wrong from the logs of a job.

    Parameters
    ----------
    logs : iterable of str
        Paths, as Snakemake names them.

    Returns
    -------
    list of str
        One line for each error; nothing where the job died without a word.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     log = Path(folder, "t2.log")
    ...     _ = log.write_text("2026-01-01 00:00:00,000 ERROR a/shorted/mri-b: 2dseq: found 12 bytes")
    ...     said_by([str(log), "nowhere.log"])
    ['a/shorted/mri-b: 2dseq: found 12 bytes']
    """
    said = []
    for log in logs:
        for line in _last_lines(Path(log)):
            if f" {FAILURE} " in line:
                said.append(line.split(f" {FAILURE} ", 1)[1])
    return said


def _last_lines(log: Path) -> list[str]:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - _LAST_BYTES))
            return stream.read().decode("utf-8", errors="replace").splitlines()
    except OSError:
        # no log: the job died before it could write one
        return []
