"""``spallmap check``: what was read of every acquisition, what is odd, what cannot be used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spallmap.acquisitions import read_acquisitions
from spallmap.cli.acquisition_table import acquisition_rows
from spallmap.cli.checkout import workflow_folder
from spallmap.cli.plain_columns import counted, wrapped
from spallmap.cli.run_settings import read_settings, table_of, table_schema
from spallmap.errors import InputError, InputGroupError
from spallmap.plan import Plan
from spallmap.preflight import Examined, check_figure_cell, check_results_folder, examine_inputs


def check(config: Path) -> int:
    """Show what the workflow would read.

    Parameters
    ----------
    config : Path
        The configuration.

    Returns
    -------
    int
        Exit status: 1 where something cannot be used.
    """
    errors: list[InputError] = []
    plan, examined = Plan([]), Examined({}, (), (), ())
    with _collected(errors):
        settings = read_settings(config)
        table = table_of(settings, config)
        plan = Plan(read_acquisitions(table, table_schema()))
        _check_plan(plan, settings, errors)
        examined = examine_inputs(plan, _made_later(table), settings["t2"])
    errors += [*examined.table_errors, *(error for _, error in examined.file_errors)]
    lines = acquisition_rows(plan.acquisitions, examined.headers, errors) if plan.acquisitions else []
    for word, texts in (("WARNING", examined.warnings), ("ERROR", errors)):
        lines += ["", *(line for text in texts for line in wrapped(f"{word} {text}"))] if texts else []
    lines += ["", _summary(plan, len(examined.warnings), len(errors))]
    sys.stdout.write("\n".join(lines).lstrip("\n") + "\n")
    return 1 if errors else 0


def _check_plan(plan: Plan, settings: Mapping[str, Any], errors: list[InputError]) -> None:
    with _collected(errors):
        plan.check()
    with _collected(errors):
        check_figure_cell(plan, settings["figures"]["cell"])
    with _collected(errors):
        check_results_folder(settings["results"], plan.acquisitions)


@contextmanager
def _collected(errors: list[InputError]) -> Iterator[None]:
    """Keep errors and go on: a person wants to see all of them."""
    try:
        yield
    except InputGroupError as group:
        errors += group.errors
    except InputError as error:
        errors.append(error)


def _made_later(table: Path) -> Callable[[Path], bool]:
    """Whether the workflow draws a file: those of the default table."""
    is_demo = table.resolve() == (workflow_folder() / "config" / "acquisitions.tsv").resolve()
    return lambda path: is_demo


def _summary(plan: Plan, n_warnings: int, n_errors: int) -> str:
    n = len(plan.acquisitions)
    found = f"{counted(n, 'acquisition')} of {counted(len(plan.cells), 'cell')}" if n else "no table was read"
    return f"{found}: {counted(n_errors, 'error')}, {counted(n_warnings, 'warning')}"
