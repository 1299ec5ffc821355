"""Join what was found in a tomogram's slabs to cracks, measure them and trace their mid-surfaces."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from spallmap.jobs import job
from spallmap.results.crack_search_parts import read_candidates, read_thresholds
from spallmap.results.ome_tiff import write_ome_tiff
from spallmap.results.ome_zarr import open_zarr
from spallmap.results.registration import read_registration
from spallmap.results.slabs import write_slabs
from spallmap.results.tables import read_json, write_json, write_table
from spallmap.results.vtk import write_polydata
from spallmap.tomography import (
    crack_labels,
    find_interfaces,
    measure_cracks,
    mid_surfaces,
    trace_sheets,
)
from spallmap.tomography.cracks.crack_search import assemble_cracks
from spallmap.tomography.measures.blur import measure_blur
from spallmap.tomography.measures.descriptors import COLUMNS
from spallmap.tomography.measures.detection import detection_limit
from spallmap.tomography.measures.filling import sodium_contrast

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, output, threads = snakemake.input, snakemake.output, snakemake.threads
    volume = open_zarr(inputs.volume)
    grey, spacing_um = volume.data, volume.spacing_um
    labels = open_zarr(inputs.labels).data
    thresholds = read_thresholds(inputs.thresholds)
    parts = (read_candidates(path) for path in inputs.slabs)
    nz, ny, nx = grey.shape
    cracks = assemble_cracks(parts, (nz, ny, nx), thresholds, threads)
    sheets = trace_sheets(cracks, grey, labels, spacing_um, threads)
    table = measure_cracks(cracks, grey, labels, spacing_um, sheets, threads)
    blur = measure_blur(grey, find_interfaces(labels, grey, threads))
    contrast = sodium_contrast(grey, labels)
    limit = detection_limit(grey, labels, spacing_um, thresholds, blur, contrast, threads)
    surface = mid_surfaces(cracks, grey, labels, spacing_um, sheets, threads)
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
    write_slabs(
        output.cracks,
        grey.shape,
        "int32",
        spacing_um,
        lambda region: crack_labels(cracks, grey, labels, region),
        labels=True,
        threads=threads,
    )
    write_table(output.table, table[list(COLUMNS)])
    write_table(output.measures, table)
    write_ome_tiff(
        output.limit,
        np.stack([limit.air_um, limit.sodium_um]),
        ("air_um", "sodium_um"),
        [limit.node_voxels * s for s in spacing_um],
    )
    write_polydata(output.surfaces, points, triangles, data)
    write_json(
        output.summary,
        {
            "n_cracks": len(table),
            "searched": thresholds.usable,
            "finding": read_json(inputs.grey)["finding"],
            "surfaces": place,
            "thresholds": asdict(thresholds),
            "blur_voxels": blur.sigma_voxels,
            "blur_relative_se": blur.relative_se,
            "sodium_contrast": contrast,
            "detection_limit": {
                "air_um": limit.median_air_um,
                "sodium_um": limit.median_sodium_um,
                "node_voxels": limit.node_voxels,
            },
        },
    )


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
