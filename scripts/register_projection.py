"""Register an MRI, in projection or in slices, to its tomogram, and through that to the reference."""

from typing import TYPE_CHECKING

import numpy as np

from spallmap.axes import AxesPrior
from spallmap.figures.registration import projection_picture, refused_picture
from spallmap.figures.registration.pairs import pair_notes
from spallmap.jobs import job
from spallmap.registration import register_projection
from spallmap.registration.compose import carried, refused
from spallmap.registration.feasibility import why_not_projection
from spallmap.registration.landmark_fit import apply_landmarks
from spallmap.registration.projection import fitted_projection, least_weighted_echo
from spallmap.relaxometry import UNUSABLE
from spallmap.results.documents import write_figure
from spallmap.results.ome_tiff import channel, read_stack
from spallmap.results.ome_zarr import read_volume
from spallmap.results.registration import read_registration, write_registration
from spallmap.results.tables import read_json
from spallmap.sampling import AcquiredSampling
from spallmap.user_files.landmark_file import read_recorded_landmarks

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, out, params = snakemake.input, snakemake.output, snakemake.params
    echoes, t2 = read_stack(inputs.echoes), read_json(inputs.summary)
    landmarks, landmarks_read = read_recorded_landmarks(params.landmarks)
    outer = inputs.get("tomogram_to_reference")
    tomogram = read_registration(outer) if outer else None
    prior = AxesPrior.parse(params.axes)
    reason = why_not_projection(bool(inputs.get("labels")), prior, echoes.n_spatial)
    if reason:
        registration = refused(reason)
        picture = refused_picture(registration)
    else:
        status = channel(read_stack(inputs.maps), "status")
        excluded = (read_stack(inputs.regions).data[0] > 0) | np.isin(status, UNUSABLE)
        te_ms, spoiled_ms = read_json(inputs.echoes_json)["te_ms"], t2["spoiled"]["echoes_ms"]
        image = least_weighted_echo(echoes, te_ms, excluded, spoiled_ms)
        labels = read_volume(inputs.labels)
        sampling = AcquiredSampling.from_dict(t2["sampling"]) if "sampling" in t2 else None
        phases, sigma, n_coils = np.asarray(labels.data), t2["noise_sigma"], t2["n_coils"]
        registration = register_projection(
            image,
            phases,
            labels.spacing_um,
            prior=prior,
            sigma=sigma,
            n_coils=n_coils,
            skin_depth_um=params.skin_depth_um,
            sampling=sampling,
            readout=t2["readout"],
            seed=params.seed,
        )
        model = fitted_projection(registration, image, phases, labels.spacing_um)
        picture = projection_picture(
            image.data, model, sigma, image.spacing_um, registration, excluded, n_coils
        )
        registration = carried(registration, tomogram, "the tomogram of its state")
    write_figure(out.picture, picture, notes=pair_notes(picture))
    write_registration(out.json, out.tfm, apply_landmarks(registration, landmarks), landmarks_read)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
