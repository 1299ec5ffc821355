"""Link long-T2 regions to cracks."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.links import link_acquisition
from spallmap.results.ome_tiff import read_stack
from spallmap.results.ome_zarr import read_volume
from spallmap.results.registration import read_registration
from spallmap.results.tables import write_json, write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, params = snakemake.input, snakemake.params
    regions, cracks = read_stack(inputs.regions), read_volume(inputs.cracks)
    tomogram = inputs.get("tomogram_to_reference")
    links = link_acquisition(
        regions.data[0],
        regions.spacing_um,
        read_registration(inputs.mri_to_reference),
        cracks.data,
        read_volume(inputs.labels).data,
        cracks.spacing_um,
        tomogram=read_registration(tomogram) if tomogram else None,
        seed=params.seed,
        n_null=params.n_null,
    )
    write_table(snakemake.output.table, links.table)
    write_json(snakemake.output.summary, links.summary)


with job(snakemake.wildcards.place, snakemake.log[0]):
    main()
