"""How much a pixel's echoes speak for a long T2 against the T2 that its neighbourhood has."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Step of the T2 grid in log T2. The narrowest class is twice as wide, and where a likelihood is narrower than
# the step its nearest points still show which class is closer.
STEP = 0.1
# A long T2 may be up to this factor above the threshold; for one further up, that is the nearest long value.
# Dendrites of 14 to 18 ms are sought above 12 ms; with a factor of 2, 1 to 3 % fewer of them are found.
LONG_SPAN = 1.6
# A neighbourhood's T2 may be down to the threshold over this factor.
SHORT_SPAN = 4.0
# Scatter of T2 about that of the neighbourhood, standard deviation of log T2. Electrodes of 5 to 10 ms whose
# T2 changes over 150 to 900 um have less; 0.07 and 0.14 change the counts by a hundredth or two.
SCATTER = 0.1
# Scatter of the neighbourhoods' T2 about that of the slice, standard deviation of log T2: it covers
# electrodes of 5 to 10 ms in one slice.
SPREAD = 0.2
# Fraction of the short pixels that do not have the T2 of their neighbourhood: one odd pixel must not outweigh
# all the others there.
OUTLIERS = 0.02
# Reach of a neighbourhood, one standard deviation of a Gaussian, in pixels (the root of a pixel's area).
REACH_PIXELS = 5.0
# Fraction of long pixels that is expected before anything is known.
LONG_FRACTION = 0.1


def evidence_grid(long_ms: float) -> tuple[Array, int]:
    """T2 grid over both classes, and the threshold's index in it.

    Parameters
    ----------
    long_ms : float
        The threshold; a point of the grid.

    Returns
    -------
    t2_ms : ndarray, shape (n_grid,)
        Rising, even in log T2.
    threshold : int
        Index of `long_ms`.
    """
    # three standard deviations of the scatter below the lowest neighbourhood
    below = int(np.ceil((np.log(SHORT_SPAN) + 3.0 * SCATTER) / STEP))
    above = int(np.ceil(np.log(LONG_SPAN) / STEP))
    grid: Array = long_ms * np.exp(STEP * np.arange(-below, above + 1))
    return grid, below


def long_evidence(
    profile: Array,
    voters: Flags,
    threshold: int,
    spacing_um: Sequence[float],
    pixels_per_sample: Sequence[float] = (1.0, 1.0),
) -> Array:
    """Logarithm of the Bayes factor for a long T2 against that of the neighbourhood.

    A long T2 is even in log T2 from the threshold to :data:`LONG_SPAN` times it. A short one is normal in
    log T2 about the neighbourhood's with standard deviation :data:`SCATTER`, cut at the threshold, but for a
    fraction :data:`OUTLIERS` that may be anywhere below the threshold. The neighbourhood's T2 is not known
    either; it has the probability that the neighbours' likelihoods give it (local likelihood), times a prior
    about the T2 of the slice. The pixel itself is left out, and every neighbour counts with its own
    probability of being short and a Gaussian weight of its distance.

    A pixel in which both kinds of metal meet has an apparent T2 in between, and falls to the class that is
    nearer in likelihood.

    Parameters
    ----------
    profile : ndarray, shape (n_voters, n_grid)
        Log-likelihood on the grid of :func:`evidence_grid`, the amplitude profiled out.
    voters : ndarray of bool, shape (ny, nx)
        Which pixels of a slice those are.
    threshold : int
        Index of the threshold in the grid.
    spacing_um : sequence of float
        Pixel size, rows and columns.
    pixels_per_sample : sequence of float
        Pixels that share a sample of the noise, rows and columns: a neighbour counts by its fraction of one.

    Returns
    -------
    ndarray, shape (n_voters,)
        Positive for long.

    References
    ----------
    Kass and Raftery, Bayes factors, J. Am. Stat. Assoc. 90 (1995) 773.
    Tibshirani and Hastie, Local likelihood estimation, J. Am. Stat. Assoc. 82 (1987) 559.
    """
    offset = STEP * (np.arange(profile.shape[1]) - threshold)
    # the threshold itself belongs to both classes by half
    half = np.where(offset == 0.0, 0.5, 1.0)
    likelihood = np.exp(profile - profile.max(axis=1, keepdims=True))
    is_long = half * (offset >= 0.0)
    is_below = half * (offset <= 0.0)
    for_long = _log(likelihood @ (is_long / is_long.sum()))
    centres = offset[(offset <= 0.0) & (offset > -np.log(SHORT_SPAN) - STEP / 2.0)]

    def about(scatter: float) -> Array:
        """Log-likelihood of each centre, shape (n_voters, n_centres)."""
        near = is_below[:, None] * np.exp(-0.5 * ((offset[:, None] - centres) / scatter) ** 2)
        even = is_below[:, None] / is_below.sum()
        return _log(likelihood @ ((1.0 - OUTLIERS) * near / near.sum(axis=0) + OUTLIERS * even))

    wide = about(SPREAD)
    both = np.logaddexp(np.log(1.0 - LONG_FRACTION) + wide, np.log(LONG_FRACTION) + for_long[:, None])
    slice_wide = int(np.argmax(both.sum(axis=0)))
    is_short = np.exp(np.log(1.0 - LONG_FRACTION) + wide[:, slice_wide] - both[:, slice_wide])
    near = about(SCATTER)
    samples_um = [s * n for s, n in zip(spacing_um, pixels_per_sample, strict=True)]
    around = _around(is_short[:, None] * near, voters, spacing_um, samples_um)
    around /= np.prod(pixels_per_sample)
    around -= 0.5 * ((centres - centres[slice_wide]) / SPREAD) ** 2
    for_short = np.logaddexp.reduce(near + around, axis=1) - np.logaddexp.reduce(around, axis=1)
    evidence: Array = for_long - for_short
    return evidence


# Far below any likelihood that still counts: keeps the logarithm of an underflow finite.
_TINY = 1e-300


def _log(likelihood: Array) -> Array:
    found: Array = np.log(likelihood + _TINY)
    return found


def _around(values: Array, voters: Flags, spacing_um: Sequence[float], samples_um: Sequence[float]) -> Array:
    """Sum over each voter's neighbours with Gaussian weights that are 1 at no distance, itself left out."""
    reach = REACH_PIXELS * np.sqrt(np.prod(samples_um)) / np.asarray(spacing_um)
    point = np.zeros([2 * int(np.ceil(4.0 * r)) + 1 for r in reach])
    point[tuple(n // 2 for n in point.shape)] = 1.0
    own = ndimage.gaussian_filter(point, reach).max()
    sums = np.empty_like(values)
    image = np.zeros(voters.shape)
    for k in range(values.shape[1]):
        image[voters] = values[:, k]
        sums[:, k] = ndimage.gaussian_filter(image, reach, mode="constant")[voters] / own
    return sums - values
