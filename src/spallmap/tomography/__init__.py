"""Tomograms: common grey scale, phases, cracks and what they measure."""

from spallmap.tomography.cracks import Cracks, crack_labels, find_cracks
from spallmap.tomography.descriptors import measure_cracks
from spallmap.tomography.grey import AIR_GREY, CERAMIC_GREY, GreyScale, common_grey
from spallmap.tomography.interfaces import Interfaces, find_interfaces
from spallmap.tomography.phases import PhasePlan, plan_phases, segment_phases
from spallmap.tomography.plate import plate_response
from spallmap.tomography.sheets import Sheets, trace_sheets
from spallmap.tomography.surfaces import Surface, mid_surfaces
from spallmap.tomography.thresholds import Thresholds

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
