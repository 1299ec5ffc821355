"""Write the page that lists every cell."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.report import render_index
from spallmap.results.documents import write_text
from spallmap.runs import RunOutcome, read_findings

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    outcome = RunOutcome(tuple(read_findings(snakemake.params.acquisitions)))
    write_text(snakemake.output[0], render_index(outcome, snakemake.params.parameters))


with job("index", snakemake.log[0]):
    main()
