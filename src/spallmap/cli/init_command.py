"""``spallmap init``: a table and a configuration to start from."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from spallmap.cli.folder_scan import Scan, scan_folder
from spallmap.cli.name_guesses import UNKNOWN, GuessedRow, guessed_rows
from spallmap.cli.plain_columns import WIDTH, aligned_columns, counted, shortened, wrapped
from spallmap.cli.recognised import Recognised
from spallmap.cli.recognised_files import NO_INSTRUMENT
from spallmap.cli.starter_files import (
    CONFIG,
    TABLE,
    check_free,
    config_text,
    path_in_table,
    table_text,
    write_new,
)
from spallmap.errors import InputError

# What fits on a screen beside the table; the rest is counted.
_MOST_UNKNOWN, _MOST_NOTES, _MOST_REMARKS = 12, 8, 30
_LONGEST_PATH, _LEAST_PATH = 44, 24
# A reader's reason may name every format that there is.
_LONGEST_REASON = 240


def init(folder: Path) -> int:
    """Look through a folder and write a table and a configuration.

    Parameters
    ----------
    folder : Path
        The folder.

    Returns
    -------
    int
        Exit status: 1 where nothing was found, and nothing written.

    Raises
    ------
    InputError
        If the folder cannot be read, or the files are there already.
    """
    into = _writable(folder)
    check_free(into)
    scan = scan_folder(folder)
    usable, refused = _sorted_out(scan.found, into)
    unknown = _grouped([*scan.unknown, *refused], folder)
    if not usable:
        lines = [f"No file of an instrument that can be read in {folder}; nothing is written."]
        sys.stdout.write("\n".join([*lines, *unknown, *_notes(scan)]) + "\n")
        return 1
    rows = guessed_rows(usable, folder)
    remarks = _remarks(rows)
    table, config = into / TABLE, into / CONFIG
    write_new(table, table_text(rows, into))
    said = [*remarks, *([""] if unknown else []), *unknown, *_notes(scan)]
    write_new(config, config_text(_short(table), _short(_results(rows, into, folder)), said))
    wide = [*_shown(rows, into), "", *(part for line in said for part in (wrapped(line) or [""]))]
    ending = [
        "",
        f"Written: {table} ({counted(len(rows), 'row')}) and {config}",
        "Look through the table, then:",
        f"  spallmap check {config}",
    ]
    sys.stdout.write("\n".join([*wide, *ending]) + "\n")
    return 0


def _writable(folder: Path) -> Path:
    """Give the folder itself, or the working directory where it may not be written to."""
    return folder if not folder.is_dir() or os.access(folder, os.W_OK | os.X_OK) else Path()


def _short(path: Path) -> str:
    """Write a path relative to the working directory where it is below it."""
    whole, here = path.absolute(), Path.cwd()
    return str(whole.relative_to(here)) if whole.is_relative_to(here) else str(whole)


def _results(rows: Sequence[GuessedRow], into: Path, folder: Path) -> Path:
    """Choose the results' folder: beside the table, but never in an acquisition's own folder."""
    if any(row.found.path == folder for row in rows) and into == folder:
        return folder.absolute().parent / f"{folder.absolute().name}-results"
    return into / "results"


def _sorted_out(found: Iterable[Recognised], into: Path) -> tuple[list[Recognised], list[tuple[Path, str]]]:
    """Leave out what cannot be a row: scans that cannot be read, single echoes, names no table can hold."""
    usable, refused = [], []
    for own in found:
        try:
            path_in_table(own.path, into)
        except InputError as error:
            refused.append((own.path, f"found {error.found}; allowed: {error.allowed}"))
            continue
        if own.info is None:
            refused.append((own.path, own.why))
        elif own.modality == "mri" and own.n_echoes < 2:
            refused.append((own.path, "one echo time alone: a T2 needs two and more"))
        else:
            usable.append(own)
    return usable, refused


def _shown(rows: Sequence[GuessedRow], into: Path) -> list[str]:
    table: list[tuple[str, ...]] = [("row", "cell", "state", "modality", "name", "pixel um")]
    for number, row in enumerate(rows, 1):
        spacing = row.found.info.spacing_um if row.found.info else None
        size = "?" if spacing is None else "x".join(f"{s:.4g}" for s in dict.fromkeys(spacing))
        table.append((str(number), row.cell, row.state, row.found.modality, row.name, size))
    room = max(_LEAST_PATH, WIDTH - 2 - max(map(len, aligned_columns(table, right=[0]))))
    paths = ["path", *(shortened(path_in_table(row.found.path, into), room) for row in rows)]
    with_paths = [(*values, path) for values, path in zip(table, paths, strict=True)]
    return aligned_columns(with_paths, right=[0])


def _remarks(rows: Sequence[GuessedRow]) -> list[str]:
    """Say what is a guess and what is left open, rows that are alike together."""
    remarks = ["Guessed from the names of folders and files: cell, state and name of every row."]
    about: list[tuple[str, list[int]]] = [
        (
            "left open: spacing_um, since the files have no pixel size: write it into the table, in um",
            [n for n, row in _numbered(rows) if row.found.info and row.found.info.spacing_um is None],
        ),
        (
            f"not known: the state. Write pristine, shorted or another word for '{UNKNOWN}'",
            [n for n, row in _numbered(rows) if row.state == UNKNOWN],
        ),
        (
            "a guess: the state; no name says one, and a section is cut when all else is done",
            [n for n, row in _numbered(rows) if "state" in row.guesses and row.state != UNKNOWN],
        ),
        (
            "a guess: that it lies within the SEM image in column within; empty it where it does not",
            [n for n, row in _numbered(rows) if "within" in row.guesses],
        ),
        (
            "a guess: the modality; it is a plain file that could show anything",
            [n for n, row in _numbered(rows) if row.found.is_guess],
        ),
        (
            "a guess: axes z,y,x for an MRI of several slices",
            [n for n, row in _numbered(rows) if row.axes],
        ),
        (
            "left to its default: axes (mri z,y; sem -z,r). See config/README.md, and write others where the "
            "image lies otherwise",
            [
                n
                for n, row in _numbered(rows)
                if row.found.modality in ("mri", "sem", "edx") and not row.axes and not row.within
            ],
        ),
    ]
    remarks += [f"{_rows_named(numbers)}: {words}" for words, numbers in about if numbers]
    return remarks


def _numbered(rows: Sequence[GuessedRow]) -> list[tuple[int, GuessedRow]]:
    return list(enumerate(rows, 1))


def _rows_named(numbers: Sequence[int]) -> str:
    """Write rows as people do: 1 to 3, 7."""
    spans: list[tuple[int, int]] = []
    for n in numbers:
        if spans and spans[-1][1] == n - 1:
            spans[-1] = (spans[-1][0], n)
        else:
            spans.append((n, n))
    words = [f"{a}" if a == b else f"{a} to {b}" if b > a + 1 else f"{a}, {b}" for a, b in spans]
    shown = ", ".join(words[:_MOST_REMARKS]) + (", ..." if len(words) > _MOST_REMARKS else "")
    return f"row{'' if len(numbers) == 1 else 's'} {shown}"


def _grouped(unknown: Sequence[tuple[Path, str]], folder: Path) -> list[str]:
    """Say which files are not in the table and why, those of one ending and reason together."""
    if not unknown:
        return []
    kinds: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], Path] = {}
    for path, why in unknown:
        kind = ("" if path.is_dir() else path.suffix.lower(), why)
        kinds[kind] += 1
        first.setdefault(kind, path)
    lines = [f"Not in the table: {len(unknown)} of the files and folders"]
    # a scan that could not be read matters more than a hundred notes
    ranked = sorted(kinds.items(), key=lambda item: (item[0][1] == NO_INSTRUMENT, -item[1]))
    for kind, number in ranked[:_MOST_UNKNOWN]:
        name = shortened(os.path.relpath(first[kind], folder), _LONGEST_PATH)
        more = f" and {number - 1} more" if number > 1 else ""
        reason = kind[1] if len(kind[1]) <= _LONGEST_REASON else f"{kind[1][:_LONGEST_REASON]}..."
        lines.append(f"  {name}{more}: {reason}")
    if len(ranked) > _MOST_UNKNOWN:
        lines.append(f"  and {sum(number for _, number in ranked[_MOST_UNKNOWN:])} others")
    return lines


def _notes(scan: Scan) -> list[str]:
    more = len(scan.notes) - _MOST_NOTES
    return [*scan.notes[:_MOST_NOTES], *([f"and {more} more of this kind"] if more > 0 else [])]
