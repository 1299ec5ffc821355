"""Link long-T2 regions to cracks."""

from typing import TYPE_CHECKING

import numpy as np

from spallmap.jobs import job
from spallmap.links import link_regions, unlinked
from spallmap.results.ome_tiff import read_stack
from spallmap.results.ome_zarr import read_volume
from spallmap.results.registration import read_registration
from spallmap.results.tables import write_json, write_table

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs = snakemake.input
    regions = read_stack(inputs.regions)
    registration = read_registration(inputs.mri_to_reference)
    cracks = read_volume(inputs.cracks)
    labels = np.squeeze(regions.data[0])
    if not registration.accepted:
        links = unlinked(
            labels, cracks.data, "the MRI's registration was refused: " + "; ".join(registration.reasons)
        )
    elif labels.ndim != 2:
        links = unlinked(labels, cracks.data, "the MRI is a stack of slices; only projections are linked")
    else:
        to_tomogram = registration.map
        if inputs.get("tomogram_to_reference"):
            # An accepted MRI that was placed through its own tomogram implies that the tomogram was accepted.
            to_tomogram = read_registration(inputs.tomogram_to_reference).map.inverse() @ registration.map
        links = link_regions(
            labels,
            regions.spacing_um,
            to_tomogram,
            registration.se_um,
            cracks.data,
            read_volume(inputs.labels).data,
            cracks.spacing_um,
            seed=snakemake.params.seed,
            n_null=snakemake.params.n_null,
        )
    write_table(snakemake.output.table, links.table)
    write_json(snakemake.output.summary, links.summary)


with job(snakemake.wildcards.place, snakemake.log[0]):
    main()
