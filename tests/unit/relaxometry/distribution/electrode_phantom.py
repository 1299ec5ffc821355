"""Maps of an electrode with a known T2 distribution."""

from __future__ import annotations

import numpy as np

from spallmap.relaxometry.distribution.widths import lognormal_fwhm_ms
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes

SHAPE = (30, 32)
ELECTRODE_MS = 7.0
LONG_MS = 16.0
WIDTH_MS = float(lognormal_fwhm_ms(np.log(ELECTRODE_MS), 0.1))


def electrode_map(
    rng: np.random.Generator, n_long: int = 0, sd: float = 0.1
) -> tuple[np.ndarray, np.ndarray]:
    """Magnitudes at sigma 1 of an electrode of 200 pixels, a strip of long T2 beside it; and what is long."""
    electrode, long = np.zeros(SHAPE, dtype=bool), np.zeros(SHAPE, dtype=bool)
    electrode[8:16, 3:28] = True
    long[16 + np.arange(n_long) % 3, 5 + np.arange(n_long) // 3] = True
    t2 = np.exp(rng.normal(np.log(ELECTRODE_MS), sd, SHAPE))
    t2[long] = np.exp(rng.normal(np.log(LONG_MS), 0.08, n_long))
    first = np.where(electrode, rng.uniform(15.0, 40.0, SHAPE), 0.0)
    first[long] = rng.uniform(4.5, 8.0, n_long)
    late = np.asarray(TE_MS)[:, None, None] - TE_MS[0]
    return magnitudes(first * np.exp(-late / t2), 1.0, rng), long
