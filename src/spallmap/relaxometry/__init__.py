"""T2 of every pixel, its errors, and the regions where it is long.

Everything here works on arrays: an echo series of shape (n_echoes, y, x) or (n_echoes, z, y, x) and its echo
times in ms.
"""

from __future__ import annotations

from spallmap.relaxometry.analysis import SeriesAnalysis, acquisition_generator, analyse_series
from spallmap.relaxometry.distribution import (
    Estimate,
    ExpectedCounts,
    T2Distribution,
    WidthComparison,
    compare_widths,
    expected_counts,
    lognormal_fwhm_ms,
    t2_distribution,
)
from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.fit_result import CHANNELS, INTERVAL_CHANNELS, FitStatus, T2Fit
from spallmap.relaxometry.models import MODELS, SignalModel, get_model
from spallmap.relaxometry.noise import NoiseEstimate, estimate_noise, trusted_sigma
from spallmap.relaxometry.regions import Regions, common_t2, long_t2_regions, region_pixels, threshold_map
from spallmap.relaxometry.rice import RAYLEIGH_MEAN, magnitude_mean
from spallmap.relaxometry.samples import usable_series
from spallmap.relaxometry.status import UNUSABLE
from spallmap.relaxometry.summary import ELECTRODE_SNR, electrode_pixels, histogram_edges_ms, summarise_t2

__all__ = [
    "CHANNELS",
    "ELECTRODE_SNR",
    "INTERVAL_CHANNELS",
    "MODELS",
    "RAYLEIGH_MEAN",
    "UNUSABLE",
    "Estimate",
    "ExpectedCounts",
    "FitStatus",
    "NoiseEstimate",
    "Regions",
    "SeriesAnalysis",
    "SignalModel",
    "T2Distribution",
    "T2Fit",
    "WidthComparison",
    "acquisition_generator",
    "analyse_series",
    "common_t2",
    "compare_widths",
    "electrode_pixels",
    "estimate_noise",
    "expected_counts",
    "fit_t2",
    "get_model",
    "histogram_edges_ms",
    "lognormal_fwhm_ms",
    "long_t2_regions",
    "magnitude_mean",
    "region_pixels",
    "summarise_t2",
    "t2_distribution",
    "threshold_map",
    "trusted_sigma",
    "usable_series",
]
