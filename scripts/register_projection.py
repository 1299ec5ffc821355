"""Register an MRI projection to the tomogram of its state, and through it to the reference."""

import numpy as np
from carry import carried, write

from spallmap.axes import AxesPrior
from spallmap.figures.registration import projection_picture, refused_picture
from spallmap.jobs import job
from spallmap.readers.results import read_stack
from spallmap.registration.compose import refused
from spallmap.registration.projection import register_projection, render_projection
from spallmap.writers.ome_zarr import read_volume
from spallmap.writers.tables import read_json


def main() -> None:
    inputs, params = snakemake.input, snakemake.params
    stack = read_stack(inputs.echoes)
    summary = read_json(inputs.summary)
    reason = None
    if not inputs.get("labels"):
        reason = "the cell has no tomogram to place it in"
    elif stack.n_spatial == 3:
        reason = f"a stack of {stack.spatial_shape[0]} slices is no projection through the cell"
    elif summary["n_coils"] > 1:
        reason = f"the noise of {summary['n_coils']} combined coils is not what the match is judged by"
    if reason is not None:
        registration = refused(reason)
        write(registration, refused_picture(registration), inputs.get("landmarks"), snakemake.output)
        return
    # The shortest echo time is the least weighted by T2.
    image = stack.data[int(np.argmin(read_json(inputs.echoes_json)["te_ms"]))]
    sigma = summary["noise_sigma"]
    excluded = np.squeeze(read_stack(inputs.regions).data) > 0
    labels = read_volume(inputs.labels)
    phases = np.asarray(labels.data)
    registration = register_projection(
        image,
        stack.spacing_um,
        sigma,
        phases,
        labels.spacing_um,
        AxesPrior.parse(params.axes),
        exclude=excluded,
        skin_depth_um=params.skin_depth_um,
        seed=params.seed,
    )
    found = registration.diagnostics
    model = None
    if "electrode_gain" in found:
        model = render_projection(
            phases,
            labels.spacing_um,
            registration.map,
            image.shape,
            stack.spacing_um,
            skin_depth_um=found["skin_depth_um"],
            electrode_gain=tuple(found["electrode_gain"]),
        )
    picture = projection_picture(image, model, sigma, stack.spacing_um, registration, excluded)
    registration = carried(registration, inputs.get("tomogram_to_reference"), "the tomogram of its state")
    write(registration, picture, inputs.get("landmarks"), snakemake.output)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
