"""Files that another file names: voxels beside a header, parts of a dataset, chunks of an array.

A header that came from elsewhere may name any file of the machine. What it names has to lie beside it or
below, after all symbolic links were followed; a file elsewhere can still be named in the table itself.
"""

from __future__ import annotations

import os
from pathlib import Path

from spallmap.errors import InputError
from spallmap.readers.checks.file_access import check_readable, reported

BESIDE = "a regular file beside the one that names it, or in a folder below"


def named_file(source_label: str, home: Path, name: str, allowed: str = BESIDE) -> Path:
    """Return the path of a file that another file names.

    Parameters
    ----------
    source_label : str
        The file that names it, and where in it, for messages.
    home : Path
        The file that names it; links to it are followed, so that a link to a header far away finds the
        voxels beside that header, too.
    name : str
        As it is written there.
    allowed : str
        What should be there, in words for the message.

    Returns
    -------
    Path
        The file, which exists and is a regular one.

    Raises
    ------
    InputError
        If it is missing, lies elsewhere, is no regular file (a folder, a pipe, a device), or may not be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(folder, "scan.raw").write_bytes(b"")
    ...     named_file("scan.mhd", Path(folder, "scan.mhd"), "scan.raw").name
    'scan.raw'
    >>> named_file("scan.mhd", Path("scan.mhd"), "/etc/passwd")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: scan.mhd: found a name '/etc/passwd' that leads out of its folder; ...
    """
    if not name or "\0" in name:
        raise InputError(source_label, f"a name {name!r}", allowed)
    beside = home.parent / name
    with reported(beside, allowed):
        path = beside if os.path.lexists(beside) else home.resolve().parent / name
        if not os.path.lexists(path):
            raise InputError(source_label, f"no file {beside}", allowed)
    check_within(source_label, path, (home.parent, home.resolve().parent), name, allowed)
    _check_regular(source_label, path, allowed)
    return path


def check_within(
    source_label: str, path: Path, folders: tuple[Path, ...], name: str, allowed: str = BESIDE
) -> None:
    """Refuse a path that leads out of the folders that it may lie in.

    Parameters
    ----------
    source_label : str
        The file that names it, and where in it, for messages.
    path : Path
        The file or folder, which exists.
    folders : tuple of Path
        Where it may lie, at any depth.
    name : str
        As it is written.
    allowed : str
        What should be there, in words for the message.

    Raises
    ------
    InputError
        If it lies elsewhere once all links were followed, or they go round in a circle.
    """
    with reported(path, allowed):
        try:
            real = path.resolve(strict=True)
        except (FileNotFoundError, RuntimeError) as error:  # pathlib reports a circle as RuntimeError
            raise InputError(
                source_label, f"a name {name!r} that is a link to nothing or to itself", allowed
            ) from error
    if not any(real.is_relative_to(folder.resolve()) for folder in folders):
        aim = "" if str(real) == name else f" (to {real})"
        raise InputError(source_label, f"a name {name!r} that leads out of its folder{aim}", allowed)


def _check_regular(source_label: str, path: Path, allowed: str) -> None:
    try:
        check_readable(path, allowed)
    except InputError as error:
        raise InputError(source_label, f"{error.found} at {path}", allowed) from error
    if path.is_dir():
        raise InputError(source_label, f"a folder at {path}", allowed)
