"""The noise level of an echo series, from its background, and what the residuals of the fit say about it."""

from __future__ import annotations

from spallmap.relaxometry.noise.chi_square import (
    Residuals,
    check_residuals,
    noise_warnings,
    residuals_of,
)
from spallmap.relaxometry.noise.level import estimate_noise
from spallmap.relaxometry.noise.shared_noise import found_sampling, sampling_warnings
from spallmap.relaxometry.noise.trust import NoiseEstimate, trusted_sigma

__all__ = [
    "NoiseEstimate",
    "Residuals",
    "check_residuals",
    "estimate_noise",
    "found_sampling",
    "noise_warnings",
    "residuals_of",
    "sampling_warnings",
    "trusted_sigma",
]
