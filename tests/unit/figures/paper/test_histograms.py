from __future__ import annotations

import numpy as np

from spallmap.figures.paper.histograms import poisson_interval


def test_poisson_interval_holds_68_percent_or_more() -> None:
    rng = np.random.default_rng(9)
    for mean in (0.7, 3.0, 12.0, 80.0):
        low, high = poisson_interval(rng.poisson(mean, 20_000).astype(float))
        held = float(np.mean((low <= mean) & (mean <= high)))
        assert 0.67 < held < (0.95 if mean < 5.0 else 0.8)
