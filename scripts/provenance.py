"""Write down how the results were made."""

from pathlib import Path

from spallmap.jobs import job
from spallmap.provenance import digests, machine, versions
from spallmap.writers.tables import write_json


def main() -> None:
    config = snakemake.config
    record = {
        "inputs": digests(Path(p) for p in snakemake.input.raw),
        "acquisitions": snakemake.params.rows,
        "parameters": config,
        "random_seed": config["random_seed"],
        "versions": versions(),
        "machine": machine(),
    }
    write_json(snakemake.output[0], record)


with job("provenance", snakemake.log[0]):
    main()
