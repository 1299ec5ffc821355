"""The one place where echo times that a file or a user gave are checked."""

from __future__ import annotations

from collections.abc import Iterable

from spallmap.errors import InputError

# No magnet delivers a spin echo within 10 us, and no transverse relaxation time calls for one after 10 s: a
# number outside is of another unit than milliseconds.
TE_RANGE_MS = (0.01, 10_000.0)
# Units that formats and people use for echo times, as milliseconds a unit; the likeliest comes first.
OTHER_UNITS_MS = (("seconds", 1000.0), ("microseconds", 1e-3), ("nanoseconds", 1e-6))


def check_echo_times_ms(source_label: str, te_ms: Iterable[float], n_echoes: int) -> tuple[float, ...]:
    """Check that echo times are plausible milliseconds, one for each echo.

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
        If one is no number, lies outside 0.01 to 10 000 ms (the message then names the unit that was
        probably meant), or their number is not `n_echoes`.

    Examples
    --------
    >>> check_echo_times_ms("a/echo_times_ms.txt", [2, 6.5], 2)
    (2.0, 6.5)
    >>> check_echo_times_ms("a/echo_times_ms.txt", [0.002, 0.0065], 2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: a/echo_times_ms.txt: found ... probably seconds (2, 6.5 ms); allowed: ...
    """
    low, high = TE_RANGE_MS
    allowed = f"milliseconds, {low:g} to {high:g}, one echo time for each of {n_echoes} echoes"
    try:
        times = tuple(float(t) for t in te_ms)
    except (TypeError, ValueError) as error:
        raise InputError(source_label, f"echo times {te_ms!r}", allowed) from error
    if len(times) != n_echoes:
        raise InputError(
            source_label, f"{len(times)} echo times for {n_echoes} echoes: {_listed(times)}", allowed
        )
    if not all(low <= t <= high for t in times):
        raise InputError(source_label, f"echo times {_listed(times)} ms{_guess(times)}", allowed)
    return times


def _guess(times: tuple[float, ...]) -> str:
    """Say which unit would make all of them plausible milliseconds."""
    low, high = TE_RANGE_MS
    for unit, factor in OTHER_UNITS_MS:
        if all(low <= t * factor <= high for t in times):
            return f", probably {unit} ({_listed(tuple(t * factor for t in times))} ms)"
    return ""


def _listed(times: tuple[float, ...]) -> str:
    return ", ".join(f"{t:.6g}" for t in times)
