"""Say which cracks of a tomogram are new against the pristine one."""

import math

from spallmap.frames import AffineMap
from spallmap.jobs import job
from spallmap.readers.results import read_polydata
from spallmap.tomography.changes import compare_cracks, complete, shown_by, vertex_areas
from spallmap.writers.ome_zarr import read_volume
from spallmap.writers.registration import read_registration
from spallmap.writers.tables import read_table, write_table

LEVEL = 1
REACH_VOXELS = 2.0


def main() -> None:
    inputs = snakemake.input
    points, triangles, data = read_polydata(inputs.surfaces)
    earlier, _, earlier_data = read_polydata(inputs.null_surfaces)
    labels = read_volume(inputs.null_labels, level=LEVEL)
    to_reference, error_um = AffineMap.identity(), 0.0
    if inputs.get("null_to_reference"):
        registration = read_registration(inputs.null_to_reference)
        se = registration.se_um
        to_reference, error_um = registration.map, math.hypot(*(e or 0.0 for e in (se.u, se.v, se.normal)))
        if not registration.accepted:
            # Nothing can be said of what was there before.
            points, triangles, data = points[:0], triangles[:0], {k: v[:0] for k, v in data.items()}
    table = compare_cracks(
        points,
        data["crack"],
        vertex_areas(points, triangles),
        data["aperture_um"],
        earlier,
        earlier_data["aperture_um"],
        REACH_VOXELS * min(labels.spacing_um) / 2**LEVEL + error_um,
        shown_by(points, to_reference, labels.data, labels.spacing_um),
    )
    write_table(snakemake.output[0], complete(table, list(read_table(inputs.table)["crack"])))


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
