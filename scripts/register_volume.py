"""Register a tomogram to the reference tomogram."""

from typing import TYPE_CHECKING

import numpy as np

from spallmap.axes import AxesPrior
from spallmap.figures.registration.pairs import pair_notes
from spallmap.figures.registration.volume_picture import volume_picture
from spallmap.jobs import job
from spallmap.registration import register_volume
from spallmap.registration.landmark_fit import apply_landmarks
from spallmap.results.documents import write_figure
from spallmap.results.ome_zarr import read_volume
from spallmap.results.registration import write_registration
from spallmap.user_files.landmark_file import read_recorded_landmarks

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake


def main() -> None:
    inputs, out, params = snakemake.input, snakemake.output, snakemake.params
    moving, fixed = read_volume(inputs.moving_volume), read_volume(inputs.fixed_volume)
    moving_grey, fixed_grey = np.asarray(moving.data), np.asarray(fixed.data)
    landmarks, landmarks_read = read_recorded_landmarks(params.landmarks)
    registration = register_volume(
        moving_grey,
        np.asarray(read_volume(inputs.moving_labels).data),
        moving.spacing_um,
        fixed_grey,
        np.asarray(read_volume(inputs.fixed_labels).data),
        fixed.spacing_um,
        prior=AxesPrior.parse(params.axes),
        seed=params.seed,
        threads=snakemake.threads,
    )
    picture = volume_picture(moving_grey, moving.spacing_um, fixed_grey, fixed.spacing_um, registration)
    write_figure(out.picture, picture, notes=pair_notes(picture))
    write_registration(out.json, out.tfm, apply_landmarks(registration, landmarks), landmarks_read)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
