"""The distribution of T2 over a map: the electrode's peak, and a peak of long T2 beside it."""

from __future__ import annotations

from spallmap.relaxometry.distribution.estimate import T2Distribution, t2_distribution
from spallmap.relaxometry.distribution.expected import ExpectedCounts, expected_counts
from spallmap.relaxometry.distribution.widths import (
    Estimate,
    WidthComparison,
    compare_widths,
    lognormal_fwhm_ms,
)

__all__ = [
    "Estimate",
    "ExpectedCounts",
    "T2Distribution",
    "WidthComparison",
    "compare_widths",
    "expected_counts",
    "lognormal_fwhm_ms",
    "t2_distribution",
]
