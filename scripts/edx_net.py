"""Turn element windows into net counts with their standard deviation."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.results.data_warnings import write_warnings
from spallmap.results.input_records import recorded_inputs
from spallmap.results.ome_tiff import SD_SUFFIX, write_ome_tiff
from spallmap.sections import net_counts

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    params = snakemake.params
    image = open_image(Path(params.path), "edx", params.spacing_um, unusual=params.unusual)
    write_warnings(snakemake.output.warnings, image.warnings)
    elements = image.meta["channels"]
    net, sd = net_counts(image.data)
    channels = (*elements, *(f"{element}{SD_SUFFIX}" for element in elements))
    stack = np.concatenate([net, sd]).astype(np.float32)
    write_ome_tiff(snakemake.output.elements, stack, channels, image.spacing_um)


with (
    job(snakemake.wildcards.acq, snakemake.log[0]),
    recorded_inputs(snakemake.output.inputs, snakemake.params.path, "edx"),
):
    main()
