"""Draw the paper's figures of one cell, and write the numbers behind each panel."""

from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.figures import cell_figure, decay_figure, echo_figure, link_figure, t2_figure
from spallmap.jobs import job
from spallmap.results.atomic import atomic_path
from spallmap.results.cell import CellResults
from spallmap.results.documents import write_figure
from spallmap.results.tables import write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    results = CellResults.of(snakemake.params.acquisitions)
    tomograms, series = results.tomograms(), results.series()
    table, summary = results.links(results.reference_state) or (None, None)
    drawings = {
        "figure1": cell_figure(tomograms, results.surface()),
        "figure2": echo_figure(series, tomograms),
        "figure3": t2_figure(series),
        "figure4": decay_figure(series),
        "figure5": link_figure(tomograms, series, results.sections(), table, summary),
    }
    for path in map(Path, snakemake.output.figures):
        write_figure(path, drawings[path.stem].figure)
    with atomic_path(snakemake.output.numbers) as numbers:
        numbers.mkdir()
        for name, drawing in drawings.items():
            for panel, table in drawing.numbers.items():
                write_table(numbers / f"{name}-{panel}.csv", table)


with job(f"figures of {snakemake.wildcards.cell}", snakemake.log[0]):
    main()
