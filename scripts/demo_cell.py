"""Draw the demo cell in the instruments' formats."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.twin import write_cell

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    folder = Path(snakemake.output.truth).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as drawn:
        cell = Path(drawn) / "cell"
        write_cell(cell, snakemake.params.seed, kind=snakemake.params.kind)
        for output in snakemake.output:
            Path(output).parent.mkdir(parents=True, exist_ok=True)
            shutil.move(cell / Path(output).relative_to(folder), output)


with job("demo cell", snakemake.log[0]):
    main()
