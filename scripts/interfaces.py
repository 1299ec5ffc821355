"""Map the interfaces of a tomogram's ceramic: heights, contact with the electrodes, voids."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.ome_zarr import open_zarr
from spallmap.results.tables import write_json, write_table
from spallmap.tomography.contact.interface_maps import CHANNELS, interface_maps

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, output = snakemake.input, snakemake.output
    volume, labels = open_zarr(inputs.volume), open_zarr(inputs.labels)
    found = interface_maps(volume.data, labels.data, volume.spacing_um, snakemake.threads)
    write_ome_tiff(output.maps, found.maps, CHANNELS, volume.spacing_um[1:])
    write_table(output.voids, found.voids)
    write_json(output.summary, found.summary)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
