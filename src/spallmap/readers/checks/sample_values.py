"""Samples that carry something: numbers, in single precision, that are not all the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError

# Single precision holds numbers below 3.4e38 and, in full, above 1.2e-38; a power of ten is left for sums.
_SINGLE_RANGE = (1e-37, 1e37)


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
