"""Set the thresholds that a tomogram's cracks have to exceed."""

from spallmap.jobs import job
from spallmap.results.crack_search_parts import write_thresholds
from spallmap.results.ome_zarr import open_zarr
from spallmap.tomography.cracks.thresholds import crack_thresholds


def main() -> None:
    inputs = snakemake.input
    null = ()
    if inputs.get("null_volume"):
        null = (open_zarr(inputs.null_volume).data, open_zarr(inputs.null_labels).data)
    volumes = (open_zarr(inputs.volume).data, open_zarr(inputs.labels).data)
    write_thresholds(snakemake.output[0], crack_thresholds(*volumes, *null, threads=snakemake.threads))


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
