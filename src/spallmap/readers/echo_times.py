"""The one place where echo times that a file or a user gave are taken as numbers, one for each echo.

Whether they can be milliseconds of a spin-echo series is for the front door to say
(:func:`spallmap.readers.checks.plausible.check_echo_times`), since the table may insist on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from spallmap.errors import InputError


def check_echo_times_ms(source_label: str, te_ms: Iterable[float], n_echoes: int) -> tuple[float, ...]:
    """Check that echo times are positive numbers, one for each echo.

    Parameters
    ----------
    source_label : str
        The file and the key in it, for the message.
    te_ms : iterable of float
        Echo times as they were given, ms. They may repeat and come in any order.
    n_echoes : int
        Number of echoes in the data.

    Returns
    -------
    tuple of float
        The echo times, ms.

    Raises
    ------
    InputError
        If one is no positive finite number, or their number is not `n_echoes`.

    Examples
    --------
    >>> check_echo_times_ms("a/echo_times_ms.txt", [2, 6.5], 2)
    (2.0, 6.5)
    >>> check_echo_times_ms("a/echo_times_ms.txt", [2, 6.5], 3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a/echo_times_ms.txt: found 2 echo times for 3 echoes: 2, 6.5; allowed: ...
    """
    allowed = f"positive milliseconds, one echo time for each of {n_echoes} echoes"
    try:
        times = tuple(float(t) for t in te_ms)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(source_label, f"echo times {str(te_ms)[:200]}", allowed) from error
    if len(times) != n_echoes:
        found = f"{len(times)} echo times for {n_echoes} echoes: {_listed(times)}"
        raise InputError(source_label, found, allowed)
    if not all(math.isfinite(t) and t > 0.0 for t in times):
        raise InputError(source_label, f"echo times {_listed(times)} ms", allowed)
    return times


def _listed(times: tuple[float, ...], most: int = 20) -> str:
    more = f", ... {len(times) - most} more" if len(times) > most else ""
    return ", ".join(f"{t:.6g}" for t in times[:most]) + more
