"""Tomograms: common grey scale, phases, cracks and what they measure."""

from spallmap.tomography.cracks.crack_search import Cracks, crack_labels, find_cracks
from spallmap.tomography.cracks.plate import plate_response
from spallmap.tomography.cracks.thresholds import Thresholds
from spallmap.tomography.grey.common_scale import AIR_GREY, CERAMIC_GREY, GreyScale, common_grey
from spallmap.tomography.measures.descriptors import measure_cracks
from spallmap.tomography.measures.sheets import Sheets, trace_sheets
from spallmap.tomography.measures.surfaces import Surface, mid_surfaces
from spallmap.tomography.phases.interfaces import Interfaces, find_interfaces
from spallmap.tomography.phases.segment import PhasePlan, plan_phases, segment_phases

__all__ = [
    "AIR_GREY",
    "CERAMIC_GREY",
    "Cracks",
    "GreyScale",
    "Interfaces",
    "PhasePlan",
    "Sheets",
    "Surface",
    "Thresholds",
    "common_grey",
    "crack_labels",
    "find_cracks",
    "find_interfaces",
    "measure_cracks",
    "mid_surfaces",
    "plan_phases",
    "plate_response",
    "segment_phases",
    "trace_sheets",
]
