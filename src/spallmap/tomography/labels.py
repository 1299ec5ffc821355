"""The numbers of the phases in a label volume."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

CERAMIC: Final = 1
SODIUM: Final = 2
# Crack or void inside the ceramic's hull, whatever fills it.
VOID: Final = 3
# Casing and everything else that is solid.
CASING: Final = 4
# Air, also in voids of the electrodes.
OUTSIDE: Final = 5


def is_filled(labels: NDArray[np.integer]) -> NDArray[np.bool_]:
    """Return the ceramic with its cracks and voids.

    Parameters
    ----------
    labels : ndarray of int
        Phases.

    Returns
    -------
    ndarray of bool
        Of the labels' shape.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.tomography import CERAMIC, OUTSIDE, VOID, is_filled
    >>> is_filled(np.array([CERAMIC, VOID, OUTSIDE])).tolist()
    [True, True, False]
    """
    filled: NDArray[np.bool_] = (labels == CERAMIC) | (labels == VOID)
    return filled
