"""The table and the configuration to start from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from spallmap.acquisitions.table_paths import check_no_wildcard
from spallmap.cli.name_guesses import GuessedRow
from spallmap.errors import InputError
from spallmap.user_files.plain_text import is_there

TABLE, CONFIG = "acquisitions.tsv", "config.yaml"
_COLUMNS = ("cell", "state", "modality", "name", "path", "spacing_um", "axes", "within", "landmarks")


def check_free(folder: Path) -> None:
    """Check that neither file is there.

    Parameters
    ----------
    folder : Path
        Where they are to be written.

    Raises
    ------
    InputError
        Naming the file that is.

    Examples
    --------
    >>> check_free(Path("nowhere"))
    """
    for name in (TABLE, CONFIG):
        if is_there(folder / name):
            raise InputError(
                str(folder / name),
                "a file that is there already, and nothing is written over it",
                "a folder without it: move or rename it first",
            )


def path_in_table(path: Path, folder: Path) -> str:
    """Write a path as the table has it.

    Parameters
    ----------
    path : Path
        An acquisition.
    folder : Path
        The table's folder.

    Returns
    -------
    str
        Relative to the table's folder where it is below it or beside it, else absolute.

    Raises
    ------
    InputError
        If no table can hold it: with a tab or a line break in it, or a word in braces.

    Examples
    --------
    >>> path_in_table(Path("/raw/c07/a.tif"), Path("/raw"))
    'c07/a.tif'
    """
    text = str(path)
    if not text.isprintable() or text != text.strip():
        raise InputError(repr(text), "a sign that a table cannot hold", "a name of letters: rename it")
    check_no_wildcard(text, text)
    inside = path.absolute().is_relative_to(folder.absolute())
    return os.path.relpath(path.absolute(), folder.absolute()) if inside else str(path.absolute())


def table_text(rows: Sequence[GuessedRow], folder: Path) -> str:
    """Write the table.

    Parameters
    ----------
    rows : sequence of GuessedRow
        Its rows.
    folder : Path
        The folder that it is for.

    Returns
    -------
    str
        Tab-separated lines.
    """
    lines = ["\t".join(_COLUMNS)]
    for row in rows:
        path = path_in_table(row.found.path, folder)
        values = (row.cell, row.state, row.found.modality, row.name, path, "", row.axes, row.within, "")
        lines.append("\t".join(values))
    return "\n".join(lines) + "\n"


def config_text(table: str, results: str, remarks: Sequence[str]) -> str:
    """Write the configuration, with what is to be looked at as comments.

    Parameters
    ----------
    table, results : str
        Values of the keys ``acquisitions`` and ``results``.
    remarks : sequence of str
        Lines.

    Returns
    -------
    str
        YAML.

    Examples
    --------
    >>> print(config_text("my/acquisitions.tsv", "my/results", ["row 1: the state is a guess"]))
    # Written by spallmap init. Both paths are relative to the folder that the commands are given in.
    # Every other key has its default; config/README.md explains each.
    acquisitions: "my/acquisitions.tsv"
    results: "my/results"
    <BLANKLINE>
    # row 1: the state is a guess
    <BLANKLINE>
    """
    import json

    lines = [
        "# Written by spallmap init. Both paths are relative to the folder that the commands are given in.",
        "# Every other key has its default; config/README.md explains each.",
        f"acquisitions: {json.dumps(table, ensure_ascii=False)}",
        f"results: {json.dumps(results, ensure_ascii=False)}",
        "",
        *(f"# {_printable(line)}".rstrip() for line in remarks),
    ]
    return "\n".join(lines) + "\n"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text).encode("utf-8", "replace").decode()


def write_new(path: Path, text: str) -> None:
    """Write a file that is not there.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Its content.

    Raises
    ------
    InputError
        If it is there, or cannot be written.
    """
    try:
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        found = error.strerror or str(error)
        raise InputError(str(path), found, "a new file in a folder that you may write to") from error
