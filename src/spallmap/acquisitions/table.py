"""The table of acquisitions as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spallmap.acquisitions.acquisition_row import Acquisition
from spallmap.acquisitions.cross_checks import check_rows
from spallmap.acquisitions.row_values import ColumnRules, acquisition_of_row
from spallmap.acquisitions.table_paths import TablePaths
from spallmap.errors import ErrorList, InputError
from spallmap.user_files.delimited import TableKind, read_table

_REMEDY = "the table of acquisitions (key 'acquisitions'): text saved as UTF-8, tab-separated, with a header"


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
    InputGroupError
        Where several rows are wrong.

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
    rules = ColumnRules.of(schema)
    kind = TableKind("\t", tuple(rules.columns), rules.required, _REMEDY)
    rows = read_table(table, kind)
    if not rows:
        raise InputError(str(table), "a header and no rows", "at least one acquisition")
    paths = TablePaths(table.parent)
    acquisitions = []
    errors = ErrorList()
    for row in rows:
        with errors.collected():
            acquisitions.append(acquisition_of_row(row, rules, paths))
    errors.raise_all()
    check_rows(acquisitions)
    return acquisitions
