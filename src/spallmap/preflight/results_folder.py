"""The folder that results go to, before anything is written."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from spallmap.acquisitions import Acquisition
from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable
from spallmap.user_files.plain_text import is_there, shown

_LABEL = "configuration, key 'results'"
_ALLOWED = "a folder that exists or can be made, and that you may write to"
# A path of the system ends at 4 096 bytes. Snakemake notes each result under its path in base64, a third
# longer, below its own folder, and a result's path adds some 300: 4 000 bytes ended in tracebacks.
_LONGEST_BYTES = 2500


def check_results_folder(results: str, acquisitions: Iterable[Acquisition]) -> str:
    """Check where results would go.

    Parameters
    ----------
    results : str
        The configuration's ``results``.
    acquisitions : iterable of Acquisition
        The table, whose files must not be written to.

    Returns
    -------
    str
        The same folder, written the shortest way.

    Raises
    ------
    InputError
        For a name that the workflow cannot handle, a file, a folder that may not be written to or that an
        earlier run has made for another user, the inside of an acquisition's folder, or an acquisition that
        lies where results would be written.

    Examples
    --------
    >>> check_results_folder("./results/", [])
    'results'
    >>> check_results_folder("results-{a}", [])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: configuration, key 'results': found 'results-{a}'; allowed: a path without ...
    """
    if any(c in results for c in "{}") or not results.isprintable():
        raise InputError(_LABEL, shown(results), "a path without braces and line breaks")
    if "://" in results:
        raise InputError(_LABEL, shown(results), "a folder on this machine, not an address")
    if any(part.startswith("~") or "$" in part for part in Path(results).parts):
        raise InputError(_LABEL, shown(results), "the whole path: '~' and variables are not replaced")
    short = os.path.normpath(results)
    if short == os.sep:
        raise InputError(_LABEL, shown(results), "another folder than the root of all files")
    folder = Path(short)
    if (length := len(os.fsencode(folder.absolute()))) > _LONGEST_BYTES:
        found = f"{shown(results)}, a whole path of {length} bytes"
        raise InputError(_LABEL, found, f"at most {_LONGEST_BYTES} bytes: a folder that is less deep")
    _check_writable(folder)
    # the workflow's own notes, in the working directory; then what another user's run may have made
    _check_owned(Path(".snakemake"), "the working directory")
    _check_owned(folder / "logs", _LABEL)
    # as the system sees it: a link to a raw folder is that folder
    real = os.path.realpath(folder)
    for acquisition in acquisitions:
        raw = os.path.realpath(acquisition.file)
        if raw == real or real.startswith(raw + os.sep):
            found = (
                f"{shown(results)}, which is or lies inside {acquisition.file} ({acquisition.source_label})"
            )
            raise InputError(_LABEL, found, "a folder outside what the instruments wrote")
        written = os.path.join(real, acquisition.id)  # noqa: PTH118 (Path is slow for so many)
        if raw == written or raw.startswith(written + os.sep):
            found = f"{acquisition.file}, in the folder that this acquisition's results are written to"
            raise InputError(acquisition.column("path"), found, "a file outside the results")
        _check_owned(Path(written), _LABEL)
    return short


def _check_writable(folder: Path) -> None:
    existing = folder
    while not is_there(existing, _ALLOWED) and existing != existing.parent:
        existing = existing.parent
    check_readable(existing, _ALLOWED)
    if not existing.is_dir():
        raise InputError(_LABEL, f"{existing}, a file", _ALLOWED)
    if not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(_LABEL, f"{existing}, which you may not write to", _ALLOWED)


def _check_owned(folder: Path, label: str) -> None:
    """See that what an earlier run made can be replaced, where there was one."""
    if not os.access(folder, os.W_OK | os.X_OK) and os.path.lexists(folder):
        found = f"{folder} of an earlier run, which you may not write to"
        raise InputError(label, found, "a folder that is yours: ask for the rights, or use another one")
