"""All files that a table names, before any job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spallmap.acquisitions import Acquisition, odd_rows
from spallmap.acquisitions.table_paths import check_no_wildcard, missing_file
from spallmap.errors import DataWarning, ErrorList, InputError, InputGroupError
from spallmap.landmarks import Landmarks
from spallmap.plan import Plan
from spallmap.preflight.headers import probe_acquisition
from spallmap.preflight.landmark_points import check_points, odd_points
from spallmap.preflight.results_folder import check_results_folder
from spallmap.readers import ImageInfo, input_files
from spallmap.user_files.landmark_file import read_landmarks
from spallmap.user_files.plain_text import is_there


@dataclass(frozen=True)
class Examined:
    """What a look at the files of a table found.

    Parameters
    ----------
    headers : mapping of tuple to ImageInfo
        By the acquisitions' keys; without those that cannot be used or do not exist yet.
    warnings : tuple of DataWarning
        What is odd and used all the same, in the table's order.
    table_errors : tuple of InputError
        What is wrong in the table or in the configuration.
    file_errors : tuple of (str, InputError)
        What is wrong with files, each with the cell that it belongs to.
    """

    headers: Mapping[tuple[str, str, str, str], ImageInfo]
    warnings: tuple[DataWarning, ...]
    table_errors: tuple[InputError, ...]
    file_errors: tuple[tuple[str, InputError], ...]

    @property
    def broken_cells(self) -> list[str]:
        """Cells with files that cannot be used, each once."""
        return list(dict.fromkeys(cell for cell, _ in self.file_errors))

    def raise_all(self) -> None:
        """Raise whatever is wrong.

        Raises
        ------
        InputError
            The one error that there is.
        InputGroupError
            All of them, or the first ``MOST_ERRORS``.
        """
        errors = ErrorList()
        for error in (*self.table_errors, *(error for _, error in self.file_errors)):
            errors.add(error)
        errors.raise_all()


def examine_inputs(
    plan: Plan,
    made_later: Callable[[Path], bool],
    t2: Mapping[str, Any],
    listed: Callable[[Acquisition], Sequence[Path]] | None = None,
) -> Examined:
    """Look at the files that the table names: headers, names and landmarks.

    Parameters
    ----------
    plan : Plan
        The table.
    made_later : callable
        Whether the workflow itself makes a file; such a file may be missing.
    t2 : mapping
        The configuration's keys below ``t2``.
    listed : callable, optional
        Lists an acquisition's files, where somebody keeps the lists; else they are looked for.

    Returns
    -------
    Examined
        What was found; nothing is raised for what is wrong.

    Examples
    --------
    >>> from spallmap.axes import AxesPrior
    >>> axes, path = AxesPrior.parse("z,y,x"), Path("nowhere.tif")
    >>> row = Acquisition("a", "shorted", "xct", "b", path, None, axes, None, None, "row 1")
    >>> examine_inputs(Plan([row]), lambda path: True, {}).broken_cells
    []
    >>> examine_inputs(Plan([row]), lambda path: False, {}).broken_cells
    ['a']
    """
    warnings = odd_rows(plan.acquisitions)
    found = _Errors()
    headers: dict[tuple[str, str, str, str], ImageInfo] = {}
    marks: list[tuple[Acquisition, Landmarks]] = []
    for acquisition in plan.acquisitions:
        with found.of(acquisition, acquisition.column("path")):
            if _is_there(acquisition, "path", acquisition.file):
                info = probe_acquisition(acquisition, t2)
                headers[acquisition.key] = info
                warnings += info.warnings
                for file in (listed or _listed)(acquisition):
                    check_no_wildcard(acquisition.column("path"), str(file))
            elif not made_later(acquisition.file):
                raise missing_file(acquisition.column("path"), acquisition.file)
        if acquisition.landmarks is not None:
            with found.of(acquisition, ""):
                marks.append((acquisition, _landmarks(acquisition, acquisition.landmarks)))
    for acquisition, points in marks:
        with found.of(acquisition, ""):
            reference = plan.reference(acquisition.cell)
            own = headers.get(acquisition.key)
            check_points(acquisition, points, own, headers.get(reference.key) if reference else None)
            warnings += odd_points(acquisition, points)
    return Examined(headers, tuple(warnings), tuple(found.of_table), tuple(found.of_files))


class _Errors:
    """Errors of the table apart from those of files, which concern one cell."""

    def __init__(self) -> None:
        self.of_table: list[InputError] = []
        self.of_files: list[tuple[str, InputError]] = []

    @contextmanager
    def of(self, acquisition: Acquisition, about_files: str) -> Iterator[None]:
        """Keep what is raised inside; it is about files where what it names begins like that."""
        try:
            yield
        except InputError as raised:
            for error in raised.errors if isinstance(raised, InputGroupError) else (raised,):
                if error.source_label.startswith(about_files):
                    self.of_files.append((acquisition.cell, error))
                else:
                    self.of_table.append(error)


def check_inputs(plan: Plan, made_later: Callable[[Path], bool], t2: Mapping[str, Any]) -> list[DataWarning]:
    """Check the files that the table names: headers, names and landmarks.

    Parameters
    ----------
    plan, made_later, t2
        As for :func:`examine_inputs`.

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
    examined = examine_inputs(plan, made_later, t2)
    examined.raise_all()
    return list(examined.warnings)


def check_before_any_job(
    plan: Plan,
    config: Mapping[str, Any],
    made_later: Callable[[Path], bool],
    listed: Callable[[Acquisition], Sequence[Path]] | None = None,
) -> list[str]:
    """Check all that can be known before a job starts.

    A file that cannot be used ends the run where no cell is without one; else the other cells are made, and
    the job that reads the file fails.

    Parameters
    ----------
    plan : Plan
        The table.
    config : mapping
        The whole configuration.
    made_later, listed
        As for :func:`examine_inputs`.

    Returns
    -------
    list of str
        What to say to the user, a line each: warnings, then errors of cells that will fail.

    Raises
    ------
    InputError
        For what ends the run.
    InputGroupError
        Where several things do.
    """
    plan.check()
    check_figure_cell(plan, config["figures"]["cell"])
    check_results_folder(config["results"], plan.acquisitions)
    examined = examine_inputs(plan, made_later, config["t2"], listed)
    broken = examined.broken_cells
    if examined.table_errors or len(broken) == len(plan.cells):
        examined.raise_all()
    lines = [f"WARNING {warning}" for warning in examined.warnings]
    lines += [f"ERROR {error}" for _, error in examined.file_errors]
    if broken:
        named = ", ".join(broken[:10]) + (", ..." if len(broken) > 10 else "")
        whole = len(plan.cells) - len(broken)
        lines.append(f"ERROR not everything of {named} can be made; the other cells ({whole}) are made")
    return lines


def _listed(acquisition: Acquisition) -> Sequence[Path]:
    return input_files(acquisition.path, acquisition.modality)


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
