"""A walk through a folder of instruments' files, with bounds."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spallmap.cli.recognised import Recognised, whole_folder, whole_series
from spallmap.cli.recognised_files import single_files
from spallmap.errors import InputError

# DICOM exports nest by patient, study, series and date; nobody nests deeper by hand.
_DEEPEST = 12
# A tomogram of 4 000 slices a cell, and 25 cells of that kind; a walk through as many takes seconds.
_MOST_ENTRIES = 100_000
# Opening a file takes milliseconds, a slow one over a network a tenth of a second.
_MOST_FOUND = 2_000
# What marks a folder as results of a run, or as Snakemake's own.
_RESULTS_MARKS = ("provenance.json", "logs")
_SKIPPED_NAMES = frozenset({"__pycache__", "node_modules", "$RECYCLE.BIN", "System Volume Information"})


@dataclass
class Scan:
    """What a walk found.

    Parameters
    ----------
    found : list of Recognised
        Acquisitions, in the order of the folders.
    unknown : list of (Path, str)
        Files that are none, each with the reason.
    notes : list of str
        What was not looked at, and why.
    """

    found: list[Recognised] = field(default_factory=list)
    unknown: list[tuple[Path, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scan_folder(folder: Path) -> Scan:
    """Look through a folder for acquisitions.

    Links to folders are followed, each folder once; a link upwards is not.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    Scan
        What was found.

    Raises
    ------
    InputError
        If the folder itself cannot be listed.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     _ = Path(name, "notes.txt").write_text("made on Monday")
    ...     scan = scan_folder(Path(name))
    >>> scan.found, [(path.name, reason) for path, reason in scan.unknown]
    ([], [('notes.txt', 'no file of an instrument')])
    """
    if not folder.is_dir():
        raise InputError(str(folder), "no such folder" if not folder.exists() else "a file", "a folder")
    walk = _Walk(folder)
    walk.enter(folder, 0)
    return walk.scan


class _Walk:
    def __init__(self, folder: Path) -> None:
        self.scan = Scan()
        self._top = folder
        real = os.path.realpath(folder)
        self._above = {real, *map(str, Path(real).parents)}
        self._seen: set[str] = set()
        self._n_entries = 0
        self._full = False

    def enter(self, folder: Path, depth: int) -> None:
        """Look at a folder as a whole, then at its files, then at the folders in it."""
        if self._is_over(folder, depth):
            return
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 (a folder of 100 000 files)
        except OSError as error:
            if folder == self._top:
                raise InputError(
                    str(folder), error.strerror or str(error), "a folder you may read"
                ) from error
            self.scan.notes.append(f"{folder}: may not be read ({error.strerror})")
            return
        self._n_entries += len(names)
        paths = [folder / name for name in names if not name.startswith(".") and name not in _SKIPPED_NAMES]
        if folder != self._top and all((folder / mark).exists() for mark in _RESULTS_MARKS):
            self.scan.notes.append(f"{folder}: results of spallmap, left out")
            return
        whole = whole_folder(folder)
        if whole is not None:
            self._keep([whole])
            return
        folders, files = self._sorted_out(paths)
        found, unknown = single_files(folder, files)
        self.scan.unknown += unknown
        first = len(self.scan.found)
        self._keep(found)
        for inner in folders:
            self.enter(inner, depth + 1)
        self._join_echoes(folder, folders, first)

    def _is_over(self, folder: Path, depth: int) -> bool:
        real = os.path.realpath(folder)
        if real in self._seen:
            return True
        self._seen.add(real)
        if self._full:
            return True
        if depth > _DEEPEST:
            self.scan.notes.append(f"{folder}: more than {_DEEPEST} folders deep, not looked at")
            return True
        if self._n_entries > _MOST_ENTRIES or len(self.scan.found) >= _MOST_FOUND:
            self._full = True
            self.scan.notes.append(
                f"{folder} and what comes after it: not looked at, after {self._n_entries} files and "
                f"{len(self.scan.found)} acquisitions; run it on a folder in it"
            )
            return True
        return False

    def _sorted_out(self, paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
        """Separate folders from files; links that lead nowhere or upwards are said."""
        folders, files = [], []
        # what a link leads to is called by its own name where it has one here
        for path in sorted(paths, key=lambda path: path.is_symlink()):
            if path.is_symlink():
                real = os.path.realpath(path)
                if not path.exists():
                    self.scan.unknown.append((path, "a link to nothing"))
                    continue
                if real in self._above or (path.is_dir() and real in self._seen):
                    self.scan.notes.append(f"{path}: a link to {real}, which is looked at already")
                    continue
            if path.is_dir():
                folders.append(path)
            elif path.is_file():
                files.append(path)
            else:
                self.scan.unknown.append((path, "no ordinary file"))
        return folders, files

    def _keep(self, found: Sequence[Recognised]) -> None:
        self.scan.found += found

    def _join_echoes(self, folder: Path, folders: Sequence[Path], first: int) -> None:
        """Take folders with one echo each for one acquisition, where their reader does."""
        inside = self.scan.found[first:]
        single = [f for f in inside if f.n_echoes == 1 and f.path.parent == folder]
        if len(single) > 1 and len(single) == len(inside) == len(folders):
            joined = whole_series(folder)
            if joined is not None:
                self.scan.found[first:] = [joined]
