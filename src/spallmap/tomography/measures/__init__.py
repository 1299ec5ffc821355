"""What each crack measures, what would have been found, and what is new against an earlier scan."""

from spallmap.tomography.measures.apertures import Sheets, trace_sheets
from spallmap.tomography.measures.blur import Blur, measure_blur
from spallmap.tomography.measures.changes import comparison_level, crack_changes
from spallmap.tomography.measures.crack_results import CrackResults, describe_cracks
from spallmap.tomography.measures.crack_table import CRACK_COLUMNS, measure_cracks
from spallmap.tomography.measures.detection import AREA_FACTOR, LIMIT_CHANNELS
from spallmap.tomography.measures.reference import ReferencePose, surface_in_reference
from spallmap.tomography.measures.surfaces import Surface, mid_surfaces

__all__ = [
    "AREA_FACTOR",
    "CRACK_COLUMNS",
    "LIMIT_CHANNELS",
    "Blur",
    "CrackResults",
    "ReferencePose",
    "Sheets",
    "Surface",
    "comparison_level",
    "crack_changes",
    "describe_cracks",
    "measure_blur",
    "measure_cracks",
    "mid_surfaces",
    "surface_in_reference",
    "trace_sheets",
]
