"""Finds cracks: plate response, threshold, ridges, sheets, cracks."""

from spallmap.tomography.cracks.crack_search import (
    Cracks,
    assemble_cracks,
    crack_labels,
    find_candidates,
    find_cracks,
    slab_region,
)
from spallmap.tomography.cracks.plate import plate_response
from spallmap.tomography.cracks.ridges import Candidates
from spallmap.tomography.cracks.shells import without_shells
from spallmap.tomography.cracks.steps import without_steps
from spallmap.tomography.cracks.streaks import without_streaks
from spallmap.tomography.cracks.thresholds import TOO_LITTLE, Thresholds, ceramic_box, crack_thresholds

__all__ = [
    "TOO_LITTLE",
    "Candidates",
    "Cracks",
    "Thresholds",
    "assemble_cracks",
    "ceramic_box",
    "crack_labels",
    "crack_thresholds",
    "find_candidates",
    "find_cracks",
    "plate_response",
    "slab_region",
    "without_shells",
    "without_steps",
    "without_streaks",
]
