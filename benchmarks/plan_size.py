"""Processor time of the table and the plan for very many rows: how the check grows with a study."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spallmap.acquisitions import odd_rows, read_acquisitions
from spallmap.configuration import read_schema
from spallmap.plan import Plan

SCHEMA = Path(__file__).parents[1] / "workflow" / "schemas" / "acquisitions.schema.yaml"
HEADER = "cell\tstate\tmodality\tname\tpath\tspacing_um\taxes\twithin\tlandmarks"
# The rows of one cell, as the demo has them.
ROWS = (
    "{cell}\tpristine\txct\tscan\t../raw/{cell}/xct_pristine\t4.66\tz,y,x\t\t",
    "{cell}\tpristine\tmri\tt2\t../raw/{cell}/mri_pristine/5\t\t-z,y\t\t",
    "{cell}\tshorted\txct\tscan\t../raw/{cell}/xct_shorted.ome.tif\t\tz,y,x\t\t",
    "{cell}\tshorted\tmri\tt2\t../raw/{cell}/mri_shorted/5\t23,46\t-z,y\t\t",
    "{cell}\tshorted\tsem\toverview\t../raw/{cell}/sem_overview.tif\t\t-z,r\t\t{cell}.csv",
    "{cell}\tshorted\tsem\tdetail\t../raw/{cell}/sem_detail.tif\t\t\toverview\t",
    "{cell}\tshorted\tedx\telements\t../raw/{cell}/edx\t2.0\t\toverview\t",
)


def write_table(path: Path, n_cells: int, rows: tuple[str, ...]) -> int:
    """Write a table and return how many rows it has."""
    lines = [row.format(cell=f"cell{n}") for n in range(n_cells) for row in rows]
    path.write_text("\n".join([HEADER, *lines]) + "\n", encoding="utf-8")
    return len(lines)


def ask_everything(plan: Plan) -> None:
    """Ask the plan what the rules ask it for every job."""
    plan.check()
    for cell in plan.cells:
        for state in plan.states(cell):
            plan.tomogram(cell, state)
            plan.linked_mri(cell, state)
            plan.of(cell, state)
    for a in plan.acquisitions:
        plan.is_reference(a)
        plan.get(*a.key)
        if a.modality == "xct":
            plan.null_tomogram(a)


def timed(step: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Run a step and print its processor time."""
    start = time.process_time()
    result = function(*arguments)
    print(f"  {step:<24}{time.process_time() - start:8.2f} s")
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cells", type=int, nargs="+", default=[100, 1000, 15_000])
    parser.add_argument("--lone", type=int, default=100_000, help="cells of one tomogram each, last of all")
    arguments = parser.parse_args()
    schema = read_schema(SCHEMA)
    sizes = [(n, ROWS) for n in arguments.cells] + [(arguments.lone, ROWS[2:3])]
    with tempfile.TemporaryDirectory() as folder:
        for n_cells, rows in sizes:
            table = Path(folder, "acquisitions.tsv")
            print(f"{n_cells} cells, {write_table(table, n_cells, rows)} rows")
            acquisitions = timed("table", read_acquisitions, table, schema)
            timed("odd rows", odd_rows, acquisitions)
            timed("plan", ask_everything, Plan(acquisitions))


if __name__ == "__main__":
    main()
