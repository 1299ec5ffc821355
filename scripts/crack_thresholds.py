"""Set the thresholds that a tomogram's cracks have to exceed."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.results.crack_search_parts import write_thresholds
from spallmap.results.ome_zarr import open_zarr
from spallmap.tomography.cracks.thresholds import crack_thresholds

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs = snakemake.input
    grey, labels = open_zarr(inputs.volume).data, open_zarr(inputs.labels).data
    null_grey = null_labels = None
    if inputs.get("null_volume"):
        null_grey, null_labels = open_zarr(inputs.null_volume).data, open_zarr(inputs.null_labels).data
    thresholds = crack_thresholds(grey, labels, null_grey, null_labels, threads=snakemake.threads)
    write_thresholds(snakemake.output[0], thresholds)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
