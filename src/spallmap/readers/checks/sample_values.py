"""Samples that carry something: numbers, in single precision, that are not all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError

# Single precision holds numbers below 3.4e38 and, in full, above 1.2e-38; a power of ten is left for sums.
_SINGLE_RANGE = (1e-37, 1e37)
# A mean signal that grows this much to the longest echo time, and with a rank correlation above one half,
# does not decay. The shortest time does not count: the first echo of a train lies up to a fifth below the
# others.
_GROWTH = 1.05


def in_single_precision(source_label: str, samples: NDArray[Any]) -> NDArray[Any]:
    """Convert samples to float32, or complex64, as long as they fit.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    samples : ndarray
        Whole, floating-point or complex numbers.

    Returns
    -------
    ndarray of float32 or complex64
        Of the same shape; what is no number stays none.

    Raises
    ------
    InputError
        If the largest is beyond single precision, or all of them vanish in it.

    Examples
    --------
    >>> in_single_precision("a.nii", np.array([1, 2], np.int16)).dtype.name
    'float32'
    >>> in_single_precision("a.nii", np.array([0.0, 1e300]))
    Traceback (most recent call last):
    spallmap.errors.InputError: a.nii: found samples up to 1e+300; allowed: up to 1e+37: scale them
    """
    low, high = _SINGLE_RANGE
    if samples.dtype.kind in "fc" and samples.size:
        largest = np.max(np.abs(samples), initial=0.0, where=np.isfinite(samples))
        if largest > high or 0.0 < largest < low:
            allowed = f"up to {high:g}: scale them" if largest > high else f"above {low:g}: scale them"
            raise InputError(source_label, f"samples up to {largest:.3g}", allowed)
    return samples.astype(np.complex64 if samples.dtype.kind == "c" else np.float32, copy=False)


def check_not_blank(
    source_label: str,
    echoes: NDArray[Any],
    te_ms: Sequence[float],
    clipped: NDArray[np.bool_] | None = None,
) -> None:
    """Refuse a series with an echo that shows nothing: all of it one value, or no number at all.

    Single samples that are no number are left for the status of their pixels.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    echoes : ndarray, shape (n_echoes, ...)
        The samples.
    te_ms : sequence of float
        Echo time of each, ms.
    clipped : ndarray of bool, optional
        Samples that were cut off: an echo that was as a whole is reported as such, unless all were.

    Raises
    ------
    InputError
        Naming the echoes and the value.

    Examples
    --------
    >>> empty = np.array([[1.0, 2.0], [0.0, 0.0]])
    >>> check_not_blank("a.nii", empty, (2.0, 6.5))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a.nii: found all samples 0 in echo 2 (6.5 ms); allowed: images with a ...
    """
    blank: dict[str, list[int]] = {}
    for number, echo in enumerate(echoes):
        finite = np.isfinite(echo)
        if not finite.any():
            blank.setdefault("no sample that is a number", []).append(number)
            continue
        first = echo[finite][0]
        if clipped is not None and clipped[number].all() and not clipped.all():
            continue
        if echo.size > 1 and np.all(echo == first, where=finite):
            blank.setdefault(f"all samples {first:g}", []).append(number)
    if not blank:
        return
    found = []
    for what, numbers in blank.items():
        named = ", ".join(f"{n + 1} ({te_ms[n]:g} ms)" for n in numbers[:6]) + (
            " ..." if len(numbers) > 6 else ""
        )
        found.append(f"{what} in " + ("every echo" if len(numbers) == len(echoes) else f"echo {named}"))
    allowed = "images with a signal: leave out empty ones, or see whether they were exported whole"
    raise InputError(source_label, "; ".join(found), allowed)


def check_decay(source_label: str, echoes: NDArray[Any], te_ms: Sequence[float]) -> DataWarning | None:
    """Compare the mean signal of the echoes with their times: it cannot grow.

    Parameters
    ----------
    source_label : str
        The file, for the warning.
    echoes : ndarray, shape (n_echoes, ...)
        The samples.
    te_ms : sequence of float
        Echo time of each, ms.

    Returns
    -------
    DataWarning or None
        A warning where the signal grows with the echo time: the times stand in another order than the images.

    Examples
    --------
    >>> echoes = np.exp(-np.array([2.0, 6.5, 11.0]) / 8.0)[:, None] * np.ones(9)
    >>> check_decay("a.nii", echoes, (2.0, 6.5, 11.0)) is None
    True
    >>> print(check_decay("a.nii", echoes, (11.0, 6.5, 2.0)))  # doctest: +ELLIPSIS
    a.nii: found a mean signal that grows with the echo time, 0.444 at 6.5 ms to 0.779 at 11 ms; see ...
    """
    times = np.asarray(te_ms, dtype=np.float64)
    if np.unique(times).size < 3:
        return None
    means = np.array([np.mean(np.abs(e), dtype=np.float64, where=np.isfinite(e)) for e in echoes])
    later = np.flatnonzero(times > times.min())
    first, last = later[np.argmin(times[later])], later[np.argmax(times[later])]
    ranks = np.array([np.argsort(np.argsort(values[later])) for values in (times, means)])
    grows = means[last] > _GROWTH * max(means[first], means[np.argmin(times)])
    if not grows or np.corrcoef(ranks)[0, 1] <= 0.5:
        return None
    return DataWarning(
        source_label,
        f"a mean signal that grows with the echo time, {means[first]:.3g} at {times[first]:g} ms to "
        f"{means[last]:.3g} at {times[last]:g} ms",
        "see whether the echo times stand in the order of the images",
    )
