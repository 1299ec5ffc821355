"""T2 of every pixel, its errors, and the regions where it is long.

Everything here works on arrays: an echo series of shape (n_echoes, y, x) or (n_echoes, z, y, x) and its echo
times in ms.
"""

from __future__ import annotations

from spallmap.relaxometry.distribution import T2Distribution, compare_widths, expected_counts, t2_distribution
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.models import MODELS, SignalModel, get_model
from spallmap.relaxometry.noise import NoiseEstimate, estimate_noise, trusted_sigma
from spallmap.relaxometry.regions import Regions, long_t2_regions, threshold_map
from spallmap.relaxometry.samples import usable_series
from spallmap.relaxometry.summary import electrode_pixels, histogram_edges_ms, summarise_t2
from spallmap.relaxometry.t2_fit import FitStatus, T2Fit

__all__ = [
    "MODELS",
    "FitStatus",
    "NoiseEstimate",
    "Regions",
    "SignalModel",
    "T2Distribution",
    "T2Fit",
    "compare_widths",
    "electrode_pixels",
    "estimate_noise",
    "expected_counts",
    "fit_t2",
    "get_model",
    "histogram_edges_ms",
    "long_t2_regions",
    "summarise_t2",
    "t2_distribution",
    "threshold_map",
    "trusted_sigma",
    "usable_series",
]
