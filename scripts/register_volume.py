"""Register a tomogram to the reference tomogram."""

from typing import TYPE_CHECKING

import numpy as np
from carry import write

from spallmap.axes import AxesPrior
from spallmap.figures.registration.volume_picture import volume_picture
from spallmap.jobs import job
from spallmap.registration.volume.register import register_volume
from spallmap.results.ome_zarr import read_volume

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, params = snakemake.input, snakemake.params
    moving, fixed = read_volume(inputs.moving_volume), read_volume(inputs.fixed_volume)
    moving_grey, fixed_grey = np.asarray(moving.data), np.asarray(fixed.data)
    registration = register_volume(
        moving_grey,
        np.asarray(read_volume(inputs.moving_labels).data),
        moving.spacing_um,
        fixed_grey,
        np.asarray(read_volume(inputs.fixed_labels).data),
        fixed.spacing_um,
        prior=AxesPrior.parse(params.axes),
        seed=params.seed,
        threads=snakemake.threads,
    )
    picture = volume_picture(moving_grey, moving.spacing_um, fixed_grey, fixed.spacing_um, registration)
    write(registration, picture, inputs.get("landmarks"), snakemake.output)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
