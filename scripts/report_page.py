"""Write the page of one cell and state."""

from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.provenance import run_record
from spallmap.report import cell_report, render_report
from spallmap.results.cell import CellResults
from spallmap.results.documents import write_text
from spallmap.results.input_records import read_inputs

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    cell, state = snakemake.wildcards.place.split("/")
    params = snakemake.params
    results = CellResults.of(params.acquisitions)
    inputs = read_inputs(row.path for row in results.rows if row.state == state)
    report = cell_report(
        cell,
        state,
        results,
        [Path(p) for p in snakemake.input.figures],
        Path(snakemake.input.overlays),
        run_record(params.rows, params.parameters, inputs),
    )
    write_text(snakemake.output[0], render_report(report))


with job(snakemake.wildcards.place, snakemake.log[0]):
    main()
