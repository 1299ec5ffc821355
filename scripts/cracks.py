"""Find the cracks of a tomogram, measure them and trace their mid-surfaces."""

from dataclasses import asdict

import numpy as np

from spallmap.jobs import job
from spallmap.tomography import find_cracks, measure_cracks, mid_surfaces, trace_sheets
from spallmap.writers.ome_zarr import read_volume, write_volume
from spallmap.writers.registration import read_registration
from spallmap.writers.tables import write_json, write_table
from spallmap.writers.vtk import write_polydata


def main() -> None:
    inputs, output = snakemake.input, snakemake.output
    volume = read_volume(inputs.volume)
    grey, spacing_um = np.asarray(volume.data), volume.spacing_um
    phases = np.asarray(read_volume(inputs.labels).data)
    null_grey = null_phases = None
    if inputs.get("null_volume"):
        null_grey = np.asarray(read_volume(inputs.null_volume).data)
        null_phases = np.asarray(read_volume(inputs.null_labels).data)
    cracks = find_cracks(grey, phases, spacing_um, null_grey, null_phases)
    sheets = trace_sheets(cracks, grey, phases, spacing_um)
    table = measure_cracks(cracks, grey, phases, spacing_um, sheets)
    surface = mid_surfaces(cracks, grey, phases, spacing_um, sheets)
    points, triangles, data = surface.points_xyz_um, surface.triangles, surface.point_data
    place = "own frame is the reference frame"
    if inputs.get("to_reference"):
        registration = read_registration(inputs.to_reference)
        place = "mapped to the reference frame"
        if registration.accepted:
            points = registration.map(points)
        else:
            place = "left out: the tomogram's registration was refused"
            points, triangles, data = points[:0], triangles[:0], {k: v[:0] for k, v in data.items()}
    write_volume(output.cracks, cracks.labels, spacing_um, labels=True)
    write_table(output.table, table)
    write_polydata(output.surfaces, points, triangles, data)
    write_json(
        output.summary, {"n_cracks": len(table), "surfaces": place, "thresholds": asdict(cracks.thresholds)}
    )


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
