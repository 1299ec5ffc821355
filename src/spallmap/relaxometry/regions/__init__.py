"""Regions of long T2, decided by neighbouring pixels together."""

from __future__ import annotations

from spallmap.relaxometry.regions.find import (
    COLUMNS,
    Regions,
    long_t2_regions,
    region_pixels,
    threshold_map,
)
from spallmap.relaxometry.regions.mixed import mixed_regions
from spallmap.relaxometry.regions.pooling import common_t2

__all__ = [
    "COLUMNS",
    "Regions",
    "common_t2",
    "long_t2_regions",
    "mixed_regions",
    "region_pixels",
    "threshold_map",
]
