"""Write the page of one cell and state."""

from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.report import cell_report, render_report
from spallmap.results.cell import CellResults
from spallmap.results.documents import write_text
from spallmap.results.tables import read_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    cell, state = snakemake.wildcards.place.split("/")
    report = cell_report(
        cell,
        state,
        CellResults.of(snakemake.params.acquisitions),
        [Path(p) for p in snakemake.input.figures],
        Path(snakemake.input.overlays),
        read_json(snakemake.input.provenance),
    )
    write_text(snakemake.output[0], render_report(report))


with job(snakemake.wildcards.place, snakemake.log[0]):
    main()
