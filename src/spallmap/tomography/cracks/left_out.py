"""Cracks without those that turned out to be none."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np

from spallmap.tomography.cracks.crack_search import Cracks


def leave_out(cracks: Cracks, numbers: Collection[int]) -> Cracks:
    """Leave out some cracks.

    Parameters
    ----------
    cracks : Cracks
        From :func:`spallmap.tomography.find_cracks`.
    numbers : collection of int
        The ones to leave out.

    Returns
    -------
    Cracks
        The others, numbered anew in their order.
    """
    if not numbers:
        return cracks
    left = [k for k in range(1, cracks.n + 1) if k not in numbers]
    kept = np.isin(cracks.ridge_crack, left)
    renumbered = np.zeros(cracks.n + 1, dtype=np.int32)
    renumbered[left] = np.arange(1, len(left) + 1)
    return replace(
        cracks,
        ridge_index=cracks.ridge_index[kept],
        ridge_normal=cracks.ridge_normal[kept],
        ridge_crack=renumbered[cracks.ridge_crack[kept]],
        ridge_response=cracks.ridge_response[kept],
        ridge_distance=cracks.ridge_distance[kept],
    )
