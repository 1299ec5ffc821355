"""Write down how the results were made."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.provenance import digests, machine, versions
from spallmap.readers import input_files
from spallmap.results.tables import write_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    config, rows = snakemake.params.parameters, snakemake.params.rows
    record = {
        "inputs": digests(file for row in rows for file in input_files(row["path"], row["modality"])),
        "acquisitions": rows,
        "parameters": config,
        "random_seed": config["random_seed"],
        "versions": versions(),
        "machine": machine(),
    }
    write_json(snakemake.output[0], record)


with job("provenance", snakemake.log[0]):
    main()
