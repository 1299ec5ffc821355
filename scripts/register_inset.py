"""Register a detail or element maps to the SEM image that they lie in, and through it to the reference."""

from typing import TYPE_CHECKING

from spallmap.figures.registration import inset_picture
from spallmap.figures.registration.pairs import pair_notes
from spallmap.jobs import job
from spallmap.registration import register_inset
from spallmap.registration.compose import carried
from spallmap.registration.landmark_fit import apply_landmarks
from spallmap.results.documents import write_figure
from spallmap.results.registration import read_registration, write_registration
from spallmap.results.section_images import read_counts, read_grey_image
from spallmap.user_files.landmark_file import read_recorded_landmarks

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

READ = {"sem": read_grey_image, "edx": read_counts}


def main() -> None:
    inputs, out, params = snakemake.input, snakemake.output, snakemake.params
    image, overview = READ[params.modality](inputs.image), read_grey_image(inputs.outer)
    landmarks, landmarks_read = read_recorded_landmarks(params.landmarks)
    registration = register_inset(image, overview, kind=params.modality, seed=params.seed)
    picture = inset_picture(
        image.data,
        image.mask,
        image.spacing_um,
        overview.data,
        overview.mask,
        overview.spacing_um,
        registration,
        params.modality,
        elements=image.meta.get("channels", ()),
    )
    outer = read_registration(inputs.outer_to_reference)
    registration = carried(registration, outer, f"SEM image {params.within}")
    write_figure(out.picture, picture, notes=pair_notes(picture))
    write_registration(out.json, out.tfm, apply_landmarks(registration, landmarks), landmarks_read)


with job(snakemake.wildcards.acq, snakemake.log[0]):
    main()
