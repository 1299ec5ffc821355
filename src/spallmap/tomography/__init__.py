"""Tomograms: common grey scale, phases, cracks and what they measure."""

from spallmap.tomography.cracks import Cracks, Thresholds, find_cracks
from spallmap.tomography.descriptors import measure_cracks
from spallmap.tomography.grey import AIR_GREY, CERAMIC_GREY, GreyScale, common_grey
from spallmap.tomography.interfaces import Interfaces, find_interfaces
from spallmap.tomography.phases import segment_phases
from spallmap.tomography.plate import plate_response
from spallmap.tomography.sheets import Sheets, trace_sheets
from spallmap.tomography.surfaces import Surface, mid_surfaces

__all__ = [
    "AIR_GREY",
    "CERAMIC_GREY",
    "Cracks",
    "GreyScale",
    "Interfaces",
    "Sheets",
    "Surface",
    "Thresholds",
    "common_grey",
    "find_cracks",
    "find_interfaces",
    "measure_cracks",
    "mid_surfaces",
    "plate_response",
    "segment_phases",
    "trace_sheets",
]
