"""Whether the slices of a tomogram share one grey scale, and whether they are all there.

Reconstruction programs write slices scaled one by one, each to its own range. The quiet parts of neighbouring
slices, bright and dark, are compared: matter goes on from slice to slice, a scale that jumps does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError

# Largest standard deviation of a slice's level about its neighbours', over the contrast of bright and dark.
# Scans with one scale had up to 0.0005, and 540 drawn ones up to 0.0014. Levels that jumped by 0.01 at random
# made no false crack in two scans, by 0.02 up to 14; slices stretched to their percentiles had 0.0023 and
# made up to 8, for the scale changes most where the ceramic begins.
MAX_JITTER = 0.002
# Slices whose contrast is below this fraction of the best ones' show other matter, or noise alone.
LEAST_CONTRAST = 0.5
# Neighbours whose bright tiles differ by more than this fraction lie at the end of a body.
MOST_CHANGED = 0.1
# Tiles of either kind that a level needs, and triples of slices that a jitter needs.
LEAST_TILES = 20
LEAST_TRIPLES = 8
# A second difference of independent levels has the root of six times their standard deviation.
SECOND_DIFFERENCE = 6.0**0.5
# Standard error of a median over that of a mean.
MEDIAN_ERROR = 1.2533
# By this the noise of the levels is multiplied before it is taken off: neighbouring tiles share some of it.
NOISE_MARGIN = 1.5
# One pair of equal slices among others is a copy; where nearly all are equal the volume has no noise.
MOST_EQUAL = 0.6
# Percentiles that each slice is stretched between leave the same number of voxels at either end of the range
# in every slice. Chance makes the variance of such numbers their mean, and matter that comes and goes makes
# it larger; it is less by this many standard errors at both ends only where somebody saw to it. Of few slices
# this fraction is asked for.
DISPERSION_SE = 3.2
MOST_DISPERSION = 0.25
LEAST_SLICES = 24
# Padding is as steady, but there is more of it than this fraction of a slice.
MOST_AT_END = 0.02
# Slices that are brought to one mean and one standard deviation differ by rounding alone, over the contrast,
# while the fraction of bright tiles changes by this much. Scans with one scale differ by 0.1 and more then.
MOST_SPREAD = 0.002
LEAST_CHANGE = 0.05
# Slices that are named in a message.
MOST_NAMED = 8

REMEDY = (
    "one grey scale for all slices: export all of them with one common range, or, if the jumps are real, "
    "write grey_scale into the table's column unusual"
)
COMPLETE = (
    "every slice of the scan: export it again, or leave the blank slices away and give the right spacing; to "
    "go on all the same, write grey_scale into the table's column unusual"
)


@dataclass(frozen=True)
class SliceLevels:
    """How the grey of quiet matter goes on from slice to slice.

    Parameters
    ----------
    jitter : float or None
        Standard deviation of a slice's level about its neighbours', over the contrast of bright and dark; the
        larger of the bright and of the dark parts'. None where too few slices can be compared.
    blank : tuple of int
        Slices of a single grey value between slices that show something.
    repeated : tuple of int
        Slices that equal the one before.
    alike : str
        What is the same in every slice though they show different things; empty where nothing is.

    Examples
    --------
    >>> SliceLevels(0.02, (), ()).one_scale, SliceLevels(0.001, (), ()).one_scale
    (False, True)
    """

    jitter: float | None
    blank: tuple[int, ...]
    repeated: tuple[int, ...]
    alike: str = ""

    @property
    def one_scale(self) -> bool:
        """Whether the slices share a grey scale, as far as can be seen."""
        return not self.alike and (self.jitter is None or self.jitter <= MAX_JITTER)


def slice_levels(
    tiles: NDArray[np.floating[Any]],
    at_ends: NDArray[np.int64] | None = None,
    moments: NDArray[np.float64] | None = None,
    slice_voxels: int = 0,
) -> SliceLevels:
    """Compare neighbouring slices.

    Parameters
    ----------
    tiles : ndarray, shape (nz, my, mx)
        Means of the same tiles of each slice.
    at_ends : ndarray of int, shape (nz, 2), optional
        How many voxels of each slice have the least and the greatest grey of the volume.
    moments : ndarray, shape (nz, 2), optional
        Mean and standard deviation of each slice.
    slice_voxels : int
        Number of voxels of a slice; needed with `at_ends`.

    Returns
    -------
    SliceLevels
        What goes on and what does not.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> disc = np.where(np.hypot(*np.mgrid[-16:16, -16:16]) < 12, 500.0, 100.0)
    >>> scan = disc + rng.normal(0.0, 5.0, (40, 32, 32))
    >>> slice_levels(scan).one_scale
    True
    >>> slice_levels(scan * rng.uniform(0.95, 1.05, (40, 1, 1))).one_scale
    False
    """
    flat = tiles.reshape(len(tiles), -1).astype(np.float64)
    shown = np.flatnonzero(np.ptp(flat, axis=1) > 0)
    blank: tuple[int, ...] = ()
    if shown.size:
        between = np.setdiff1d(np.arange(shown[0], shown[-1] + 1), shown)
        blank = tuple(int(k) for k in between)
    equal = np.flatnonzero(np.all(flat[1:] == flat[:-1], axis=1)) + 1
    equal = np.intersect1d(equal, shown)
    repeated = tuple(int(k) for k in equal) if equal.size <= MOST_EQUAL * max(shown.size, 1) else ()
    jitters = [j for j in (_jitter(*steps) for steps in _steps(flat)) if j is not None]
    alike = ""
    if at_ends is not None and _stretched(at_ends[shown], slice_voxels):
        alike = "the same number of voxels at either end of the grey values in every slice"
    elif moments is not None and _standardised(moments[shown], flat[shown]):
        alike = "the same mean and standard deviation in every slice, whatever it shows"
    return SliceLevels(max(jitters, default=None), blank, repeated, alike)


def _stretched(at_ends: NDArray[np.int64], slice_voxels: int) -> bool:
    """Say whether every slice reaches both ends with the same small number of voxels."""
    if len(at_ends) < LEAST_SLICES or at_ends.min() == 0:
        return False
    mean, variance = at_ends.mean(axis=0), at_ends.var(axis=0)
    limit = max(MOST_DISPERSION, 1.0 - DISPERSION_SE * float(np.sqrt(2.0 / (len(at_ends) - 1))))
    return bool(np.all(variance < limit * mean) and mean.max() <= MOST_AT_END * slice_voxels)


def _standardised(moments: NDArray[np.float64], flat: NDArray[np.float64]) -> bool:
    """Say whether every slice has the same mean and the same spread, though bright matter comes and goes."""
    if len(moments) < LEAST_SLICES:
        return False
    low, high = np.percentile(flat, (2.0, 98.0))
    filled = (flat > (low + high) / 2.0).mean(axis=1)
    steady = np.all(moments.std(axis=0) < MOST_SPREAD * max(high - low, 1e-300))
    return bool(steady and np.ptp(filled) > LEAST_CHANGE)


def _steps(flat: NDArray[np.float64]) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Change of the bright and of the dark level to the next slice, and its error; NaN where unknown.

    Both are over the contrast of bright and dark.
    """
    # The two classes are each slice's own, so that a slice's scale does not decide what is compared.
    low, high = np.percentile(flat, (2.0, 98.0), axis=1)
    bright = flat > ((low + high) / 2.0)[:, None]
    n = len(flat) - 1
    steps, errors, contrast = np.full((2, n), np.nan), np.full((2, n), np.nan), np.full(n, np.nan)
    for k in range(n):
        both, neither = bright[k] & bright[k + 1], ~(bright[k] | bright[k + 1])
        n_both, n_either = int(both.sum()), int((~neither).sum())
        if min(n_both, int(neither.sum())) < LEAST_TILES or n_both < (1.0 - MOST_CHANGED) * n_either:
            continue
        change = flat[k + 1] - flat[k]
        middle = (flat[k + 1] + flat[k]) / 2.0
        contrast[k] = np.median(middle[both]) - np.median(middle[neither])
        for row, which in enumerate((both, neither)):
            steps[row, k] = level = np.median(change[which])
            spread = 1.4826 * np.median(np.abs(change[which] - level))
            errors[row, k] = MEDIAN_ERROR * spread / np.sqrt(which.sum())
    known = np.isfinite(contrast)
    if known.any():
        contrast[~(contrast >= LEAST_CONTRAST * np.quantile(contrast[known], 0.9))] = np.nan
    return [(step / contrast, error / contrast) for step, error in zip(steps, errors, strict=True)]


def _jitter(steps: NDArray[np.float64], errors: NDArray[np.float64]) -> float | None:
    """Robust standard deviation of the levels behind their steps beyond their own error.

    Slow drifts, and a single step, drop out.
    """
    bends = np.diff(steps)
    bends = bends[np.isfinite(bends)]
    if bends.size < LEAST_TRIPLES:
        return None
    jitter = 1.4826 * float(np.median(np.abs(bends))) / SECOND_DIFFERENCE
    # Independent noise leaves the root of half of this.
    noise = float(np.nanmedian(errors))
    return float(np.sqrt(max(jitter**2 - (NOISE_MARGIN * noise) ** 2, 0.0)))


def check_slices(
    levels: SliceLevels, source_label: str, *, declared: bool = False
) -> tuple[DataWarning, ...]:
    """Refuse a tomogram whose slices have scales of their own, or that lacks some.

    Parameters
    ----------
    levels : SliceLevels
        What was seen.
    source_label : str
        What to call the volume.
    declared : bool
        Whether the user says that it is right: what would be refused is then told.

    Returns
    -------
    tuple of DataWarning
        What is odd and used.

    Raises
    ------
    InputError
        Where it is not declared.

    Examples
    --------
    >>> check_slices(SliceLevels(0.03, (), ()), "slices")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: slices: found slices that were scaled one by one: ...
    """
    odd = []
    if levels.blank:
        found = f"{_named(levels.blank)} of one grey value between slices that show something"
        odd.append((found, COMPLETE, "they will look like a gap in the cell"))
    if not levels.one_scale:
        seen = (
            levels.alike
            or "the grey of quiet matter jumps from slice to slice by "
            f"{100.0 * (levels.jitter or 0.0):.1f} % of the contrast (at most {100.0 * MAX_JITTER:g} %)"
        )
        found = f"slices that were scaled one by one: {seen}"
        advice = "used, as the table's column unusual says; cracks along the slices may be false"
        odd.append((found, REMEDY, advice))
    if odd and not declared:
        raise InputError(source_label, odd[0][0], odd[0][1])
    warnings = [DataWarning(source_label, found, advice) for found, _, advice in odd]
    if levels.repeated:
        warnings.append(
            DataWarning(
                source_label,
                f"{_named(levels.repeated)} equal to the slice before",
                "used as they are: if slices were copied, the spacing along z is wrong",
            )
        )
    return tuple(warnings)


def _named(slices: tuple[int, ...]) -> str:
    """Name slices by their number from 0, the first few of many."""
    names = ", ".join(str(k) for k in slices[:MOST_NAMED])
    more = f" and {len(slices) - MOST_NAMED} more" if len(slices) > MOST_NAMED else ""
    return f"slice{'s' if len(slices) > 1 else ''} {names}{more} (counted from 0)"
