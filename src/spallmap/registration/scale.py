"""Whether two images differ in scale: only where blocks that were not fitted say so too."""

from __future__ import annotations

import numpy as np

from spallmap.frames import AffineMap, Points
from spallmap.registration.block_errors import checkerboard
from spallmap.registration.gauss_newton import Alignment, Field, FloatArray, Motion, align, robust_loss

# Largest difference of scale that is believed: detector distances and magnifications are known to a per
# cent; beyond two a pixel size is stated wrongly.
MAX_SCALE = 0.02


def scale_is_worthwhile(
    field: Field, points: Points, basis: FloatArray, start: Alignment, block_um: float
) -> bool:
    """Say whether a common scale is asked for by the data.

    The motion is fitted without and with a scale to the blocks of one half, and judged on those of the other;
    a scale that is not there only follows the noise of its own half.

    Parameters
    ----------
    field, points, basis
        As for :func:`align`.
    start : Alignment
        The solution without scale.
    block_um : float
        Side of the blocks; they fall to the two halves like the fields of a checkerboard.

    Returns
    -------
    bool
        True where both halves are explained better with the scale that the other one gave.
    """
    halves = checkerboard(points, block_um)
    for own in (halves, ~halves):
        losses = []
        for motion in (Motion(), Motion(scale=True)):
            fitted = align(field, points[own], basis[own], start.map, motion)
            judged = align(field, points[~own], basis[~own], fitted.map, motion, max_iterations=0)
            losses.append(robust_loss(judged, start.cutoff))
        if losses[1] >= losses[0]:
            return False
    return True


def scale_of(map_: AffineMap) -> float:
    """Return by how much a map stretches, 0 for none: the mean over its directions."""
    return float(np.linalg.norm(map_.linear, axis=0).mean()) - 1.0
