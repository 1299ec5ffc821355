"""Write down how the results were made."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.provenance import run_record
from spallmap.results.input_records import read_inputs
from spallmap.results.tables import write_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    params = snakemake.params
    record = run_record(params.rows, params.parameters, read_inputs(params.folders))
    write_json(snakemake.output[0], record)


with job("provenance", snakemake.log[0]):
    main()
