"""Join what was found in a tomogram's slabs to cracks, measure them and trace their mid-surfaces."""

from typing import TYPE_CHECKING

from spallmap.jobs import job
from spallmap.results.crack_search_parts import read_candidates, read_thresholds
from spallmap.results.crack_surfaces import read_reference_pose
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.ome_zarr import open_zarr
from spallmap.results.slabs import write_slabs
from spallmap.results.tables import read_json, write_json, write_table
from spallmap.results.vtk import write_polydata
from spallmap.tomography import (
    LIMIT_CHANNELS,
    assemble_cracks,
    crack_labels,
    describe_cracks,
    surface_in_reference,
    without_shells,
    without_steps,
    without_streaks,
)

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, output, threads = snakemake.input, snakemake.output, snakemake.threads
    volume, labels = open_zarr(inputs.volume), open_zarr(inputs.labels).data
    grey, spacing_um = volume.data, volume.spacing_um
    parts = (read_candidates(path) for path in inputs.slabs)
    cracks = assemble_cracks(parts, grey.shape, read_thresholds(inputs.thresholds), threads)
    cracks, n_streaks = without_streaks(cracks, grey, labels)
    cracks, n_shells = without_shells(cracks, grey, labels, threads)
    cracks, n_steps = without_steps(cracks, grey, labels, threads)
    found = describe_cracks(cracks, grey, labels, spacing_um, threads)
    pose = read_reference_pose(inputs.get("to_reference"))
    surface, surfaces = surface_in_reference(found.surface, pose)
    write_slabs(
        output.cracks,
        grey.shape,
        "int32",
        spacing_um,
        lambda region: crack_labels(cracks, grey, labels, region),
        labels=True,
        threads=threads,
    )
    write_table(output.table, found.table)
    write_table(output.measures, found.measures)
    limit = found.limit
    write_ome_tiff(output.limit, limit.maps, LIMIT_CHANNELS, limit.node_spacing_um(spacing_um))
    write_polydata(output.surfaces, surface.points_xyz_um, surface.triangles, surface.point_data)
    summary = found.summary(read_json(inputs.grey)["finding"], surfaces)
    left_out = {"n_streaks": n_streaks, "n_shells": n_shells, "n_steps": n_steps}
    write_json(output.summary, summary | left_out)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
