"""A smooth in-plane warp of a section, such as cutting and polishing leave; it is reported only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.registration.block_errors import cube_labels
from spallmap.registration.diagnostics import Warp
from spallmap.registration.section.pose import SectionPose
from spallmap.registration.section.refine import RIGID, linearise
from spallmap.registration.section.resolutions import Level

# Powers of u and v: the linear ones are the pose's (rotation, scale) or would be shear.
POWERS = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
# A priori size of each coefficient, um over the field; keeps what the data do not see at 0.
USUAL_UM = 5.0
# Side of the blocks that are held out together.
FOLD_UM = 60.0
# In how many rounds they are held out, each block once.
FOLDS = 5
# The gain on blocks that were held out must exceed this many of its standard errors.
GAIN_SE = 2.0


def smooth_warp(level: Level, pose: SectionPose) -> Warp:
    """Fit a cubic warp in the plane, and try it on blocks that were held out.

    Parameters
    ----------
    level : Level
        Finest resolution, with robust weights.
    pose : SectionPose
        The solution.

    Returns
    -------
    Warp
        Nothing but zeros where the pose leaves the volume.

    References
    ----------
    Stone, "Cross-validatory choice and assessment of statistical predictions", Journal of the Royal
    Statistical Society B 36 (1974).
    """
    fit = linearise(level, pose)
    if fit is None:
        return Warp(POWERS, np.zeros((2, len(POWERS))), 0.0, 0.0, np.inf, worthwhile=False)
    bend = bending(level.points)
    slopes = fit.jacobian[:, 3:6] @ pose.rotation[:, :2]
    rigid = fit.jacobian[:, :RIGID]
    design = np.hstack([rigid, bend * slopes[:, :1], bend * slopes[:, 1:]])
    variance = float(fit.used @ fit.residual**2 / max(fit.used.sum(), 1.0))
    stiffness = np.zeros(design.shape[1])
    stiffness[RIGID:] = variance / USUAL_UM**2

    def fitted(chosen: NDArray[np.bool_], columns: int) -> NDArray[np.float64]:
        weighted = design[chosen, :columns] * fit.used[chosen, None]
        normal = weighted.T @ design[chosen, :columns] + np.diag(stiffness[:columns])
        normal += 1e-9 * np.diag(np.diag(normal))
        return np.asarray(-np.linalg.solve(normal, weighted.T @ fit.residual[chosen]), dtype=np.float64)

    number = cube_labels(level.points, FOLD_UM)
    gain = np.zeros(len(number))
    for fold in range(FOLDS):
        out = number % FOLDS == fold
        if out.any() and not out.all():
            errors = [fit.residual[out] + design[out, :n] @ fitted(~out, n) for n in (RIGID, design.shape[1])]
            gain[out] = fit.used[out] * (errors[0] ** 2 - errors[1] ** 2)
    by_block = np.bincount(number, gain) / max(float(fit.used @ fit.residual**2), 1e-12)
    whole = fitted(np.ones(len(number), dtype=np.bool_), design.shape[1])[RIGID:].reshape(2, -1)
    rms = float(np.sqrt(((bend @ whole.T) ** 2).sum(axis=1).mean()))
    scatter = float(np.std(by_block, ddof=1) * np.sqrt(by_block.size)) if by_block.size > 1 else np.inf
    gained = float(by_block.sum())
    return Warp(POWERS, whole, rms, gained, scatter, worthwhile=gained > GAIN_SE * scatter)


def bending(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Evaluate `POWERS` at points (u, v), less what a shift, a rotation or a stretch does; shape (n, 7)."""
    u, v = (points / np.abs(points).max(axis=0)).T
    powers = np.column_stack([u**a * v**b for a, b in POWERS])
    flat = np.column_stack([np.ones_like(u), u, v])
    bend: NDArray[np.float64] = powers - flat @ np.linalg.lstsq(flat, powers, rcond=None)[0]
    return bend
