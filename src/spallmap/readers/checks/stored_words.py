"""Samples that cannot be what the header calls them: swapped bytes, another type, magnitudes below zero."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError

# Mean step from pixel to pixel over mean distance from the median: 1.3 to 1.4 for noise alone, 0.7 for an
# image with SNR 4, 0.1 with SNR 20. Swapped bytes look like noise; those of an image without noise are above
# this.
ROUGH = 0.3
# Swapped back, an image is smoother by more than this factor; noise is as rough either way (0.94 to 1.06).
SMOOTHER = 0.6
# So many frames are looked at: a lie about the type holds for all of them.
LOOKED_AT = 8
# So many raw words are looked at.
MOST_WORDS = 1 << 20
# In fewer samples chance decides.
FEWEST = 1000
# As floats, whole numbers of up to 2^24 lie below this; no instrument gives such samples.
SMALLEST_FLOAT = 1e-30
# As whole numbers, floats of 1e-6 to 1e9 of either sign lie within these bounds.
FLOAT_BITS = (0x358637BD, 0x4E6E6B28)
# Filters and resampling leave small negative magnitudes; beyond this fraction of the largest one it is no
# magnitude.
NEGATIVE_FRACTION = 0.05


def refuse_other_words(source_label: str, stored: NDArray[Any], header: str) -> None:
    """Refuse samples that make sense in another byte order, or as floats instead of integers alone.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    stored : ndarray, shape (frames, ..., y, x)
        Samples in the type that the header says, before any slope and offset.
    header : str
        Who says the type, for the message.

    Raises
    ------
    InputError
        If they look like noise as they are and like an image with their bytes swapped, or if they are 32-bit
        integers called floats or the reverse.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> image = rng.normal(np.add.outer(99 * np.arange(50), 99 * np.arange(60)), 50.0).astype("<i2")[None]
    >>> refuse_other_words("2dseq", image, "visu_pars")
    >>> refuse_other_words("2dseq", image.view(">i2"), "visu_pars")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: 2dseq: found samples that make an image in the other byte order alone; ...
    """
    if stored.dtype.itemsize == 1 or stored.ndim < 3:
        return
    frames = stored.reshape(-1, *stored.shape[-2:])
    frames = np.ascontiguousarray(frames[:: max(1, len(frames) // LOOKED_AT)][:LOOKED_AT])
    if frames.size < FEWEST:
        return
    allowed = f"samples of the type and byte order that {header} says"
    as_read, swapped = _roughness(frames), _roughness(frames.view(frames.dtype.newbyteorder()))
    if as_read > ROUGH and swapped < SMOOTHER * as_read:
        raise InputError(source_label, "samples that make an image in the other byte order alone", allowed)
    _refuse_other_type(source_label, frames, allowed)


def refuse_other_signals(source_label: str, words: NDArray[Any], header: str) -> None:
    """Refuse raw signals that make sense in another byte order or type alone.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    words : ndarray
        Real and imaginary parts of echoes in the type that the header says.
    header : str
        Who says the type, for the message.

    Raises
    ------
    InputError
        If half of them are large as they are and nearly all small with their bytes swapped, or if they are
        32-bit integers called floats or the reverse.

    Examples
    --------
    >>> echo = (1e6 * np.sinc(np.linspace(-40, 40, 2000))).astype("<i4")
    >>> refuse_other_signals("fid", echo, "acqp")
    >>> refuse_other_signals("fid", echo.view(">i4"), "acqp")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: fid: found signals that make echoes in the other byte order alone; ...
    """
    if words.dtype.itemsize == 1 or words.size < FEWEST:
        return
    flat = np.ascontiguousarray(words).ravel()
    some = np.ascontiguousarray(flat[:: max(1, flat.size // MOST_WORDS)])
    allowed = f"samples of the type and byte order that {header} says"
    if (
        _typical_over_largest(some) > 0.3
        and _typical_over_largest(some.view(some.dtype.newbyteorder())) < 0.1
    ):
        raise InputError(source_label, "signals that make echoes in the other byte order alone", allowed)
    _refuse_other_type(source_label, some, allowed)


def _typical_over_largest(words: NDArray[Any]) -> float:
    """Median over largest size: 0.5 for swapped bytes, 0.15 for noise, less for echoes; 1 for no numbers."""
    with np.errstate(invalid="ignore", over="ignore"):
        sizes = np.abs(words.astype(np.float64))
    largest = float(sizes.max())
    return float(np.median(sizes[sizes > 0])) / largest if 0 < largest < np.inf else 1.0


def _refuse_other_type(source_label: str, stored: NDArray[Any], allowed: str) -> None:
    nonzero = stored[stored != 0]
    if stored.dtype.itemsize != 4 or nonzero.size == 0 or np.all(nonzero == nonzero[0]):
        return
    if stored.dtype.kind == "f" and float(np.median(np.abs(nonzero))) < SMALLEST_FLOAT:
        raise InputError(source_label, f"floats below {SMALLEST_FLOAT:g}, which are integers", allowed)
    if stored.dtype.kind == "i":
        bits = nonzero.astype(np.int64) & 0x7FFFFFFF
        inside = (bits >= FLOAT_BITS[0]) & (bits <= FLOAT_BITS[1])
        if inside.mean() > 0.99:
            raise InputError(source_label, "32-bit integers that are floats", allowed)


def _roughness(frames: NDArray[Any]) -> float:
    """Mean step from pixel to pixel over mean distance from the median; infinite where few are numbers."""
    if frames.shape[-1] < 2:
        return float("inf")
    with np.errstate(invalid="ignore", over="ignore"):
        values = frames.astype(np.float64)
        finite = np.isfinite(values)
        if not finite.any():
            return 0.0
        if 2 * np.count_nonzero(finite) < finite.size:
            return float("inf")
        if not finite.all():  # a margin without numbers
            values[~finite] = np.median(values[finite])
        spread = float(np.mean(np.abs(values - np.median(values, axis=(-2, -1), keepdims=True))))
        step = float(np.mean(np.abs(np.diff(values, axis=-1))))
    return step / spread if 0 < spread < np.inf else float("inf") if spread == np.inf else 0.0


def refuse_negative_magnitudes(source_label: str, data: NDArray[Any]) -> None:
    """Refuse magnitudes below zero: another sign or type of the samples than the header says.

    Parameters
    ----------
    source_label : str
        The file, for the message.
    data : ndarray
        Magnitudes in scaled units.

    Raises
    ------
    InputError
        If the lowest lies below zero by more than 5 % of the largest.

    Examples
    --------
    >>> refuse_negative_magnitudes("scan", np.array([-1.0, 0.0, 100.0]))
    >>> refuse_negative_magnitudes("scan", np.array([-9.0, 0.0, 100.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    spallmap.errors.InputError: scan: found magnitudes from -9 to 100; allowed: ...
    """
    numbers = data[np.isfinite(data)]
    if numbers.size == 0:
        return
    lowest, largest = float(numbers.min()), float(numbers.max())
    if lowest < 0 and lowest < -NEGATIVE_FRACTION * largest:
        allowed = "magnitudes from 0 on: the header hides a sign, an offset or a real channel"
        raise InputError(source_label, f"magnitudes from {lowest:g} to {largest:g}", allowed)
