"""What every pixel-wise method here needs first: sorted echo times, and pixels as rows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spallmap.errors import InputError
from spallmap.relaxometry.models import SignalModel

Array = NDArray[np.float64]

# Bounds of T2: a tenth of the closest echo spacing leaves exp(-10) of a signal one echo later, and within
# twenty times the last echo a signal falls by 5 % or less; outside, an echo train says nothing at usual
# noise.
LOWEST_T2_IN_SPACINGS = 0.1
HIGHEST_T2_IN_LAST_TE = 20.0
# Echo times closer than this fraction of the train are one, written with different rounding.
SAME_TIME = 1e-3
# Step of the global search in log T2. A likelihood of a few echoes has no structure finer than this: its
# width in log T2 is 1 / SNR times a factor above 1, and what is sharper is still unimodal between two grid
# points.
GRID_STEP = 0.15


def sorted_echoes(
    echoes: ArrayLike, te_ms: Sequence[float], model: SignalModel
) -> tuple[NDArray[Any], Array]:
    """Check a series against its echo times and bring it into their order.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ...)
        The series, in any order of echoes.
    te_ms : sequence of float
        Echo times in ms, one per echo; repeated ones are allowed.
    model : SignalModel
        Which will read them.

    Returns
    -------
    echoes : ndarray, shape (n_echoes, ...)
        By rising echo time.
    te_ms : ndarray, shape (n_echoes,)
        Rising.

    Raises
    ------
    InputError
        If the number of echo times is wrong, too few differ for the model, one is negative or not finite, or
        the data are complex where magnitudes are needed or the other way round.
    """
    data = np.asarray(echoes)
    te = np.asarray(te_ms, dtype=np.float64)
    if te.ndim != 1 or data.ndim < 1 or data.shape[0] != te.size:
        raise InputError(
            "echoes",
            f"{data.shape[:1]} echoes and {te.shape} echo times",
            "one echo time per echo, echoes first",
        )
    if not np.all(np.isfinite(te)) or np.any(te < 0.0):
        raise InputError("te_ms", str(te.tolist()), "finite echo times in ms, 0 or above")
    if _distinct_times(te).size < model.n_parameters:
        raise InputError(
            "te_ms",
            f"{_distinct_times(te).size} different echo times",
            f"{model.n_parameters} for model {model.name}",
        )
    if np.iscomplexobj(data) != model.complex_data:
        raise InputError(
            "echoes",
            "complex data" if np.iscomplexobj(data) else "real data",
            f"{'complex data' if model.complex_data else 'magnitudes'} for model {model.name}",
        )
    order = np.argsort(te, kind="stable")
    # a large series that is in order is not copied
    return (data, te) if np.all(np.diff(te) >= 0.0) else (data[order], te[order])


def drop_first(
    echoes: NDArray[Any], te_ms: Array, n_skipped: int, model: SignalModel
) -> tuple[NDArray[Any], Array]:
    """Leave out the samples at the shortest echo times.

    Parameters
    ----------
    echoes : ndarray, shape (n_echoes, ...)
        By rising echo time.
    te_ms : ndarray, shape (n_echoes,)
        Rising.
    n_skipped : int
        How many different echo times to leave out.
    model : SignalModel
        Which will read the rest.

    Returns
    -------
    echoes, te_ms : ndarray
        The rest; views.

    Raises
    ------
    InputError
        If the number is negative, or too few different echo times are left for the model.
    """
    times = _distinct_times(te_ms)
    if not 0 <= n_skipped <= times.size - model.n_parameters:
        most = times.size - model.n_parameters
        raise InputError("t2.skip_echoes", str(n_skipped), f"0 to {most} for {times.size} echo times")
    first = int(np.searchsorted(te_ms, times[n_skipped]))
    return echoes[first:], te_ms[first:]


def usable_series(
    echoes: ArrayLike, te_ms: Sequence[float], model: SignalModel, skip_echoes: int = 0
) -> tuple[NDArray[Any], Array]:
    """Check a series, sort it by echo time, and leave out the shortest echo times.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ...)
        The series, in any order of echoes.
    te_ms : sequence of float
        Echo times in ms, one per echo.
    model : SignalModel
        Which will read them.
    skip_echoes : int
        How many different echo times to leave out.

    Returns
    -------
    echoes, te_ms : ndarray
        By rising echo time.

    Raises
    ------
    InputError
        As :func:`sorted_echoes` and :func:`drop_first` do.

    Examples
    --------
    >>> from spallmap.relaxometry import get_model
    >>> echoes, te_ms = usable_series([[3.0], [9.0], [5.0]], (18.0, 2.0, 10.0), get_model("rician"), 1)
    >>> echoes.tolist(), te_ms.tolist()
    ([[5.0], [3.0]], [10.0, 18.0])
    """
    return drop_first(*sorted_echoes(echoes, te_ms, model), skip_echoes, model)


def what_is_wrong(samples: NDArray[Any]) -> str:
    """Say why samples hold no measurement: all zero, none a number, all alike; nothing where they may."""
    finite = np.isfinite(samples)
    if not finite.any():
        return "no sample that is a number"
    first = samples[finite][0]
    if not np.all(samples[finite] == first):
        return ""
    return "all samples are zero" if first == 0 else f"all samples are {first:g}"


def check_content(echoes: NDArray[Any], te_ms: Array) -> None:
    """Refuse a series in which an echo holds no measurement, or is a copy of another.

    Parameters
    ----------
    echoes : ndarray, shape (n_echoes, ...)
        The series.
    te_ms : ndarray, shape (n_echoes,)
        Echo times.

    Raises
    ------
    InputError
        If all samples, or all of one echo, are zero, alike, or no numbers, or two echoes are the same sample
        for sample, which noise never makes them.
    """
    advice = "echoes as they were measured: see what was exported"
    wrong = what_is_wrong(echoes)
    if wrong:
        raise InputError("echo series", wrong, advice)
    seen: dict[int, float] = {}
    for te, echo in zip(te_ms.tolist(), echoes, strict=True):
        wrong = what_is_wrong(echo)
        if wrong:
            raise InputError(f"echo series, echo at {te:g} ms", wrong, advice)
        key = zlib.crc32(np.ascontiguousarray(echo).tobytes())
        if key in seen:
            same = f"the same samples as at {seen[key]:g} ms"
            raise InputError(f"echo series, echo at {te:g} ms", same, advice)
        seen[key] = te


def clipped_pixels(
    clipped: NDArray[np.bool_] | None, shape: tuple[int, ...], te_ms: Sequence[float], n_used: int
) -> NDArray[np.bool_]:
    """Pixels with a clipped sample among the echoes that are used.

    Parameters
    ----------
    clipped : ndarray of bool or None
        Samples that were cut off at an end of their range, in the order of `te_ms`; None for none.
    shape : tuple of int
        Of the series, echoes first.
    te_ms : sequence of float
        Echo time of each, in ms, in any order.
    n_used : int
        How many of the latest echoes are used.

    Returns
    -------
    ndarray of bool, shape of one echo

    Raises
    ------
    InputError
        If `clipped` is not of the series' shape.
    """
    if clipped is None:
        return np.zeros(shape[1:], dtype=bool)
    flags = np.asarray(clipped, dtype=bool)
    if flags.shape != shape:
        raise InputError("clipped", f"shape {flags.shape}", f"the shape of the series, {shape}")
    used = np.argsort(np.asarray(te_ms, dtype=np.float64), kind="stable")[len(te_ms) - n_used :]
    pixels: NDArray[np.bool_] = np.any(flags[used], axis=0)
    return pixels


def without(echoes: NDArray[Any], pixels: NDArray[np.bool_]) -> NDArray[Any]:
    """Return a series with NaN in some pixels, which everything here leaves out; itself if there are none."""
    if not pixels.any():
        return echoes
    return np.where(pixels, np.nan, echoes).astype(np.result_type(echoes, np.float32))


def _distinct_times(te_ms: Array) -> Array:
    """Return the different echo times in ms, rising; times closer than rounding are one."""
    times = np.unique(te_ms)
    distinct = np.concatenate([[True], np.diff(times) > SAME_TIME * np.ptp(times)])
    different: Array = times[distinct]
    return different


def default_bounds(te_ms: Array) -> tuple[float, float]:
    """Lowest and highest T2 in ms that an echo train can distinguish; see the constants of this module."""
    spacing = float(np.min(np.diff(_distinct_times(te_ms))))
    return LOWEST_T2_IN_SPACINGS * spacing, HIGHEST_T2_IN_LAST_TE * float(te_ms[-1])


def t2_grid(bounds_ms: tuple[float, float], long_ms: float) -> Array:
    """Grid of T2, even in log T2 on either side of `long_ms`; that is one of its points if inside."""
    low, high = bounds_ms
    knots = [low, long_ms, high] if low < long_ms < high else [low, high]
    pieces = []
    for a, b in pairwise(knots):
        n = max(2, int(np.ceil(np.log(b / a) / GRID_STEP)))
        pieces.append(np.exp(np.log(a) + np.log(b / a) * np.arange(n) / n))
    return np.concatenate([*pieces, [high]])


def check_sigma(sigma: float) -> float:
    """Return a noise level that can be divided by.

    Raises
    ------
    InputError
        If it is not a positive number.
    """
    if not (np.isfinite(sigma) and sigma > 0.0):
        raise InputError("sigma", str(sigma), "a positive noise level, in the units of the data")
    return float(sigma)
