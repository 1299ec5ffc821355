"""Register an MRI, in projection or in slices, to its tomogram, and through that to the reference."""

from typing import TYPE_CHECKING

import numpy as np
from carry import carried, write

from spallmap.axes import AxesPrior
from spallmap.figures.registration import projection_picture
from spallmap.figures.registration.refused_picture import refused_picture
from spallmap.jobs import job
from spallmap.registration.compose import refused
from spallmap.registration.projection import register_projection, render_projection
from spallmap.results.ome_tiff import read_stack
from spallmap.results.ome_zarr import read_volume
from spallmap.results.tables import read_json

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, params = snakemake.input, snakemake.params
    stack = read_stack(inputs.echoes)
    summary = read_json(inputs.summary)
    prior = AxesPrior.parse(params.axes)
    reason = None
    if not inputs.get("labels"):
        reason = "the cell has no tomogram to place it in"
    elif len(prior.names) != stack.n_spatial:
        reason = f"the table names {len(prior.names)} axes, and the image has {stack.n_spatial}"
    if reason is not None:
        registration = refused(reason)
        write(registration, refused_picture(registration), inputs.get("landmarks"), snakemake.output)
        return
    # The shortest echo time is the least weighted by T2.
    image = stack.data[int(np.argmin(read_json(inputs.echoes_json)["te_ms"]))]
    sigma, n_coils = summary["noise_sigma"], summary["n_coils"]
    excluded = np.reshape(read_stack(inputs.regions).data, image.shape) > 0
    labels = read_volume(inputs.labels)
    phases = np.asarray(labels.data)
    registration = register_projection(
        image,
        stack.spacing_um,
        sigma,
        phases,
        labels.spacing_um,
        prior,
        exclude=excluded,
        skin_depth_um=params.skin_depth_um,
        n_coils=n_coils,
        seed=params.seed,
    )
    scan = registration.diagnostics.scan
    model = None
    if scan is not None:
        model = render_projection(
            phases,
            labels.spacing_um,
            registration.map,
            image.shape,
            stack.spacing_um,
            skin_depth_um=scan.skin_depth_um,
            electrode_gain=scan.electrode_gain,
            coil=scan.coil,
        )
    # The picture is of one plane, the brightest slice, on the scale of one coil's noise.
    image = np.sqrt(np.maximum(image.astype(np.float64) ** 2 - 2.0 * (n_coils - 1) * sigma**2, 0.0))
    if image.ndim == 3:
        brightest = int(np.argmax((image if model is None else model).sum(axis=(1, 2))))
        image, excluded = image[brightest], excluded[brightest]
        model = None if model is None else model[brightest]
    picture = projection_picture(image, model, sigma, stack.spacing_um[-2:], registration, excluded)
    registration = carried(registration, inputs.get("tomogram_to_reference"), "the tomogram of its state")
    write(registration, picture, inputs.get("landmarks"), snakemake.output)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
