"""Bring a tomogram to the common grey scale and separate its phases."""

from pathlib import Path
from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.readers import open_volume
from spallmap.results.data_warnings import write_warnings
from spallmap.results.input_records import recorded_inputs
from spallmap.results.ome_zarr import open_zarr
from spallmap.results.slabs import WHOLE_SLICES, write_slabs
from spallmap.results.tables import write_json
from spallmap.tomography import common_grey, grey_summary, plan_phases

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    output, params, threads = snakemake.output, snakemake.params, snakemake.threads
    path = params.path
    with open_volume(Path(path), params.spacing_um, unusual=params.unusual) as raw:
        shape, spacing_um = raw.data.shape, raw.spacing_um
        declared = "grey_scale" in params.unusual
        scale = common_grey(raw.data, source_label=path, threads=threads, slices_declared=declared)
        write_warnings(output.warnings, (*raw.info.warnings, *scale.warnings))
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
    plan = plan_phases(
        grey, spacing_um, source_label=path, threads=threads, ceramic=scale.ceramic_level is not None
    )
    write_slabs(
        output.labels,
        shape,
        "uint8",
        spacing_um,
        lambda region: plan.labels(grey, region),
        labels=True,
        threads=threads,
    )
    write_json(output.grey, grey_summary(scale, plan))


with (
    job(snakemake.wildcards.acq, snakemake.log[0]),
    recorded_inputs(snakemake.output.inputs, snakemake.params.path, "xct"),
):
    main()
