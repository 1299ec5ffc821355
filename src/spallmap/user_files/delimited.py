"""Tables of text with a header: split strictly, so that no value slips into another column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from spallmap.errors import ErrorList, InputError
from spallmap.user_files.plain_text import read_lines, shown

_WORDS = {"\t": "tabs", ";": "semicolons", ",": "commas", "|": "bars", " ": "spaces"}
# Paths end at 4096 characters; what is longer is no row of a table.
_LONGEST_LINE = 65_536


class TableRow(NamedTuple):
    """One row of a table.

    Parameters
    ----------
    label : str
        File, row (the first below the header is row 1) and line, for messages.
    values : dict of str to str
        By column; without surrounding white space, and without the empty ones.
    """

    label: str
    values: dict[str, str]


@dataclass(frozen=True)
class TableKind:
    """What a table has to look like.

    Parameters
    ----------
    delimiter : str
        What separates its values.
    known : sequence of str
        Names of the allowed columns.
    required : sequence of str
        Names of those that the header must have.
    remedy : str
        What the file should be, in words for a message.

    Examples
    --------
    >>> kind = TableKind(",", ("u_um", "v_um"), ("u_um",), "a CSV file")
    >>> kind.separated
    'separated by commas'
    """

    delimiter: str
    known: Sequence[str]
    required: Sequence[str]
    remedy: str

    @property
    def separated(self) -> str:
        """How the values are separated, in words."""
        return f"separated by {_WORDS[self.delimiter]}"


def read_table(path: Path, kind: TableKind, missing: str = "no such file") -> list[TableRow]:
    r"""Read the rows of a table.

    Parameters
    ----------
    path : Path
        The file: text in UTF-8 with a header.
    kind : TableKind
        What it has to look like.
    missing : str
        What to say where it does not exist.

    Returns
    -------
    list of TableRow
        Lines without any value are left out, and so are empty values at the end of a line.

    Raises
    ------
    InputError
        Naming file, row and column, where it is no such table.
    InputGroupError
        Where several rows are wrong.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.csv")
    ...     _ = path.write_text("u_um,v_um\n1,2\n\n3,\n")
    ...     rows = read_table(path, TableKind(",", ("u_um", "v_um"), ("u_um",), "a CSV file"))
    >>> [row.values for row in rows], rows[1].label.partition(", ")[2]
    ([{'u_um': '1', 'v_um': '2'}, {'u_um': '3'}], 'row 3 (line 4)')
    """
    lines = read_lines(path, kind.remedy, missing)
    first = next((n for n, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise InputError(str(path), "an empty file", kind.remedy)
    label = f"{path}, header (line {first + 1})"
    header = _header(label, _split(label, lines[first], kind), kind)
    rows = []
    errors = ErrorList()
    for number, line in enumerate(lines[first + 1 :], start=1):
        if not line or line.isspace():
            continue
        label = f"{path}, row {number} (line {first + 1 + number})"
        with errors.collected():
            values = _split(label, line, kind)
            if not values:
                continue
            _check_row(label, header, values, kind)
            rows.append(TableRow(label, {c: v for c, v in zip(header, values, strict=False) if v}))
    errors.raise_all()
    return rows


def _split(label: str, line: str, kind: TableKind) -> list[str]:
    if len(line) > _LONGEST_LINE:
        raise InputError(label, f"a line of {len(line)} characters: {shown(line)}", kind.remedy)
    if '"' in line:
        try:
            (values,) = csv.reader([line], delimiter=kind.delimiter, strict=True, skipinitialspace=True)
        except csv.Error:
            raise InputError(
                label,
                f"a quotation mark at the start of a value and none at its end: {shown(line)}",
                'both in the same line; a quotation mark that belongs to a value as in """a"" b"',
            ) from None
    else:
        values = line.split(kind.delimiter)
    stripped = [value.strip() for value in values]
    while stripped and not stripped[-1]:
        stripped.pop()
    return stripped


def _header(label: str, header: list[str], kind: TableKind) -> list[str]:
    if len(header) == 1 and header[0] not in kind.known:
        for delimiter, word in _WORDS.items():
            if delimiter in header[0]:
                raise InputError(
                    label, f"columns separated by {word}: {shown(header[0])}", f"columns {kind.separated}"
                )
    for number, column in enumerate(header, start=1):
        source_label = f"{label}, column {number}"
        if not column:
            raise InputError(source_label, "no name", f"a name for every column: {', '.join(kind.known)}")
        if column not in kind.known:
            raise InputError(source_label, f"an unknown column {shown(column)}", ", ".join(kind.known))
        if header.count(column) > 1:
            raise InputError(source_label, f"the column {column!r} twice", "each column once")
    for column in kind.required:
        if column not in header:
            raise InputError(
                label, f"no column {column!r}", f"the columns {', '.join(kind.required)} are needed"
            )
    return header


def _check_row(label: str, header: list[str], values: list[str], kind: TableKind) -> None:
    if values == header:
        raise InputError(label, "the header again", "one header, and a row for each entry")
    least = 1 + max(header.index(column) for column in kind.required)
    if len(values) > len(header) or (len(values) == 1 < least):
        found = f"{len(values)} values {kind.separated}: {shown(kind.delimiter.join(values))}"
        allowed = f"{len(header)} values, one per column: {', '.join(header)}"
        if kind.delimiter == "," and len(values) > len(header):
            allowed += "; numbers with a decimal point (1.5, not 1,5)"
        raise InputError(label, found, allowed)
