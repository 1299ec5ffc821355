"""Sheets that are no cracks but the surroundings of something bright: they are no darker than ceramic."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.blocks import Sliceable
from spallmap.tomography.cracks.crack_search import Cracks
from spallmap.tomography.cracks.left_out import leave_out
from spallmap.tomography.cracks.sheet_profiles import ABOVE, BELOW, SHEET, sheet_profiles

# Fewer ridge voxels than this whose both sides are ceramic cannot tell.
LEAST_VOXELS = 30


def without_shells(
    cracks: Cracks, grey: Sliceable, labels: Sliceable, threads: int = 1
) -> tuple[Cracks, int]:
    """Leave out sheets that are dark only beside something bright.

    The plate filter knows what is darker than its neighbours. So is the ceramic around a bright grain, which
    it takes for a shell. A crack is darker than ceramic. So the mean profile across each sheet is held
    against the ceramic's median grey around it: where something beside the sheet stands further above that
    than the sheet lies below it, it is no crack. Beside a crack there is ceramic, or a fringe, which is less
    than half as high as the crack is deep. A sheet that runs into a crack is a part of it: what has as many
    voxels that are darker than ceramic as a crack needs stays.

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
    n_shells : int
        How many were left out.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from spallmap.tomography import assemble_cracks, ceramic_box, crack_thresholds, find_candidates
    >>> z, y, x = np.mgrid[:40, :70, :70]
    >>> labels = np.where((abs(z - 20) < 16) & (np.hypot(y - 35, x - 35) < 31), 1, 5).astype(np.uint8)
    >>> grey = np.where(labels == 1, 50_000.0, 10_000.0)
    >>> grey += np.random.default_rng(1).normal(0.0, 300.0, grey.shape)
    >>> grey += 3_000.0 * ((abs(abs(z - 20) - 3) <= 1) & (np.hypot(y - 35, x - 35) < 8))
    >>> thresholds = replace(crack_thresholds(grey, labels), bright=np.inf)
    >>> candidates = find_candidates(grey, labels, ceramic_box(labels), thresholds)
    >>> found = assemble_cracks([candidates], grey.shape, thresholds)
    >>> left, n_shells = without_shells(found, grey, labels)
    >>> found.n, left.n, n_shells
    (1, 0, 1)
    """
    if cracks.n == 0:
        return cracks, 0
    profiles = sheet_profiles(cracks, grey, labels, threads)
    beside = (profiles[:, BELOW] + profiles[:, ABOVE]) / 2.0
    across = np.column_stack([profiles[:, SHEET], beside])
    least = cracks.thresholds.min_area_voxels
    shells = [k for k in range(1, cracks.n + 1) if _is_shell(across[cracks.ridge_crack == k], least)]
    return leave_out(cracks, shells), len(shells)


def _is_shell(profiles: NDArray[np.float64], least_voxels: int) -> bool:
    """Whether something beside a sheet stands out more than the sheet does, nearly everywhere."""
    known = profiles[np.isfinite(profiles).all(axis=1)]
    if len(known) < LEAST_VOXELS:
        return False
    mean = known.mean(axis=0)
    brightest = 1 + int(np.argmax(mean[1:]))
    darker = np.count_nonzero(-known[:, 0] > np.maximum(known[:, brightest], 0.0))
    return bool(mean[brightest] > -mean[0] and darker < least_voxels)
