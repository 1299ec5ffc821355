"""Put one cell's figures where the paper's are looked for."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    for made, wanted in zip(snakemake.input.figures, snakemake.output.figures, strict=True):
        shutil.copy(made, wanted)
    shutil.copytree(snakemake.input.numbers, Path(snakemake.output.numbers), dirs_exist_ok=True)


with job(f"figures of {snakemake.params.cell}", snakemake.log[0]):
    main()
