"""Echoes that cannot be of one decay: one twice, or each brought to its own range."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning, InputError
from spallmap.readers.checks.stored_words import NEGATIVE_FRACTION

# Whole numbers whose largest is below this may share it by chance.
_LEAST_LARGEST = 255
# Echoes of so many times have one largest sample only where each was brought to the same range.
_LEAST_TIMES = 3
# In smaller images chance, or a hand that drew them, decides.
_FEWEST = 256


def check_distinct(source_label: str, echoes: NDArray[Any], te_ms: Sequence[float]) -> DataWarning | None:
    """Refuse a series that holds one image twice: noise never repeats.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    echoes : ndarray, shape (n_echoes, ...)
        The samples.
    te_ms : sequence of float
        Echo time of each, ms.

    Returns
    -------
    DataWarning or None
        A warning where all of them are one image, which has no T2.

    Raises
    ------
    InputError
        If two are the same among others, naming them.

    Examples
    --------
    >>> one = np.random.default_rng(1).normal(size=(16, 16))
    >>> check_distinct("a.nii", np.stack([one, one / 2]), (2.0, 6.5))
    >>> check_distinct("a.nii", np.stack([one, one, one / 2]), (2.0, 6.5, 11.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a.nii: found the same samples in echo 1 (2 ms) and echo 2 (6.5 ms); ...
    """
    allowed = "each image once: leave the copy out, or export the echo that it stands for anew"
    seen: dict[bytes, int] = {}
    copies: list[tuple[int, int]] = []
    for number, echo in enumerate(echoes):
        if echo.size < _FEWEST or not np.isfinite(echo).any() or np.all(echo == echo.flat[0]):
            continue
        first = seen.setdefault(hashlib.sha256(echo.tobytes()).digest(), number)
        if first != number:
            copies.append((first, number))
    if not copies:
        return None
    if len(copies) == len(echoes) - 1:
        return DataWarning(source_label, "the same samples in every echo", f"allowed is {allowed}")
    named = [f"echo {n + 1} ({te_ms[n]:g} ms)" for n in copies[0]]
    raise InputError(source_label, f"the same samples in {named[0]} and {named[1]}", allowed)


def check_one_scale(
    source_label: str,
    echoes: NDArray[Any],
    te_ms: Sequence[float],
    clipped: NDArray[np.bool_] | None = None,
) -> None:
    """Refuse a series each of whose echoes was stretched to the same range: it has lost its decay.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    echoes : ndarray, shape (n_echoes, ...)
        The samples.
    te_ms : sequence of float
        Echo time of each, ms.
    clipped : ndarray of bool, optional
        Samples that were cut off: they share the largest value for this reason.

    Raises
    ------
    InputError
        If the largest sample is the same in all of three echo times or more.

    Examples
    --------
    >>> decay = np.exp(-np.array([2.0, 6.5, 11.0]) / 8.0)[:, None] * np.linspace(900, 500, 256)
    >>> check_one_scale("a.nii", decay, (2.0, 6.5, 11.0))
    >>> check_one_scale("a.nii", decay / decay[:, :1], (2.0, 6.5, 11.0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a.nii: found 1 as the largest sample of every echo; allowed: ...
    """
    if clipped is not None or len(set(te_ms)) < _LEAST_TIMES:
        return
    largest = [float(np.max(np.abs(e), initial=0.0, where=np.isfinite(e))) for e in echoes]
    if len(set(largest)) > 1 or largest[0] == 0.0 or echoes[0].size < _FEWEST:
        return
    if 1.0 < largest[0] < _LEAST_LARGEST and largest[0].is_integer():
        return
    allowed = "echoes of one scale: export them together, or with their slopes, or as floating-point numbers"
    raise InputError(source_label, f"{largest[0]:g} as the largest sample of every echo", allowed)


def negative_magnitudes(source_label: str, echoes: NDArray[Any]) -> DataWarning | None:
    """Look for magnitudes below zero.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    echoes : ndarray
        The samples.

    Returns
    -------
    DataWarning or None
        A warning where the lowest lies below zero by more than 5 % of the largest.

    Examples
    --------
    >>> negative_magnitudes("a.tif", np.linspace(-1, 100, 256)[None]) is None
    True
    >>> print(negative_magnitudes("a.tif", np.linspace(-9, 100, 256)[None]))  # doctest: +ELLIPSIS
    a.tif: found magnitudes from -9 to 100; ...
    """
    finite = np.isfinite(echoes)
    lowest = float(np.min(echoes, initial=0.0, where=finite))
    largest = float(np.max(echoes, initial=0.0, where=finite))
    found = f"magnitudes from {lowest:g} to {largest:g}"
    if lowest >= -NEGATIVE_FRACTION * largest or echoes[0].size < _FEWEST:
        return None
    advice = "used as they are: see whether the header hides a sign or an offset, or these are real parts"
    return DataWarning(source_label, found, advice)
