"""Register a detail or element maps to the SEM image that they lie in, and through it to the reference."""

from typing import TYPE_CHECKING

import numpy as np
from carry import carried, write

from spallmap.figures.registration import inset_picture
from spallmap.jobs import job
from spallmap.registration.inset.register import register_inset
from spallmap.results.ome_tiff import channel, element_names, read_stack

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, params = snakemake.input, snakemake.params
    stack, outer = read_stack(inputs.image), read_stack(inputs.outer)
    names: tuple[str, ...] = ()
    if params.modality == "sem":
        image, mask = channel(stack, "grey")[None], channel(stack, "mask") > 0
    else:
        names = element_names(stack)
        image = np.stack([channel(stack, name) for name in names])
        mask = np.ones(stack.spatial_shape, bool)
    overview, overview_mask = channel(outer, "grey"), channel(outer, "mask") > 0
    registration = register_inset(
        image,
        mask,
        stack.spacing_um,
        overview,
        overview_mask,
        outer.spacing_um,
        kind=params.modality,
        seed=params.seed,
    )
    picture = inset_picture(
        image,
        mask,
        stack.spacing_um,
        overview,
        overview_mask,
        outer.spacing_um,
        registration,
        params.modality,
        elements=names,
    )
    registration = carried(registration, inputs.outer_to_reference, f"SEM image {params.within}")
    write(registration, picture, inputs.get("landmarks"), snakemake.output)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
