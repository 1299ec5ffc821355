"""All files that a table names, before any job."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from spallmap.acquisitions import Acquisition, odd_rows
from spallmap.acquisitions.table_paths import check_no_wildcard, missing_file
from spallmap.errors import DataWarning, ErrorList, InputError
from spallmap.landmarks import Landmarks
from spallmap.plan import Plan
from spallmap.preflight.headers import probe_acquisition
from spallmap.preflight.landmark_points import check_points, odd_points
from spallmap.readers import ImageInfo, input_files
from spallmap.user_files.landmark_file import read_landmarks
from spallmap.user_files.plain_text import is_there


def check_inputs(plan: Plan, made_later: Callable[[Path], bool], t2: Mapping[str, Any]) -> list[DataWarning]:
    """Look at the files that the table names: headers, names and landmarks.

    Parameters
    ----------
    plan : Plan
        The table.
    made_later : callable
        Whether the workflow itself makes a file; such a file may be missing.
    t2 : mapping
        The configuration's keys below ``t2``.

    Returns
    -------
    list of DataWarning
        What is odd, in the table's order.

    Raises
    ------
    InputError
        For a missing file or one that cannot be used, with row and column.
    InputGroupError
        Where several are.

    Examples
    --------
    >>> from spallmap.axes import AxesPrior
    >>> axes, path = AxesPrior.parse("z,y,x"), Path("nowhere.tif")
    >>> row = Acquisition("a", "shorted", "xct", "b", path, None, axes, None, None, "row 1")
    >>> check_inputs(Plan([row]), lambda path: True, {})
    []
    >>> check_inputs(Plan([row]), lambda path: False, {})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: row 1, column 'path': found no file or folder nowhere.tif; allowed: ...
    """
    warnings = odd_rows(plan.acquisitions)
    errors = ErrorList()
    headers: dict[tuple[str, str, str, str], ImageInfo] = {}
    marks: list[tuple[Acquisition, Landmarks]] = []
    for acquisition in plan.acquisitions:
        with errors.collected():
            if _is_there(acquisition, "path", acquisition.file):
                info = probe_acquisition(acquisition, t2)
                headers[acquisition.key] = info
                warnings += info.warnings
                _check_names(acquisition)
            elif not made_later(acquisition.file):
                raise missing_file(acquisition.column("path"), acquisition.file)
        if acquisition.landmarks is not None:
            with errors.collected():
                marks.append((acquisition, _landmarks(acquisition, acquisition.landmarks)))
    for acquisition, points in marks:
        with errors.collected():
            reference = plan.reference(acquisition.cell)
            own = headers.get(acquisition.key)
            check_points(acquisition, points, own, headers.get(reference.key) if reference else None)
            warnings += odd_points(acquisition, points)
    errors.raise_all()
    return warnings


def _check_names(acquisition: Acquisition) -> None:
    for file in input_files(acquisition.path, acquisition.modality):
        check_no_wildcard(acquisition.column("path"), str(file))


def _is_there(acquisition: Acquisition, column: str, file: Path) -> bool:
    try:
        return is_there(file)
    except InputError as error:
        raise InputError(
            f"{acquisition.column(column)}: {error.source_label}", error.found, error.allowed
        ) from error


def _landmarks(acquisition: Acquisition, file: Path) -> Landmarks:
    if not _is_there(acquisition, "landmarks", file):
        raise missing_file(acquisition.column("landmarks"), file)
    return read_landmarks(file)


def check_figure_cell(plan: Plan, cell: str | None) -> None:
    """Check that the cell whose figures are wanted stands in the table.

    Parameters
    ----------
    plan : Plan
        The table.
    cell : str or None
        The configuration's ``figures.cell``.

    Raises
    ------
    InputError
        Naming the cells of the table.

    Examples
    --------
    >>> check_figure_cell(Plan([]), None)
    """
    if cell is not None and cell not in plan.cells:
        named = ", ".join(plan.cells[:10]) + (", ..." if len(plan.cells) > 10 else "")
        raise InputError("configuration, key 'figures.cell'", repr(cell), f"a cell of the table: {named}")
