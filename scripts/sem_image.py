"""Separate the specimen from the data bar of an SEM image."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.results.data_warnings import write_warnings
from spallmap.results.input_records import recorded_inputs
from spallmap.results.ome_tiff import write_ome_tiff

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    params = snakemake.params
    image = open_image(Path(params.path), "sem", params.spacing_um, unusual=params.unusual)
    write_warnings(snakemake.output.warnings, image.warnings)
    seen = np.ones(image.data.shape, bool) if image.mask is None else image.mask
    channels = np.stack([image.data.astype(np.float32), seen.astype(np.float32)])
    write_ome_tiff(snakemake.output.image, channels, ("grey", "mask"), image.spacing_um)


with (
    job(snakemake.wildcards.acq, snakemake.log[0]),
    recorded_inputs(snakemake.output.inputs, snakemake.params.path, "sem"),
):
    main()
