"""Sheets that are no cracks but the foot of a step between two scans: no darker than one of their sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.cracks.left_out import leave_out
from spallmap.tomography.cracks.sheet_profiles import ABOVE, BELOW, SHEET, sheet_profiles
from spallmap.tomography.cracks.shells import LEAST_VOXELS

# A step is at least so many times as high as a sheet is deep below its darker side. False cracks at a joint
# of 5 % had 1.8 and 1.9, true ones of five cells 0.06 at most.
STEP_OVER_DEPTH = 1.0


def without_steps(cracks: Cracks, grey: Sliceable, labels: Sliceable, threads: int = 1) -> tuple[Cracks, int]:
    """Leave out sheets along which one side is brighter than the other, and which are as dark as the other.

    Where two scans are joined, the ceramic's grey may step. The plate filter answers at the foot of a step,
    and noise makes pieces of a sheet of it. A crack is darker than both of its sides. One along a joint that
    is shallower than the step is left out with it; what holds as many deeper voxels as a crack needs stays.

    Parameters
    ----------
        cracks : Cracks
            From :func:`spallmap.tomography.find_cracks`.
        grey, labels : Sliceable, shape (nz, ny, nx)
            The volume and its phases.
        threads : int
            Number of threads.

    Returns
    -------
        cracks : Cracks
            The others, numbered anew in their order.
        n_steps : int
            How many were left out.

    Examples
    --------
        >>> from dataclasses import replace
        >>> from spallmap.tomography import assemble_cracks, ceramic_box, crack_thresholds, find_candidates
        >>> z, y, x = np.mgrid[:48, :90, :90]
    >>> labels = np.where((abs(z - 24) < 17) & (np.hypot(y - 44, x - 44) < 38), 1, 5).astype(np.uint8)
    >>> grey = np.where(labels == 1, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 800.0, grey.shape)
    >>> grey -= 4_000.0 * ((z >= 24) & (labels == 1))
    >>> thresholds = replace(crack_thresholds(grey, labels), low=1.5, high=2.0, bright=np.inf)
        >>> candidates = find_candidates(grey, labels, ceramic_box(labels), thresholds)
        >>> found = assemble_cracks([candidates], grey.shape, thresholds)
        >>> left, n_steps = without_steps(found, grey, labels)
        >>> found.n > 0, left.n, n_steps == found.n
        (True, 0, True)
    """
    if cracks.n == 0:
        return cracks, 0
    profiles = sheet_profiles(cracks, grey, labels, threads)
    least = cracks.thresholds.min_area_voxels
    steps = [k for k in range(1, cracks.n + 1) if _is_step(profiles[cracks.ridge_crack == k], least)]
    return leave_out(cracks, steps), len(steps)


def _is_step(profiles: NDArray[np.float64], least_voxels: int) -> bool:
    """Whether one side stands out more than a sheet is deep, nearly everywhere."""
    known = profiles[np.isfinite(profiles).all(axis=1)]
    if len(known) < LEAST_VOXELS:
        return False
    # On average, and voxel by voxel: a step's foot that runs into a crack is a part of it.
    deep = int(np.count_nonzero(_is_deep(known)))
    return not bool(_is_deep(known.mean(axis=0, keepdims=True))[0]) and deep < least_voxels


def _is_deep(profiles: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether a sheet lies further below its darker side than that lies below the other."""
    below, above = profiles[:, BELOW].mean(axis=1), profiles[:, ABOVE].mean(axis=1)
    depth = np.minimum(below, above) - profiles[:, SHEET]
    found: NDArray[np.bool_] = np.abs(above - below) <= STEP_OVER_DEPTH * np.maximum(depth, 0.0)
    return found
