"""Which voxel is ceramic, sodium, void, casing or outside, and where the ceramic's faces lie."""

from spallmap.tomography.phases.interfaces import Interfaces, find_interfaces
from spallmap.tomography.phases.phase_plan import SMOOTHING_VOXELS, PhasePlan
from spallmap.tomography.phases.segment import grey_summary, plan_phases, segment_phases

__all__ = [
    "SMOOTHING_VOXELS",
    "Interfaces",
    "PhasePlan",
    "find_interfaces",
    "grey_summary",
    "plan_phases",
    "segment_phases",
]
