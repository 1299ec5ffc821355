"""Networks of small sheets, whose crossings look like pores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.tomography.blockwise.voxels import TOUCHING, groups
from spallmap.tomography.cracks.pores import extents
from spallmap.tomography.cracks.ridges import Candidates

# Touching voxels belong together as in a sheet. Where sheets cross, the blurred normals rotate from one to
# the next, so that most of a network is one piece.
TOUCH_COSINE = 0.85
TOUCH_SINE = 0.6
# Least fraction of a network's ridge voxels in voids that look like pores: simulated networks have 0.37 to
# 0.7, bowls and branching cracks up to 0.13, small plain sheets with a clump of pores up to 0.23.
CROWDED_FRACTION = 0.25
# Least number of a network's ridge voxels that lie in no such void: simulated networks have 370 and more,
# clumps of pores up to 150.
MIN_CLEAR_VOXELS = 250
# Least extent (standard deviation) of these in every direction: simulated networks have 4.0 and more, clumps
# of pores up to 1.8, a plain sheet through such a clump 1.4.
MIN_EXTENT_VOXELS = 3.0


def in_networks(candidates: Candidates, in_pore: NDArray[np.bool_], high: float) -> NDArray[np.bool_]:
    """Find which ridge voxels belong to networks of small sheets.

    Where many sheets cross within a few voxels, the dark between them holds a ball and passes for pores,
    although ridges lead away from it. Such a network is larger than clumps of pores and extends in all
    directions.

    Parameters
    ----------
    candidates : Candidates
        Ridge voxels.
    in_pore : ndarray of bool, shape (n,)
        Which of them lie in a thick round void or its rim.
    high : float
        Response that a crack reaches somewhere.

    Returns
    -------
    ndarray of bool, shape (n,)
        Whether each belongs to a network.
    """
    out = ~candidates.skims
    if not out.any():
        return out
    ridge, crowded = candidates.chosen(out), in_pore[out]
    piece = groups(ridge.index, TOUCHING, ridge.normal, TOUCH_COSINE, TOUCH_SINE)
    size = np.bincount(piece)
    clear = np.bincount(piece, ~crowded)
    strong = np.bincount(piece, ridge.response >= high) > 0
    network = strong & (clear >= MIN_CLEAR_VOXELS) & (size - clear >= CROWDED_FRACTION * size)
    own = network[piece] & ~crowded
    least = extents(ridge.index[own], np.cumsum(network)[piece[own]] - 1)[:, 0]
    network[network] = least >= MIN_EXTENT_VOXELS
    out[out] = network[piece]
    return out
