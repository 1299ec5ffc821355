"""Bring a tomogram to the common grey scale and tell its phases."""

from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.readers import open_volume
from spallmap.results.ome_zarr import open_zarr
from spallmap.results.slabs import WHOLE_SLICES, write_slabs
from spallmap.results.tables import write_json
from spallmap.tomography import common_grey, plan_phases

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    output, place, threads = snakemake.output, snakemake.params.path, snakemake.threads
    with open_volume(Path(place), snakemake.params.spacing_um) as raw:
        shape, spacing_um = raw.data.shape, raw.spacing_um
        scale = common_grey(raw.data, place=place, threads=threads)
        write_slabs(
            output.volume,
            shape,
            "uint16",
            spacing_um,
            lambda region: scale.apply(raw.data, region),
            threads=threads,
            block=WHOLE_SLICES,
        )
    grey = open_zarr(output.volume).data
    has_ceramic = scale.ceramic_level is not None
    plan = plan_phases(grey, spacing_um, place=place, threads=threads, ceramic=has_ceramic)
    write_slabs(
        output.labels,
        shape,
        "uint8",
        spacing_um,
        lambda region: plan.labels(grey, region),
        labels=True,
        threads=threads,
    )
    summary = scale.as_json()
    if has_ceramic and not plan.has_ceramic:
        summary["finding"] = "no ceramic: no bright body lies between two faces"
    write_json(output.grey, summary)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
