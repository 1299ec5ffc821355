"""Find the ridge voxels of one slab of a tomogram."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.results.crack_search_parts import read_thresholds, write_candidates
from spallmap.results.ome_zarr import open_zarr
from spallmap.tomography.cracks.crack_search import find_candidates

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs = snakemake.input
    grey, labels = open_zarr(inputs.volume).data, open_zarr(inputs.labels).data
    nz, ny, nx = grey.shape
    number, n_slabs = int(snakemake.wildcards.slab), snakemake.params.n_slabs
    z = slice(nz * number // n_slabs, nz * (number + 1) // n_slabs)
    thresholds = read_thresholds(inputs.thresholds)
    region = (z, slice(0, ny), slice(0, nx))
    found = find_candidates(grey, labels, region, thresholds, threads=snakemake.threads)
    write_candidates(snakemake.output[0], found)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
