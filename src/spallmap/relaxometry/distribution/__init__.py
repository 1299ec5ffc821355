"""The distribution of T2 over a map: the electrode's peak, and a peak of long T2 beside it."""

from __future__ import annotations

from spallmap.relaxometry.distribution.estimate import T2Distribution, specimen_pixels, t2_distribution
from spallmap.relaxometry.distribution.expected import ExpectedCounts, expected_counts
from spallmap.relaxometry.distribution.longtest import LongTest, long_peak_test, simulated_echoes
from spallmap.relaxometry.distribution.widths import (
    Estimate,
    WidthComparison,
    compare_widths,
    lognormal_fwhm_ms,
)

__all__ = [
    "Estimate",
    "ExpectedCounts",
    "LongTest",
    "T2Distribution",
    "WidthComparison",
    "compare_widths",
    "expected_counts",
    "lognormal_fwhm_ms",
    "long_peak_test",
    "simulated_echoes",
    "specimen_pixels",
    "t2_distribution",
]
