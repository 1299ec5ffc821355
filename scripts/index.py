"""Write the page that lists every cell."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.report import render_index
from spallmap.results.documents import write_text
from spallmap.results.tables import read_json
from spallmap.runs import RunOutcome, read_findings

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    outcome = RunOutcome(tuple(read_findings(snakemake.params.acquisitions)))
    write_text(snakemake.output[0], render_index(outcome, read_json(snakemake.input.provenance)))


with job("index", snakemake.log[0]):
    main()
