"""Put one cell's figures where the paper's are looked for."""

import shutil
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.results.atomic import atomic_path

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    for made, wanted in zip(snakemake.input.figures, snakemake.output.figures, strict=True):
        with atomic_path(wanted) as part:
            shutil.copy(made, part)
    with atomic_path(snakemake.output.numbers) as part:
        shutil.copytree(snakemake.input.numbers, part)


with job(f"figures of {snakemake.params.cell}", snakemake.log[0]):
    main()
