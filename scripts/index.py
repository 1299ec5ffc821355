"""Write the page that lists every cell."""

from itertools import groupby
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.report import index_entries, render_index
from spallmap.results.cell import CellResults
from spallmap.results.documents import write_text
from spallmap.results.tables import read_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    described = sorted(snakemake.params.acquisitions, key=lambda a: a["id"].split("/")[0])
    cells = {
        cell: CellResults.of(list(rows)) for cell, rows in groupby(described, lambda a: a["id"].split("/")[0])
    }
    page = render_index(index_entries(cells), read_json(snakemake.input.provenance))
    write_text(snakemake.output[0], page)


with job("index", snakemake.log[0]):
    main()
