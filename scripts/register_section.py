"""Register a section to the tomogram of its state, and through it to the reference."""

from typing import TYPE_CHECKING

import numpy as np

from spallmap.axes import AxesPrior
from spallmap.figures.registration import refused_picture, section_picture
from spallmap.figures.registration.pairs import pair_notes
from spallmap.jobs import job
from spallmap.registration import register_section
from spallmap.registration.compose import carried, refused
from spallmap.registration.feasibility import why_not_section
from spallmap.registration.landmark_fit import apply_landmarks, landmarks_in
from spallmap.results.documents import write_figure
from spallmap.results.ome_zarr import read_volume
from spallmap.results.registration import read_registration, write_registration
from spallmap.results.section_images import read_grey_image
from spallmap.user_files.landmark_file import read_recorded_landmarks

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, out, params = snakemake.input, snakemake.output, snakemake.params
    landmarks, landmarks_read = read_recorded_landmarks(params.landmarks)
    outer = inputs.get("tomogram_to_reference")
    tomogram = read_registration(outer) if outer else None
    reason = why_not_section(bool(inputs.get("volume")), params.modality)
    if reason:
        registration = refused(reason)
        picture = refused_picture(registration)
    else:
        image, volume = read_grey_image(inputs.image), read_volume(inputs.volume)
        grey = np.asarray(volume.data)
        registration = register_section(
            image,
            grey,
            np.asarray(read_volume(inputs.labels).data),
            volume.spacing_um,
            prior=AxesPrior.parse(params.axes),
            landmarks=landmarks_in(landmarks, tomogram),
            seed=params.seed,
            threads=snakemake.threads,
        )
        picture = section_picture(
            image.data, image.mask, image.spacing_um, grey, volume.spacing_um, registration
        )
        registration = carried(registration, tomogram, "the tomogram of its state")
    write_figure(out.picture, picture, notes=pair_notes(picture))
    write_registration(out.json, out.tfm, apply_landmarks(registration, landmarks), landmarks_read)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
