"""Spacing of the slices of a ParaVision scan."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from spallmap.errors import InputError

# Slices count as equally spaced when no gap differs from the mean by more than this fraction.
EVEN_SLICES = 0.01


def mean_gap_mm(source_label: str, positions_mm: ArrayLike) -> float:
    """Return the distance from slice to slice, after checking that it is the same for all.

    Parameters
    ----------
    source_label : str
        Named in the message.
    positions_mm : array_like, shape (n_slices,)
        Positions along one direction, in the order of the slices; two or more.

    Returns
    -------
    float
        In mm; negative where the positions fall.

    Raises
    ------
    InputError
        If the slices are not equally spaced, or all at one position.

    Examples
    --------
    >>> mean_gap_mm("visu_pars", [1.5, 1.0, 0.5])
    -0.5
    """
    gaps = np.diff(positions_mm)
    mean = float(gaps.mean())
    if mean == 0.0 or np.abs(gaps - mean).max() > EVEN_SLICES * abs(mean):
        found = f"slice gaps {np.round(gaps, 4).tolist()} mm"
        raise InputError(source_label, found, "equally spaced slices")
    return mean
