"""Regions whose pixels do not have one T2."""

from __future__ import annotations

import numpy as np

from spallmap.errors import DataWarning
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.regions.find import Regions

# Between the tenth and the ninetieth of 100 pixels: rims of a dendrite of 16 ms on an electrode of 7 ms stay
# below 2.5.
_SPAN = 3.0
# Squared deviations over squared errors, per pixel, beyond which the pixels' T2 do not agree.
_DISAGREEMENT = 4.0
MIN_PIXELS = 5


def mixed_regions(fit: T2Fit, regions: Regions, n_alike: float = 1.0) -> tuple[DataWarning, ...]:
    """Report regions whose pixels differ in T2 by more than their errors and by a large factor.

    Parameters
    ----------
    fit : T2Fit
        The maps.
    regions : Regions
        Their long-T2 regions.
    n_alike : float
        Pixels that share one sample of the noise.

    Returns
    -------
    tuple of DataWarning
        One that names them, or none.
    """
    found, spans = [], []
    for region in regions.table["region"].tolist():
        inside = (regions.labels == region) & fit.ok
        if np.count_nonzero(inside) < MIN_PIXELS * n_alike:
            continue
        t2_ms, error_ms = fit.t2_ms[inside], fit.t2_se_ms[inside]
        low, middle, high = np.percentile(t2_ms, [10.0, 50.0, 90.0])
        disagreement = np.mean(((t2_ms - middle) / error_ms) ** 2)
        if high > _SPAN * low and disagreement > _DISAGREEMENT:
            found.append(str(region))
            spans += [low, high]
    if not found:
        return ()
    return (
        DataWarning(
            f"long-T2 region{'s' if len(found) > 1 else ''} {', '.join(found)}",
            f"T2 from {min(spans):.3g} to {max(spans):.3g} ms among the pixels (middle 80 %)",
            "one T2 does not describe them: its error holds the spread",
        ),
    )
