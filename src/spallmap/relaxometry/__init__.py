"""T2 of every pixel, its errors, and the regions where it is long.

Everything here works on arrays: an echo series of shape (n_echoes, y, x) or (n_echoes, z, y, x) and its echo
times in ms.
"""

from __future__ import annotations

from spallmap.relaxometry.fit import fit_t2
from spallmap.relaxometry.models import MODELS, SignalModel
from spallmap.relaxometry.noise import NoiseEstimate, estimate_noise
from spallmap.relaxometry.regions import Regions, long_t2_regions
from spallmap.relaxometry.result import FitStatus, T2Fit
from spallmap.relaxometry.summary import electrode_pixels, summarise_t2

__all__ = [
    "MODELS",
    "FitStatus",
    "NoiseEstimate",
    "Regions",
    "SignalModel",
    "T2Fit",
    "electrode_pixels",
    "estimate_noise",
    "fit_t2",
    "long_t2_regions",
    "summarise_t2",
]
