"""Say which cracks of a tomogram are new against the pristine one."""

import math
from typing import TYPE_CHECKING

import numpy as np

from spallmap.frames import AffineMap
from spallmap.jobs import job
from spallmap.results.ome_zarr import open_zarr, read_volume
from spallmap.results.pyramid import level_shapes
from spallmap.results.registration import read_registration
from spallmap.results.tables import read_json, read_table, write_table
from spallmap.results.vtk import read_polydata
from spallmap.tomography.measures.changes import compare_cracks, complete, shown_by, vertex_areas

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

REACH_VOXELS = 2.0


def placed(path: str | None) -> tuple[AffineMap, float, bool]:
    """Map to the reference frame, its error in um, and whether anything may rest on it."""
    if not path:
        return AffineMap.identity(), 0.0, True
    registration = read_registration(path)
    errors = (registration.se_um.u, registration.se_um.v, registration.se_um.normal)
    known = registration.accepted and None not in errors
    return registration.map, math.hypot(*(e or 0.0 for e in errors)), known


def main() -> None:
    inputs = snakemake.input
    points, triangles, data = read_polydata(inputs.surfaces)
    earlier, _, earlier_data = read_polydata(inputs.null_surfaces)
    finest = open_zarr(inputs.null_labels)
    labels = read_volume(inputs.null_labels, level=min(1, len(level_shapes(finest.data.shape)) - 1))
    _, own_um, own_known = placed(inputs.get("to_reference"))
    to_reference, null_um, null_known = placed(inputs.get("null_to_reference"))
    comparable = shown_by(points, to_reference, labels.data, labels.spacing_um)
    if not (own_known and null_known and read_json(inputs.null_summary)["searched"]):
        # Nothing can be said of what was there before.
        comparable = np.zeros_like(comparable)
    voxel_um = max(*finest.spacing_um, *open_zarr(inputs.labels).spacing_um)
    table = compare_cracks(
        points,
        data["crack"],
        vertex_areas(points, triangles),
        data["aperture_um"],
        earlier,
        earlier_data["aperture_um"],
        REACH_VOXELS * voxel_um + math.hypot(own_um, null_um),
        comparable,
    )
    write_table(snakemake.output[0], complete(table, list(read_table(inputs.table)["crack"])))


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
