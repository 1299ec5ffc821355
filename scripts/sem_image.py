"""Separate the specimen from the data bar of an SEM image."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.results.ome_tiff import write_ome_tiff

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    image = open_image(Path(snakemake.input.raw), "sem", snakemake.params.spacing_um)
    seen = np.ones(image.data.shape, bool) if image.mask is None else image.mask
    channels = np.stack([image.data.astype(np.float32), seen.astype(np.float32)])
    write_ome_tiff(snakemake.output.image, channels, ("grey", "mask"), image.spacing_um)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
