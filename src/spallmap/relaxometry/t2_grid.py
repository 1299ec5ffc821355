"""The grid over T2, and what is read off a likelihood on it."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Half of the 95 % quantile of chi-square with one degree of freedom: how far the profile falls at the ends of
# the interval (Wilks).
INTERVAL_DROP = 0.5 * 3.841458820694124
# A likelihood narrower than this many grid steps is not resolved by the grid.
_RESOLVED_STEPS = 1.5
# Likelihoods this far below the highest one on the grid, exp(-20), add nothing to a sum of them.
_NEGLIGIBLE = 20.0
# Rows of a kernel's output.
T2, T2_SE, S0, S0_SE, OFFSET, P_LONG, CHI2, SNR, OPEN_ENDS, T2_LOW, T2_HIGH = range(11)
N_OUTPUTS = 11
# Which ends of the interval of T2 are open: the likelihood has not fallen far enough at the bound there.
CLOSED, OPEN_BELOW, OPEN_ABOVE, OPEN_BOTH = range(4)
MAX_STEPS = 60
# Bisection ends at this interval of log T2. A Newton step may end earlier: it leaves the order of its square,
# measured as 1e-8 at most.
THETA_TOLERANCE = 1e-6
NEWTON_TOLERANCE = 1e-4
# Distance to a bound in log T2 that counts as on it: above what bisection leaves, far below any standard
# error.
BOUND_TOLERANCE = 1e-5
# An end of an interval is found when the root of the likelihood ratio is this close to its quantile: an error
# of 1e-4 in the probability.
ROOT_TOLERANCE = 1e-3


class Search(NamedTuple):
    """A grid over log T2 with the weights of sums on it.

    Parameters
    ----------
    theta : ndarray, shape (n_grid,)
        Rising log of T2 in ms.
    below, above : ndarray, shape (n_grid,)
        Trapezoidal weights of an integral over log T2 up to the threshold, and from it on.
    split : int
        Which grid point is the threshold; -1 where it lies at or below the lowest, `n_grid` at or above the
        highest.
    log_long : float
        log of the threshold in ms.
    resolved : float
        Standard error of log T2 from which on sums over the grid resolve a likelihood.
    """

    theta: Array
    below: Array
    above: Array
    split: int
    log_long: float
    resolved: float


def search_grid(t2_grid_ms: Array, long_ms: float) -> Search:
    """Prepare a grid for the kernels.

    Parameters
    ----------
    t2_grid_ms : ndarray, shape (n_grid,)
        Rising; `long_ms` is one of its points if it lies inside.
    long_ms : float
        The threshold of long T2.

    Returns
    -------
    Search
        The grid in log T2 with its weights.
    """
    theta = np.log(t2_grid_ms)
    below, above = np.zeros(theta.size), np.zeros(theta.size)
    if long_ms <= t2_grid_ms[0]:
        split = -1
    elif long_ms >= t2_grid_ms[-1]:
        split = theta.size
    else:
        split = int(np.argmin(np.abs(t2_grid_ms - long_ms)))
        half = np.diff(theta) / 2.0
        below[:split] += half[:split]
        below[1 : split + 1] += half[:split]
        above[split:-1] += half[split:]
        above[split + 1 :] += half[split:]
    resolved = _RESOLVED_STEPS * float(np.max(np.diff(theta)))
    return Search(theta, below, above, split, float(np.log(long_ms)), resolved)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def probability_long(
    profile: Array, top: float, search: Search, theta: float, theta_se: float, peak: float, misfit: float
) -> float:
    """Probability that T2 is above the threshold, from one pixel's profile likelihood.

    The prior is flat in log T2 between the ends of the grid; the amplitude is profiled out, which for these
    models is a flat prior in its logarithm to the first order and does not depend on the time to which the
    amplitude is referred. Where the likelihood is too narrow for the grid, its signed root at the threshold
    is taken as a standard normal variable.

    Parameters
    ----------
    profile : ndarray, shape (n_grid,)
        Log-likelihood on the grid.
    top : float
        Its highest value.
    search : Search
        The grid.
    theta, theta_se, peak : float
        log T2 at the maximum between the grid points, its standard error, and the log-likelihood there.
    misfit : float
        By how much the variance of the samples is larger than the noise; the likelihood is its root of that
        order.

    Returns
    -------
    float
        Between 0 and 1.

    References
    ----------
    Barndorff-Nielsen and Cox, Inference and Asymptotics, Chapman and Hall 1994 (signed root).
    """
    if search.split < 0:
        return 1.0
    if search.split >= profile.size:
        return 0.0
    if theta_se < search.resolved:
        root = math.sqrt(max(peak - profile[search.split], 0.0) / misfit)
        return 0.5 * math.erfc(-root if theta > search.log_long else root)
    short = long = 0.0
    for k in range(profile.size):
        depth = top - profile[k]
        if depth < _NEGLIGIBLE * misfit:
            likelihood = math.exp(-depth / misfit)
            short += search.below[k] * likelihood
            long += search.above[k] * likelihood
    return long / (short + long)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def open_ends(profile: Array, peak: float, misfit: float) -> int:
    """Say at which bounds of the search the likelihood has not fallen as far as an interval's end asks.

    Parameters
    ----------
    profile : ndarray, shape (n_grid,)
        Log-likelihood on the grid.
    peak : float
        Its maximum between the grid points.
    misfit : float
        By how much the variance of the samples is larger than the noise.

    Returns
    -------
    int
        :data:`CLOSED`, :data:`OPEN_BELOW`, :data:`OPEN_ABOVE` or :data:`OPEN_BOTH`.
    """
    drop = INTERVAL_DROP * misfit
    found = CLOSED
    if peak - profile[0] < drop:
        found += OPEN_BELOW
    if peak - profile[profile.size - 1] < drop:
        found += OPEN_ABOVE
    return found
