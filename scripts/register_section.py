"""Register a section to the tomogram of its state, and through it to the reference."""

from typing import TYPE_CHECKING

import numpy as np
from carry import carried, landmarks_in_tomogram, write

from spallmap.axes import AxesPrior
from spallmap.figures.registration import section_picture
from spallmap.figures.registration.refused_picture import refused_picture
from spallmap.image import Image
from spallmap.jobs import job
from spallmap.registration.compose import refused
from spallmap.registration.section import register_section
from spallmap.results.ome_tiff import channel, read_stack
from spallmap.results.ome_zarr import read_volume

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, params = snakemake.input, snakemake.params
    stack = read_stack(inputs.image)
    reason = None
    if not inputs.get("volume"):
        reason = "the cell has no tomogram to place it in"
    elif params.modality == "edx":
        reason = (
            "element maps are placed in an SEM image: name the image that they lie in, in the column 'within'"
        )
    if reason is not None:
        registration = refused(reason)
        write(registration, refused_picture(registration), inputs.get("landmarks"), snakemake.output)
        return
    image = Image(channel(stack, "grey"), ("y", "x"), stack.spacing_um, mask=channel(stack, "mask") > 0)
    volume = read_volume(inputs.volume)
    grey = np.asarray(volume.data)
    dz_um, dy_um, dx_um = volume.spacing_um
    registration = register_section(
        image,
        grey,
        np.asarray(read_volume(inputs.labels).data),
        (dz_um, dy_um, dx_um),
        AxesPrior.parse(params.axes),
        seed=params.seed,
        threads=snakemake.threads,
        landmarks=landmarks_in_tomogram(inputs.get("landmarks"), inputs.get("tomogram_to_reference")),
    )
    picture = section_picture(image.data, image.mask, image.spacing_um, grey, volume.spacing_um, registration)
    registration = carried(registration, inputs.get("tomogram_to_reference"), "the tomogram of its state")
    write(registration, picture, inputs.get("landmarks"), snakemake.output)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
