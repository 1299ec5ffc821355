"""Say which cracks of a tomogram are new against the pristine one."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.results.crack_surfaces import read_reference_pose, read_surface
from spallmap.results.ome_zarr import open_zarr, read_volume
from spallmap.results.pyramid import level_shapes
from spallmap.results.tables import read_json, read_table, write_table
from spallmap.tomography import comparison_level, crack_changes

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs = snakemake.input
    null = open_zarr(inputs.null_labels)
    level = comparison_level(len(level_shapes(null.data.shape)))
    table = crack_changes(
        read_surface(inputs.surfaces),
        read_surface(inputs.null_surfaces),
        list(read_table(inputs.table)["crack"]),
        read_volume(inputs.null_labels, level),
        [*null.spacing_um, *open_zarr(inputs.labels).spacing_um],
        read_reference_pose(inputs.get("to_reference")),
        read_reference_pose(inputs.get("null_to_reference")),
        earlier_searched=read_json(inputs.null_summary)["searched"],
    )
    write_table(snakemake.output[0], table)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
