"""Draw the demo cell in the instruments' formats."""

from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.preflight.drawn_files import draw_into
from spallmap.twin import write_cell

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    params = snakemake.params
    draw_into(
        Path(params.folder),
        [Path(output) for output in snakemake.output],
        lambda cell: write_cell(cell, params.seed, kind=params.kind),
    )


with job("demo cell", snakemake.log[0]):
    main()
