"""Pictures that let a person judge a registration: what was laid on what, and how well it lies."""

from spallmap.figures.registration.inset_picture import inset_picture
from spallmap.figures.registration.pairs import PAIRS_KEY, Pair, pair_notes, read_notes
from spallmap.figures.registration.projection_picture import projection_picture
from spallmap.figures.registration.refused_picture import refused_picture
from spallmap.figures.registration.section_picture import section_picture
from spallmap.figures.registration.volume_picture import volume_picture

__all__ = [
    "PAIRS_KEY",
    "Pair",
    "inset_picture",
    "pair_notes",
    "projection_picture",
    "read_notes",
    "refused_picture",
    "section_picture",
    "volume_picture",
]
