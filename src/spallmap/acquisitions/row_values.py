"""The values of one row, each held to what its column allows."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spallmap.acquisitions.acquisition_row import DEFAULT_AXES, Acquisition
from spallmap.acquisitions.pixel_size import parse_pixel_size
from spallmap.acquisitions.table_paths import TablePaths
from spallmap.axes import AxesPrior
from spallmap.errors import InputError
from spallmap.readers import UNUSUAL
from spallmap.user_files.delimited import TableRow
from spallmap.user_files.plain_text import shown

# Folders of the results that hold what belongs to no cell.
_RESERVED = ("figures", "logs", "benchmarks")
# Columns that make names of results, which may have 255 signs; and Snakemake takes 20 repetitions at the end
# of one for a rule that runs in a circle.
_NAMES = ("cell", "state", "name")
_LONGEST_NAME, _MOST_REPEATS = 64, 15
_REPEATED = re.compile(rf"(.+?)\1{{{_MOST_REPEATS - 1}}}")


@dataclass(frozen=True)
class ColumnRule:
    """What a column allows.

    Parameters
    ----------
    description : str
        In words.
    pattern : re.Pattern or None
        What a value has to look like.
    choices : tuple of str
        The allowed values; none where they are not counted.
    """

    description: str
    pattern: re.Pattern[str] | None
    choices: tuple[str, ...]

    def allows(self, value: str) -> bool:
        """Whether the column may have this value.

        Examples
        --------
        >>> rule = ColumnRule("a word", re.compile("^[a-z]+$"), ())
        >>> rule.allows("shorted"), rule.allows("no word")
        (True, False)
        """
        if self.choices and value not in self.choices:
            return False
        return self.pattern is None or self.pattern.search(value) is not None


@dataclass(frozen=True)
class ColumnRules:
    """What each column allows; made once for all rows, since a table may have very many.

    Parameters
    ----------
    columns : mapping of str to ColumnRule
        By name.
    required : tuple of str
        Columns that need a value.
    """

    columns: Mapping[str, ColumnRule]
    required: tuple[str, ...]

    @classmethod
    def of(cls, schema: Mapping[str, Any]) -> ColumnRules:
        """Take the rules from a JSON schema of one row.

        Examples
        --------
        >>> rules = ColumnRules.of({"properties": {"cell": {"description": "a word"}}, "required": ["cell"]})
        >>> rules.columns["cell"].description
        'a word'
        """
        columns = {
            name: ColumnRule(
                column["description"],
                re.compile(column["pattern"]) if "pattern" in column else None,
                tuple(column.get("enum", ())),
            )
            for name, column in schema["properties"].items()
        }
        return cls(columns, tuple(schema["required"]))

    def check(self, row: TableRow) -> None:
        """Hold every value of a row to its column.

        Raises
        ------
        InputError
            Naming row and column.
        """
        for column in self.required:
            if column not in row.values:
                raise _wrong(row, column, "no value", self.columns[column].description)
        for column, value in row.values.items():
            rule = self.columns[column]
            if not rule.allows(value):
                hint = ""
                if column != "spacing_um" and value.count(",") == 1 and rule.allows(value.replace(",", ".")):
                    hint = f"; write {value.replace(',', '.')}"
                raise _wrong(row, column, shown(value), f"{rule.description}{hint}")
        if row.values["cell"] in _RESERVED:
            raise _wrong(row, "cell", shown(row.values["cell"]), f"another name than {', '.join(_RESERVED)}")
        for column in _NAMES:
            name = row.values.get(column, "")
            if len(name) > _LONGEST_NAME or _REPEATED.search(name):
                allowed = f"up to {_LONGEST_NAME} signs, and none {_MOST_REPEATS} times in a row"
                raise _wrong(row, column, shown(name), allowed)


def acquisition_of_row(row: TableRow, rules: ColumnRules, paths: TablePaths) -> Acquisition:
    """Read one row.

    Parameters
    ----------
    row : TableRow
        Its values as text.
    rules : ColumnRules
        What each column allows.
    paths : TablePaths
        What a path in the table means.

    Returns
    -------
    Acquisition
        The row.

    Raises
    ------
    InputError
        Naming row and column, what was found and what is allowed.
    """
    rules.check(row)
    values = row.values
    modality = values["modality"]
    spacing_text, landmarks = values.get("spacing_um", ""), values.get("landmarks")
    sigma, skip_echoes = (_of_mri(row, column) for column in ("sigma", "skip_echoes"))
    return Acquisition(
        cell=values["cell"],
        state=values["state"],
        modality=modality,
        name=values["name"],
        path=paths.local(_label(row, "path"), values["path"]),
        spacing_um=parse_pixel_size(
            _label(row, "spacing_um"), spacing_text, modality, rules.columns["spacing_um"].description
        )
        if spacing_text
        else None,
        axes=_axes(row, rules),
        within=values.get("within"),
        landmarks=paths.local(_label(row, "landmarks"), landmarks) if landmarks else None,
        source_label=row.label,
        unusual=_unusual(row, rules),
        sigma=None if sigma is None else _finite(row, "sigma", sigma, rules),
        skip_echoes=None if skip_echoes is None else int(skip_echoes),
        spacing_text=spacing_text,
    )


def _label(row: TableRow, column: str) -> str:
    return f"{row.label}, column {column!r}"


def _wrong(row: TableRow, column: str, found: str, allowed: str) -> InputError:
    return InputError(_label(row, column), found, allowed)


def _axes(row: TableRow, rules: ColumnRules) -> AxesPrior:
    modality = row.values["modality"]
    text = row.values.get("axes", DEFAULT_AXES[modality])
    try:
        axes = AxesPrior.parse(text)
    except ValueError as error:
        found = str(error) if shown(text) == repr(text) else f"axes {shown(text)}"
        raise _wrong(row, "axes", found, rules.columns["axes"].description) from None
    wanted = {"xct": (3,), "mri": (2, 3), "sem": (2,), "edx": (2,)}[modality]
    if len(axes.names) not in wanted:
        raise _wrong(
            row,
            "axes",
            f"{len(axes.names)} axes ({','.join(axes.names)}) for modality {modality}",
            f"{' or '.join(str(n) for n in wanted)} axes, such as {DEFAULT_AXES[modality]}",
        )
    return axes


def _unusual(row: TableRow, rules: ColumnRules) -> tuple[str, ...]:
    text = row.values.get("unusual")
    words = tuple(word.strip() for word in text.split(",")) if text else ()
    if not set(words) <= set(UNUSUAL):
        raise _wrong(row, "unusual", shown(text or ""), rules.columns["unusual"].description)
    return words


def _of_mri(row: TableRow, column: str) -> str | None:
    """Take a value that only an MRI acquisition can have."""
    if column in row.values and row.values["modality"] != "mri":
        found = f"a value for modality {row.values['modality']}"
        raise _wrong(row, column, found, "empty, except for mri")
    return row.values.get(column)


def _finite(row: TableRow, column: str, text: str, rules: ColumnRules) -> float:
    value = float(text)
    if not (math.isfinite(value) and value > 0):
        raise _wrong(row, column, shown(text), rules.columns[column].description)
    return value
