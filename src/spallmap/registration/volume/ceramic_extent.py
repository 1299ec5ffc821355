"""Which voxel size a tomogram would need for its ceramic to be as large as the reference's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spallmap.axes import AxesPrior
from spallmap.registration.fitting_size import Size, usual_size
from spallmap.registration.gauss_newton import Alignment, Motion, align, robust_loss
from spallmap.registration.volume.ceramic import CeramicView
from spallmap.registration.volume.refine import CeramicLevel

# A voxel size that is wrong along one axis is seen where the pores agree better with the scan stretched by
# this factor along it. Stated 30 % too large along the stack, it passed every other condition.
STRETCH = 1.03
# The robust misfit must fall below this fraction of the solution's: 0.65 to 0.93 where a size was 3 to 30 %
# off along the stack; right ones 0.995 and more. With a large new crack in one scan the pores' part of the
# misfit is small: 0.94 to 0.96 at 30 %, and 5 % is not seen.
LEAST_GAIN = 0.97
# Fraction of the points inside the other scan that must stay inside.
LEAST_COVERAGE = 0.98
# Steps of the motion from the solution; the stretch is small.
STRETCH_STEPS = 8
# Error of an extent: a tilt of ten degrees, or a rim that the field of view cuts.
EXTENT_ERROR = 0.02


def extent_sizes(
    moving: CeramicView, fixed: CeramicView, stated_um: Sequence[float], prior: AxesPrior
) -> list[Size]:
    """Find the voxel size at which two ceramics have the same extent.

    Parameters
    ----------
    moving, fixed : CeramicView
        The two ceramics.
    stated_um : sequence of float
        Voxel size of the moving tomogram, in array order.
    prior : AxesPrior
        Which directions of the fixed tomogram the moving array's axes run along.

    Returns
    -------
    list of tuple of float
        One size: by one factor, or by one for each axis where their extents ask for different ones.
    """
    along = np.abs(prior.linear()).T @ _extent_um(fixed)
    ratio = (along / _extent_um(moving))[::-1]
    if ratio.max() / ratio.min() < 1.0 + 2.0 * EXTENT_ERROR:
        ratio = np.full(3, float(np.prod(ratio)) ** (1.0 / 3.0))
    measured = [float(s * r) for s, r in zip(stated_um, ratio, strict=True)]
    return [usual_size(measured, stated_um, EXTENT_ERROR) or tuple(measured)]


def better_stretches(level: CeramicLevel, found: Alignment, motion: Motion) -> tuple[float, float, float]:
    """Try whether the moving scan would agree better if it were a little longer or shorter along one axis.

    Parameters
    ----------
    level : CeramicLevel
        The finest, at which the solution was found.
    found : Alignment
        The solution.
    motion : Motion
        Its degrees of freedom.

    Returns
    -------
    tuple of float
        Factor of the voxel size along own z, y and x that fits best: 1, or `STRETCH` or its inverse.
    """
    centre = level.points.mean(axis=0)
    reference = LEAST_GAIN * robust_loss(found, found.cutoff)
    best = []
    for axis in (2, 1, 0):
        losses = {1.0: reference}
        for factor in (STRETCH, 1.0 / STRETCH):
            stretch = np.ones(3)
            stretch[axis] = factor
            points = centre + (level.points - centre) * stretch
            there = align(level.field, points, level.basis, found.map, motion, max_iterations=STRETCH_STEPS)
            covered = there.coverage >= LEAST_COVERAGE * found.coverage
            losses[factor] = robust_loss(there, found.cutoff) if covered else np.inf
        best.append(min(losses, key=lambda factor: losses[factor]))
    return best[0], best[1], best[2]


def _extent_um(view: CeramicView) -> NDArray[np.float64]:
    """Return the standard deviation of the filled ceramic's points along x, y and z."""
    half = view.coarser(2)
    return np.asarray(half.points(half.filled).std(axis=0), dtype=np.float64)
