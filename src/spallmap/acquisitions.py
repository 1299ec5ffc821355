"""The table of acquisitions: read, checked against its schema, and checked against the files it names."""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from spallmap.axes import AxesPrior
from spallmap.errors import DataWarning, InputError
from spallmap.landmarks import COLUMNS as LANDMARK_COLUMNS
from spallmap.readers import UNUSUAL
from spallmap.readers.dataset_path import split_dataset

# Axes of a row that names none; see AxesPrior.
DEFAULT_AXES = {"xct": "z,y,x", "mri": "z,y", "sem": "-z,r", "edx": "-z,r"}


@dataclass(frozen=True)
class Acquisition:
    """One row of the table.

    Parameters
    ----------
    cell, state, modality, name : str
        What was measured; together they are unique.
    path : Path
        What the readers open: a file or folder, absolute or relative to the working directory, with the
        dataset after a colon where an HDF5 file holds several.
    spacing_um : tuple of float or None
        Pixel size in array order; None where the file's metadata must say.
    axes : AxesPrior
        Which directions of the reference tomogram the array's axes run along.
    within : str or None
        Name of the SEM image in the same state that it lies in.
    landmarks : Path or None
        CSV of matched points.
    source_label : str
        Table and row, for messages.
    unusual : tuple of str
        What no such instrument has and is right all the same, of :data:`spallmap.readers.UNUSUAL`.
    sigma : float or None
        Noise per channel of this MRI acquisition; None: as the configuration has it.
    skip_echoes : int or None
        How many of its shortest echo times are left out; None: as the configuration has it.

    Examples
    --------
    >>> axes, path = AxesPrior.parse("z,y,x"), Path("raw/scan.nxs:/entry/data")
    >>> row = Acquisition("a", "shorted", "xct", "ct", path, None, axes, None, None, "table.tsv, row 1")
    >>> row.id, row.label, row.file.name
    ('a/shorted/xct-ct', 'xct-ct', 'scan.nxs')
    >>> row.column("axes")
    "table.tsv, row 1, column 'axes'"
    """

    cell: str
    state: str
    modality: str
    name: str
    path: Path
    spacing_um: tuple[float, ...] | None
    axes: AxesPrior
    within: str | None
    landmarks: Path | None
    source_label: str
    unusual: tuple[str, ...] = ()
    sigma: float | None = None
    skip_echoes: int | None = None

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Cell, state, modality and name."""
        return (self.cell, self.state, self.modality, self.name)

    @property
    def file(self) -> Path:
        """What has to be on the disk: the path without a dataset named after it."""
        return split_dataset(self.path)[0]

    @property
    def id(self) -> str:
        """Its folder below the results: cell, state, and modality with name."""
        return f"{self.cell}/{self.state}/{self.label}"

    @property
    def label(self) -> str:
        """Name of its results folder: modality and name."""
        return f"{self.modality}-{self.name}"

    def t2_settings(self, t2: Mapping[str, Any]) -> dict[str, Any]:
        """Give the settings of the T2 fit for this acquisition.

        Parameters
        ----------
        t2 : mapping
            The configuration's keys below ``t2``.

        Returns
        -------
        dict
            The same with the row's own sigma and skip_echoes where it has them.
        """
        own = {"sigma": self.sigma, "skip_echoes": self.skip_echoes}
        return {**t2, **{key: value for key, value in own.items() if value is not None}}

    def column(self, name: str) -> str:
        """Name one of its values for a message.

        Parameters
        ----------
        name : str
            The column.

        Returns
        -------
        str
            Table, row and column.
        """
        return f"{self.source_label}, column {name!r}"


def read_acquisitions(table: Path, schema: Mapping[str, Any]) -> list[Acquisition]:
    r"""Read and check the table of acquisitions, without looking at the files that it names.

    Parameters
    ----------
    table : Path
        A tab-separated file with a header.
    schema : mapping
        JSON schema of one row; its properties are the allowed columns, its ``required`` the needed ones, and
        each property's ``description`` says in words what is allowed.

    Returns
    -------
    list of Acquisition
        In the table's order.

    Raises
    ------
    InputError
        Naming row and column, what was found and what is allowed.

    Examples
    --------
    >>> import tempfile
    >>> columns = ("cell", "state", "modality", "name", "path")
    >>> schema = {"properties": {c: {"description": "a word"} for c in columns}, "required": list(columns)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder, "acquisitions.tsv")
    ...     _ = table.write_text("\t".join(columns) + "\na\tshorted\tmri\tb\tscan/5\n")
    ...     (row,) = read_acquisitions(table, schema)
    >>> row.id, row.axes.names, row.path.name
    ('a/shorted/mri-b', ('z', 'y'), '5')
    """
    header, rows = _read_rows(table, schema)
    acquisitions = [
        _acquisition(table, number, dict(zip(header, row, strict=True)), schema) for number, row in rows
    ]
    if not acquisitions:
        raise InputError(str(table), "a header and no rows", "at least one acquisition")
    _check_unique(acquisitions)
    _check_within(acquisitions)
    return acquisitions


def check_files(
    acquisitions: Iterable[Acquisition],
    made_later: Callable[[Path], bool],
    probe: Callable[[Acquisition], Sequence[DataWarning]],
) -> list[DataWarning]:
    """Look at the files that the table names before any job starts.

    Parameters
    ----------
    acquisitions : iterable of Acquisition
        The table.
    made_later : callable
        Whether the workflow itself makes a file; such a file may be missing.
    probe : callable
        Looks at the headers of one acquisition, says what is odd, and raises InputError where it cannot be
        used.

    Returns
    -------
    list of DataWarning
        What is odd, in the table's order.

    Raises
    ------
    InputError
        For a missing file or whatever `probe` finds, with row and column.

    Examples
    --------
    >>> axes, path = AxesPrior.parse("z,y,x"), Path("nowhere.tif")
    >>> row = Acquisition("a", "shorted", "xct", "b", path, None, axes, None, None, "row 1")
    >>> check_files([row], made_later=lambda path: True, probe=lambda acquisition: [])
    []
    >>> check_files([row], lambda path: False, lambda acquisition: [])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: row 1, column 'path': found no file or folder nowhere.tif; allowed: ...
    """
    warnings: list[DataWarning] = []
    for acquisition in acquisitions:
        if acquisition.landmarks is not None and not acquisition.landmarks.is_file():
            raise InputError(
                acquisition.column("landmarks"),
                f"no file {acquisition.landmarks}",
                f"a CSV file with the columns {','.join(LANDMARK_COLUMNS)}, relative to the table's folder",
            )
        if acquisition.file.exists():
            warnings += probe(acquisition)
        elif not made_later(acquisition.file):
            raise InputError(
                acquisition.column("path"),
                f"no file or folder {acquisition.file}",
                "an existing file or folder, relative to the table's own folder",
            )
    return warnings


def _read_rows(table: Path, schema: Mapping[str, Any]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    try:
        text = table.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise InputError(
            str(table), "no such file", "the table of acquisitions (key 'acquisitions')"
        ) from None
    except UnicodeDecodeError as error:
        raise InputError(str(table), f"bytes that are not UTF-8 ({error.reason})", "UTF-8 text") from None
    lines = list(csv.reader(text.splitlines(), delimiter="\t"))
    numbered = [
        (n, [v.strip() for v in line])
        for n, line in enumerate(lines, start=1)
        if any(v.strip() for v in line)
    ]
    if not numbered:
        raise InputError(str(table), "an empty file", "a header and at least one acquisition")
    header = numbered[0][1]
    _check_header(table, header, schema)
    for number, row in numbered[1:]:
        if len(row) > len(header) or len(row) < sum(c in schema["required"] for c in header):
            raise InputError(
                f"{table}, row {number - 1} (line {number})",
                f"{len(row)} values separated by tabs",
                f"{len(header)} values, one per column: {', '.join(header)}",
            )
        row.extend([""] * (len(header) - len(row)))
    return header, numbered[1:]


def _check_header(table: Path, header: list[str], schema: Mapping[str, Any]) -> None:
    source_label = f"{table}, header (line 1)"
    allowed = ", ".join(schema["properties"])
    if len(header) == 1:
        for delimiter, word in ((";", "semicolons"), (",", "commas"), (" ", "spaces")):
            if delimiter in header[0]:
                raise InputError(
                    source_label, f"columns separated by {word}: {header[0]!r}", "columns separated by tabs"
                )
    for number, column in enumerate(header, start=1):
        if column not in schema["properties"]:
            raise InputError(f"{source_label}, column {number}", f"an unknown column {column!r}", allowed)
        if header.count(column) > 1:
            raise InputError(
                f"{source_label}, column {number}", f"the column {column!r} twice", "each column once"
            )
    for column in schema["required"]:
        if column not in header:
            raise InputError(
                source_label,
                f"no column {column!r}",
                f"the columns {', '.join(schema['required'])} are needed",
            )


def _acquisition(table: Path, line: int, row: dict[str, str], schema: Mapping[str, Any]) -> Acquisition:
    source_label = f"{table}, row {line - 1} (line {line})"
    values = {column: value for column, value in row.items() if value}
    for error in Draft202012Validator(dict(schema)).iter_errors(values):
        if error.validator == "required":
            column = next(c for c in schema["required"] if c not in values)
            found = "no value"
        else:
            column = str(error.absolute_path[0])
            found = repr(values[column])
        raise InputError(
            f"{source_label}, column {column!r}", found, schema["properties"][column]["description"]
        )
    try:
        axes = AxesPrior.parse(values.get("axes", DEFAULT_AXES[values["modality"]]))
    except ValueError as error:
        raise InputError(
            f"{source_label}, column 'axes'", str(error), schema["properties"]["axes"]["description"]
        ) from None
    _check_axes_fit_modality(source_label, values["modality"], axes)
    landmarks = values.get("landmarks")
    sigma, skip_echoes = (_of_mri(source_label, values, c) for c in ("sigma", "skip_echoes"))
    return Acquisition(
        cell=values["cell"],
        state=values["state"],
        modality=values["modality"],
        name=values["name"],
        path=_relative_to(table, values["path"]),
        spacing_um=_spacing(source_label, values.get("spacing_um"), schema),
        axes=axes,
        within=values.get("within"),
        landmarks=_relative_to(table, landmarks) if landmarks else None,
        source_label=source_label,
        unusual=_unusual(source_label, values.get("unusual"), schema),
        sigma=None if sigma is None else float(sigma),
        skip_echoes=None if skip_echoes is None else int(skip_echoes),
    )


def _unusual(source_label: str, text: str | None, schema: Mapping[str, Any]) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(",")) if text else ()
    if not set(words) <= set(UNUSUAL):
        allowed = schema["properties"]["unusual"]["description"]
        raise InputError(f"{source_label}, column 'unusual'", repr(text), allowed)
    return words


def _of_mri(source_label: str, values: Mapping[str, str], column: str) -> str | None:
    """Take a value that only an MRI acquisition can have."""
    if column in values and values["modality"] != "mri":
        found = f"a value for modality {values['modality']}"
        raise InputError(f"{source_label}, column {column!r}", found, "empty, except for mri")
    return values.get(column)


def _relative_to(table: Path, path: str) -> Path:
    file, dataset = split_dataset(table.parent / path)
    resolved = file.resolve()
    working = Path.cwd().resolve()
    shown = resolved.relative_to(working) if resolved.is_relative_to(working) else resolved
    return shown if dataset is None else Path(f"{shown}:{dataset}")


def _spacing(source_label: str, text: str | None, schema: Mapping[str, Any]) -> tuple[float, ...] | None:
    if text is None:
        return None
    spacing = tuple(float(part) for part in text.split(","))
    if not all(math.isfinite(s) and s > 0 for s in spacing):
        raise InputError(
            f"{source_label}, column 'spacing_um'",
            repr(text),
            schema["properties"]["spacing_um"]["description"],
        )
    return spacing


def _check_axes_fit_modality(source_label: str, modality: str, axes: AxesPrior) -> None:
    wanted = {"xct": (3,), "mri": (2, 3), "sem": (2,), "edx": (2,)}[modality]
    if len(axes.names) not in wanted:
        raise InputError(
            f"{source_label}, column 'axes'",
            f"{len(axes.names)} axes ({','.join(axes.names)}) for modality {modality}",
            f"{' or '.join(str(n) for n in wanted)} axes, such as {DEFAULT_AXES[modality]}",
        )


def _check_unique(acquisitions: list[Acquisition]) -> None:
    seen: dict[tuple[str, str, str, str], Acquisition] = {}
    for acquisition in acquisitions:
        if acquisition.key in seen:
            raise InputError(
                acquisition.column("name"),
                f"{acquisition.name!r} again, as in {seen[acquisition.key].source_label}",
                "a name that is unique within cell, state and modality",
            )
        seen[acquisition.key] = acquisition


def _check_within(acquisitions: list[Acquisition]) -> None:
    keys = {a.key: a for a in acquisitions}
    for acquisition in acquisitions:
        if acquisition.within is None:
            continue
        source_label = acquisition.column("within")
        if acquisition.modality not in ("sem", "edx"):
            raise InputError(
                source_label, f"a value for modality {acquisition.modality}", "empty, except for sem and edx"
            )
        visited = {acquisition.key}
        outer: Acquisition | None = acquisition
        while outer is not None and outer.within is not None:
            key = (outer.cell, outer.state, "sem", outer.within)
            if key not in keys:
                raise InputError(
                    outer.column("within"),
                    repr(outer.within),
                    f"the name of an SEM image of cell {outer.cell!r}, state {outer.state!r}",
                )
            if key in visited:
                raise InputError(
                    source_label, f"{acquisition.within!r}, which lies within this image", "no circle"
                )
            visited.add(key)
            outer = keys[key]
