"""Paths in the table: relative to its own folder, on this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

from spallmap.errors import InputError
from spallmap.readers.dataset_path import split_dataset
from spallmap.user_files.plain_text import shown

# A scheme of at least two letters: one letter is a Windows drive.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WINDOWS = re.compile(r"(^|/)[A-Za-z]:[\\/]|\\\\")
_VARIABLE = re.compile(r"\$\w|\$\{|%\w+%")
# What Snakemake takes for a wildcard wherever it reads the name of a file.
_WILDCARD = re.compile(r"\{\s*\w+\s*(,[^{}]*(\{[^{}]*\}[^{}]*)*)?\}")


class TablePaths:
    """What the paths in a table point to, as short as the working directory allows.

    Links are kept as they are named, except where the path goes up from one (``..``).

    Parameters
    ----------
    folder : Path
        The table's folder.

    Examples
    --------
    >>> TablePaths(Path("config")).local("row 1", "../raw/a.nxs:/entry/data").as_posix()
    'raw/a.nxs:/entry/data'
    >>> TablePaths(Path("config")).local("row 1", "s3://bucket/a.tif")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: row 1: found an address, 's3://bucket/a.tif'; allowed: a file or folder on ...
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._working = Path.cwd()
        self._above: dict[str, Path] = {}

    def local(self, source_label: str, text: str) -> Path:
        """Say which file or folder a path in the table means.

        Parameters
        ----------
        source_label : str
            Table, row and column, for the message.
        text : str
            The path as it stands in the table.

        Returns
        -------
        Path
            Relative to the working directory where it is below it, else absolute.

        Raises
        ------
        InputError
            For the address of something that is not on this machine, a loop of links, or a name that the
            workflow cannot handle.
        """
        if _ADDRESS.match(text):
            raise InputError(
                source_label, f"an address, {shown(text)}", "a file or folder on this machine: fetch it first"
            )
        check_no_wildcard(source_label, text)
        file, dataset = split_dataset(os.path.join(self._folder, text))  # noqa: PTH118 (Path drops "./")
        found = self._without_up(source_label, file)
        found = self._working / found
        if found.is_relative_to(self._working):
            found = found.relative_to(self._working)
        return found if dataset is None else Path(f"{found}:{dataset}")

    def _without_up(self, source_label: str, file: Path) -> Path:
        """Resolve a path up to its last ``..``, since a link's parent is not the parent of its target."""
        parts = file.parts
        if ".." not in parts:
            return file
        after = len(parts) - parts[::-1].index("..")
        head = str(Path(*parts[:after]))
        if head not in self._above:
            try:
                self._above[head] = Path(head).resolve()
            except (OSError, RuntimeError) as error:
                raise InputError(
                    source_label, f"{shown(str(file))}: {error}", "a file or folder that exists"
                ) from error
        return self._above[head].joinpath(*parts[after:])


def check_no_wildcard(source_label: str, name: str) -> None:
    """Refuse a name that the workflow would take for a pattern.

    Parameters
    ----------
    source_label : str
        Where the name stands, for the message.
    name : str
        The path.

    Raises
    ------
    InputError
        If it holds a word in braces.

    Examples
    --------
    >>> check_no_wildcard("row 1", "scan-{1..3}.tif")
    >>> check_no_wildcard("row 1", "scan-{a}.tif")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: row 1: found {a} in 'scan-{a}.tif', which Snakemake takes for a wildcard; ...
    """
    match = _WILDCARD.search(name)
    if match:
        raise InputError(
            source_label,
            f"{match.group()} in {shown(name)}, which Snakemake takes for a wildcard",
            "a path without a word in braces: rename it, or make a link with another name and use that",
        )


def missing_file(source_label: str, file: Path) -> InputError:
    """Say that a file does not exist, and what may be the cause.

    Parameters
    ----------
    source_label : str
        Table, row and column.
    file : Path
        What is not there.

    Returns
    -------
    InputError
        To be raised.

    Examples
    --------
    >>> print(missing_file("row 1", Path("~/a.tif")))  # doctest: +ELLIPSIS
    row 1: found no file or folder ~/a.tif ('~' is not replaced by a home folder); allowed: an existing ...
    """
    text = str(file)
    hint = ""
    if any(part.startswith("~") for part in file.parts):
        hint = " ('~' is not replaced by a home folder)"
    elif _VARIABLE.search(text):
        hint = " (variables are not replaced by their values)"
    elif _WINDOWS.search(text) or "\\" in text:
        hint = " (a path of Windows; folders are separated by '/' here)"
    elif similar := _similar(file):
        hint = f" (there is {shown(similar)})"
    found = text if shown(text) == repr(text) else shown(text)
    return InputError(
        source_label,
        f"no file or folder {found}{hint}",
        "an existing file or folder, relative to the table's own folder",
    )


def _similar(file: Path) -> str | None:
    """Name in the same folder that differs in case, white space or the composition of letters alone."""
    import unicodedata

    def plain(name: str) -> str:
        return "".join(unicodedata.normalize("NFKC", name).casefold().split())

    try:
        names = sorted(os.listdir(file.parent))  # noqa: PTH208 (a folder of 100 000 files)
    except (OSError, ValueError):
        # no such folder either: there is no name to suggest
        return None
    return next((name for name in names if plain(name) == plain(file.name)), None)
