"""Write the page that lists every cell."""

from itertools import groupby
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.provenance import run_record
from spallmap.report import index_entries, render_index
from spallmap.results.cell import CellResults
from spallmap.results.documents import write_text

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    described = sorted(snakemake.params.acquisitions, key=lambda a: a["id"].split("/")[0])
    cells = {
        cell: CellResults.of(list(rows)) for cell, rows in groupby(described, lambda a: a["id"].split("/")[0])
    }
    record = run_record([], snakemake.params.parameters, {})
    page = render_index(index_entries(cells), {k: record[k] for k in ("parameters", "versions", "machine")})
    write_text(snakemake.output[0], page)


with job("index", snakemake.log[0]):
    main()
