"""Maps whose T2 lies beyond what their echoes can distinguish."""

from __future__ import annotations

import numpy as np

from spallmap.errors import DataWarning
from spallmap.relaxometry.fit_result import FitStatus, T2Fit
from spallmap.relaxometry.status import SEEN

# From this signal on, in units of sigma, the echoes of a specimen of a few echo times give T2 to a fifth.
_WELL_MEASURED = 10.0
# Of such pixels 0 to 1 % lie beyond the echoes in simulated cells, whose echo times suit the specimen.
_MOST = 0.1
_MIN_PIXELS = 10


def beyond_warnings(fit: T2Fit) -> tuple[DataWarning, ...]:
    """Report that the echoes do not say how long the T2 of many well-measured pixels is.

    Parameters
    ----------
    fit : T2Fit
        The maps.

    Returns
    -------
    tuple of DataWarning
        One, or none.
    """
    strong = np.isin(fit.status, SEEN) & (fit.snr >= _WELL_MEASURED)
    beyond = strong & (fit.status != FitStatus.OK)
    n, n_beyond = int(np.count_nonzero(strong)), int(np.count_nonzero(beyond))
    if n_beyond < max(_MIN_PIXELS, _MOST * n):
        return ()
    return (
        DataWarning(
            f"echo times of {fit.te_ms[0]:g} to {fit.te_ms[-1]:g} ms",
            f"T2 beyond what they can distinguish in {n_beyond} of {n} pixels with a signal of "
            f"{_WELL_MEASURED:g} sigma or more",
            "these pixels are in no average; see that the echo times are right; later echoes would show it",
        ),
    )
