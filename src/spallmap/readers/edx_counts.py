"""Whether an element map holds counts, or is a picture of them that was stretched to be looked at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError

COUNTS = (
    "whole numbers of counts, 0 or more, as the spectrometer counted them: export the map as data (raw "
    "counts, 16 or 32 bits), not as a picture"
)
# Values that no pixel has lie between those of a stretched picture, next to values that many pixels have.
# Among counts less than 1 % are missing between two of COMMON pixels and more; rare values, as between the
# counts of two phases, prove nothing. Seen of stretched pictures: 0.3 and more. Fewer values than
# LEAST_VALUES may be drawn by hand.
COMMON, MISSING, LEAST_VALUES = 5, 0.1, 3
# Neighbouring pixels of counts differ as a Poisson distribution does; of a picture whose counts were divided
# or smoothed, less. The ratio of the two is 1 for counts, and a real map's own structure only adds to it.
# Seen: counts 1.04 to 1.6; divided by 1.5 to 4, 0.74 to 0.2; smoothed over a pixel, 0.1 to 0.4.
SMOOTH = 0.8
# Pairs of neighbours with at least this many counts, so that whole numbers do not hide the noise.
LEAST_MEAN, LEAST_PAIRS = 8.0, 1000
# Median of the square of a normal deviate.
_MEDIAN_SQUARE = 0.4549
# An end of the range that holds this many times more pixels than the value before it is no tail of counts.
PILE, LEAST_PILE = 3.0, 4


def check_counts(source_label: str, samples: NDArray[Any]) -> None:
    """Refuse a map that is a picture.

    Parameters
    ----------
    source_label : str
        The map's file, for the message.
    samples : ndarray, shape (rows, columns)
        Whole numbers, 0 or more.

    Raises
    ------
    InputError
        If whole numbers between common ones are missing throughout, as in a picture whose contrast was
        stretched, or if a map that just fills 8 bits is smoother than counts can be.

    Examples
    --------
    >>> counts = np.random.default_rng(1).poisson(6, (60, 80)).astype(np.uint8)
    >>> check_counts("Na.tif", counts)
    >>> check_counts("Na.tif", (counts * (255 / counts.max())).astype(np.uint8))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: Na.tif: found a picture, no counts: ...
    """
    missing = missing_fraction(samples)
    if missing is not None and missing > MISSING:
        found = f"a picture, no counts: of the values between common ones, {100 * missing:.0f} % never occur"
        raise InputError(source_label, found, COUNTS)
    if samples.dtype == np.uint8 and samples.max() == 255:
        ratio = noise_ratio(samples)
        if ratio is not None and ratio < SMOOTH:
            found = (
                "a picture, no counts: its values just fill 8 bits, and neighbours differ by only "
                f"{ratio:.2f} times what counting makes of them"
            )
            raise InputError(source_label, found, COUNTS)


def missing_fraction(samples: NDArray[Any]) -> float | None:
    """Fraction of the whole numbers between common values that no pixel has.

    Parameters
    ----------
    samples : ndarray
        Whole numbers, 0 or more.

    Returns
    -------
    float or None
        None where too few values are common.

    Examples
    --------
    >>> round(missing_fraction(np.repeat(np.arange(0, 90, 3), 200)), 2)
    0.66
    """
    values, pixels = np.unique(samples[samples > 0].astype(np.int64), return_counts=True)
    common = pixels >= COMMON
    between = np.diff(values)[common[:-1] & common[1:]] - 1
    if np.count_nonzero(common) < LEAST_VALUES or between.size == 0:
        return None
    missing = int(between.sum())
    return missing / (missing + int(np.count_nonzero(common)))


def noise_ratio(samples: NDArray[Any]) -> float | None:
    """How much neighbours differ, over what the noise of counting makes of them.

    Parameters
    ----------
    samples : ndarray, shape (rows, columns)
        Whole numbers, 0 or more.

    Returns
    -------
    float or None
        None where too few pixels have enough counts.

    Examples
    --------
    >>> counts = np.random.default_rng(1).poisson(40, (100, 100))
    >>> round(noise_ratio(counts), 1)
    1.0
    """
    values = samples.astype(np.float64)
    first, second = values[:, :-1], values[:, 1:]
    mean = (first + second) / 2
    used = (mean >= LEAST_MEAN) & (np.maximum(first, second) < values.max())
    if np.count_nonzero(used) < LEAST_PAIRS:
        return None
    # the variance of a difference of two counts is twice their mean
    squares = (first - second)[used] ** 2 / (2 * mean[used])
    return float(np.median(squares)) / _MEDIAN_SQUARE


def full_counts(samples: NDArray[Any]) -> NDArray[np.bool_] | None:
    """Pixels that stand at the end of their range, if they are more than a tail of counts has.

    Parameters
    ----------
    samples : ndarray
        Whole numbers, 0 or more.

    Returns
    -------
    ndarray of bool or None
        True where a count was cut off; None where none was.

    Examples
    --------
    >>> counts = np.random.default_rng(1).poisson(240, (100, 100))
    >>> int(full_counts(np.minimum(counts, 255).astype(np.uint8)).sum())
    1706
    >>> full_counts(counts.astype(np.uint16)) is None
    True
    """
    largest = int(samples.max())
    if largest not in {(1 << bits) - 1 for bits in (8, 10, 12, 14, 15, 16)}:
        return None
    full = samples == largest
    count, before = int(np.count_nonzero(full)), int(np.count_nonzero(samples == largest - 1))
    return full if count >= LEAST_PILE and count > PILE * before else None


def filled_range(source_label: str, samples: NDArray[Any]) -> DataWarning | None:
    """Report a map that just reaches 255 or 65535: few maps of counts do, every stretched picture does.

    Parameters
    ----------
    source_label : str
        The map's file, for the message.
    samples : ndarray
        Whole numbers, 0 or more, none of them cut off.

    Returns
    -------
    DataWarning or None
        None where the largest value is another.

    Examples
    --------
    >>> filled_range("Na.tif", np.array([0, 3, 254], np.uint8)) is None
    True
    """
    largest = {"uint8": 255, "uint16": 65535}.get(samples.dtype.name)
    if samples.max() != largest or samples.min() != 0:
        return None
    bits = 8 * samples.dtype.itemsize
    found = f"values from exactly 0 to exactly {largest}, as in a picture stretched to {bits} bits"
    return DataWarning(source_label, found, "taken as counts: see that the map was exported as raw counts")


def clipped_counts(source_label: str, samples: NDArray[Any], full: NDArray[np.bool_]) -> DataWarning:
    """Say how many counts of a map were cut off."""
    found = f"{100 * full.mean():.2g} % of the counts at {int(samples.max())}, the end of their range"
    return DataWarning(source_label, found, "they are higher in truth: export the map with more bits")
