"""One T2 for many pixels, each with its own amplitude."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.models import SignalModel
from spallmap.relaxometry.samples import GRID_STEP

Array = NDArray[np.float64]

# Points per round of the search for a common T2, and the interval in log T2 at which it ends: the vertex of a
# parabola finishes it.
_POINTS = 9
_RESOLUTION = 1e-3
# Step in log T2 for the curvature of a summed likelihood: large against rounding, small against its width.
_CURVATURE_STEP = 0.01


def common_t2(
    samples: Array,
    te_ms: Array,
    model: SignalModel,
    bounds_ms: tuple[float, float],
    misfit: float = 1.0,
    n_alike: float = 1.0,
) -> tuple[float, float]:
    """Fit one T2 to several pixels, each with its own amplitude.

    Parameters
    ----------
    samples : ndarray, shape (n_pixels, n_echoes)
        As the model prepared them, in units of sigma.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    model : SignalModel
        The model.
    bounds_ms : tuple of float
        Where T2 is sought.
    misfit : float
        By how much the variance of the samples is larger than the noise, 1 or more. A misfit is alike in all
        pixels, so that more pixels do not make its error smaller.
    n_alike : float
        Pixels that share one sample of the noise.

    Returns
    -------
    t2_ms, t2_se_ms : float
        The maximum of the summed profile likelihood and its standard error: from the curvature there
        (observed information), or from how much the pixels' slopes scatter there (sandwich estimator),
        whichever is larger, and the misfit's; NaN for the error where the maximum lies on a bound.

    References
    ----------
    White, Maximum likelihood estimation of misspecified models, Econometrica 50 (1982) 1.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import get_model
    >>> te_ms = np.array([2.0, 6.0, 10.0, 14.0, 18.0])
    >>> samples = np.array([[30.0], [90.0]]) * np.exp(-te_ms / 17.0) * 1e3
    >>> t2_ms, t2_se_ms = common_t2(samples, te_ms, get_model("complex"), (0.4, 400.0))
    >>> round(t2_ms, 2), t2_se_ms < 0.01
    (17.0, True)
    """
    low, high = np.log(bounds_ms)
    grid = np.linspace(low, high, int((high - low) / GRID_STEP) + 2)
    while grid[-1] - grid[0] > _RESOLUTION:
        total = model.profile(samples, te_ms, np.exp(grid)).sum(axis=0)
        best = int(np.argmax(total))
        grid = np.linspace(grid[max(best - 1, 0)], grid[min(best + 1, grid.size - 1)], _POINTS)
    centre = float(grid[_POINTS // 2])
    if centre - low < _CURVATURE_STEP or high - centre < _CURVATURE_STEP:
        return float(np.exp(centre)), float("nan")
    around = np.exp(centre + _CURVATURE_STEP * np.array([-1.0, 0.0, 1.0]))
    around_each = model.profile(samples, te_ms, around)
    left, middle, right = around_each.sum(axis=0)
    bend = left - 2.0 * middle + right
    if bend >= 0.0:
        return float(np.exp(centre)), float("nan")
    # the profile is quadratic here, and its vertex beats the resolution that comparing rounded values has
    t2_ms = float(np.exp(centre + 0.5 * _CURVATURE_STEP * (left - right) / bend))
    variance = 1.0 / -bend
    n = len(samples)
    if n > 1:
        # at the vertex, where they sum to 0
        bends = around_each[:, 0] - 2.0 * around_each[:, 1] + around_each[:, 2]
        slopes = 0.5 * (around_each[:, 2] - around_each[:, 0]) + 0.5 * (left - right) / bend * bends
        scatter = float(np.sum(slopes**2)) * n / (n - 1) / bend**2
    else:
        scatter = 0.0
    total = n_alike * max(variance, scatter) + (misfit - 1.0) * n * variance
    return t2_ms, t2_ms * _CURVATURE_STEP * float(np.sqrt(total))
