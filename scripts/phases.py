"""Bring a tomogram to the common grey scale and tell its phases."""

from dataclasses import asdict
from pathlib import Path

from spallmap.jobs import job
from spallmap.readers import open_image
from spallmap.tomography import common_grey, segment_phases
from spallmap.writers.ome_zarr import write_volume
from spallmap.writers.tables import write_json


def main() -> None:
    image = open_image(Path(snakemake.input.raw), "xct", snakemake.params.spacing_um)
    scale = common_grey(image.data, place=snakemake.input.raw)
    grey = scale.apply(image.data)
    write_volume(snakemake.output.volume, grey, image.spacing_um)
    write_volume(
        snakemake.output.labels,
        segment_phases(grey, image.spacing_um, place=snakemake.input.raw),
        image.spacing_um,
        labels=True,
    )
    write_json(snakemake.output.grey, asdict(scale))


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
