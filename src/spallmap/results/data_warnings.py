"""What was odd in an acquisition's files, kept beside its results."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path

from spallmap.errors import DataWarning
from spallmap.results.tables import read_json, write_json

WARNINGS = "warnings.json"


def write_warnings(path: Path | str, warnings: Iterable[DataWarning]) -> None:
    """Write what was odd, and say it in the job's log.

    Parameters
    ----------
    path : Path or str
        The JSON file; written whole or not at all.
    warnings : iterable of DataWarning
        In the order in which they are told.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_warnings(Path(folder, "warnings.json"), [DataWarning("a.tif", "two sizes", "one is used")])
    ...     read_warnings(Path(folder, "warnings.json"))
    (DataWarning(source_label='a.tif', found='two sizes', advice='one is used'),)
    """
    odd = list(warnings)
    for warning in odd:
        logging.getLogger("spallmap").warning("%s", warning)
    write_json(path, {"warnings": [warning.as_dict() for warning in odd]})


def read_warnings(path: Path | str) -> tuple[DataWarning, ...]:
    """Read what was odd.

    Parameters
    ----------
    path : Path or str
        As written by :func:`write_warnings`.

    Returns
    -------
    tuple of DataWarning
        In the order in which they were written.

    Raises
    ------
    InputError
        If the file is no such JSON.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_warnings(Path(folder, "warnings.json"), [])
    ...     read_warnings(Path(folder, "warnings.json"))
    ()
    """
    return tuple(DataWarning(**entry) for entry in read_json(path)["warnings"])
