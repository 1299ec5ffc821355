"""Samples that were cut off at an end of their range, found from how many of them lie there."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import DataWarning

# Ranges that converters, consoles and picture programs use, in bits: a maximum of 2^n - 1 is an end although
# the type is wider (12-bit images in 16-bit words).
_USUAL_BITS = (8, 10, 12, 14, 15, 16)
# How many levels below the maximum say how many samples a level holds by nature. With 16, an image of 8 bits
# shows its whole noise there, which hides what was cut off; with 3, chance decides.
_NEIGHBOURS = 6
# (fewest samples at the maximum, how many times the fullest level below), at an end of a usual range and
# elsewhere. Samples at the maximum over samples in a level is by how many levels was cut on average: below
# two levels of 255 nothing is lost. A frame stretched to its own range has one sample at its end by right.
# Simulated cells of 8 to 16 bits, SNR 3 to 1000: no alarm in 8 000 unclipped series; with 2 to 19 % of the
# first echo cut off, 97 to 100 % found in 8 bits and all in 12, 16 and floating point.
_AT_END = (4, 2.0)
_ELSEWHERE = (8, 3.0)
# Samples cut off at one value had values of their own in other echoes. Up to so many different values there,
# the image is flat (simulated without noise, masked, 8 bits of a scan with SNR 700) and its maximum no end.
_FLAT_VALUES = 3


def clipped_samples(
    stored: NDArray[Any],
    *,
    bits_stored: int | None = None,
    source_label: str,
    both_ends: bool = False,
) -> tuple[NDArray[np.bool_] | None, DataWarning | None]:
    """Find samples that were cut off at an end of their range.

    A receiver, a reconstruction or an export that overflows gives every larger sample one value. A decay
    whose first echoes are cut off looks slower than it is: T2 of 16 ms reads 23.5 ms, with a good fit. The
    type alone does not say it: 12 bits come in 16-bit words, exports are scaled, and a frame that is
    stretched to its own range has its largest sample at the end by right. What does say it is that many
    samples share a frame's maximum while few share any value just below, and that the same pixels differ in
    another echo. So small integers, flat images without noise, zeros around the specimen and constant
    images are no alarm; nor are fewer than four samples at an end. Each slice of each echo is judged by
    itself, since each may have been scaled by itself.

    Parameters
    ----------
    stored : ndarray, shape (n_echoes, ...)
        Samples as stored, before any slope and offset; whole, floating-point or complex numbers. Scaled ones
        may be given where nothing else is known.
    bits_stored : int, optional
        Bits in use where the type has more (DICOM's BitsStored); absent: the type's, and the usual ranges.
    source_label : str
        The file, for the warning.
    both_ends : bool
        Samples may be cut off below as well: real or imaginary parts. Zeros of a magnitude are ordinary.

    Returns
    -------
    mask : ndarray of bool, shape of `stored`, or None
        True where a sample was cut off; None where none was.
    warning : DataWarning or None
        How many, at which value and in which echoes.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> decay = np.exp(-np.array([2.0, 6.5, 11.0]) / 16.0)[:, None, None]
    >>> echoes = rng.normal(5000.0 * decay, 50.0, (3, 20, 30)).astype(np.uint16)
    >>> clipped_samples(echoes, source_label="a.nii")
    (None, None)
    >>> mask, warning = clipped_samples(np.minimum(echoes, 4095), source_label="a.nii")
    >>> mask.sum(axis=(1, 2)).tolist()
    [600, 0, 0]
    >>> print(warning)  # doctest: +ELLIPSIS
    a.nii: found 33.3 % of the samples cut off at 4095, an end of their range (echo 1: 100 %); ...
    """
    if np.iscomplexobj(stored):
        parts = [
            clipped_samples(part, bits_stored=bits_stored, source_label=source_label, both_ends=True)[0]
            for part in (stored.real, stored.imag)
        ]
        found = [mask for mask in parts if mask is not None]
        whole = np.logical_or.reduce(found) if found else None
        return whole, None if whole is None else _warning(source_label, whole, "")
    ends = _ends(stored.dtype, bits_stored)
    mask, ceilings = _cut_above(stored, ends)
    if both_ends:
        whole_numbers = stored.dtype.kind == "i"  # their lower end is one further from zero than the upper
        lower, floors = _cut_above(~stored if whole_numbers else -stored, ends)
        mask |= lower
        ceilings |= {-1.0 - floor if whole_numbers else -floor for floor in floors}
    if not mask.any():
        return None, None
    at = ", ".join(f"{value:.6g}" for value in sorted(ceilings)[:3]) + (" ..." if len(ceilings) > 3 else "")
    known = ceilings <= ends | {-1.0 - end for end in ends}
    said = f" at {at}, an end of their range" if known else f" at {at}, which many share"
    return mask, _warning(source_label, mask, said)


def _cut_above(stored: NDArray[Any], ends: set[float]) -> tuple[NDArray[np.bool_], set[float]]:
    """Mark what was cut off at the upper end, and say at which values."""
    n_slices = stored.shape[1] if stored.ndim > 3 else 1
    frames = stored.reshape(stored.shape[0], n_slices, -1)
    maxima = np.array([[_maximum(frame) for frame in echo] for echo in frames], dtype=np.float64)
    flagged = np.zeros(maxima.shape, dtype=np.bool_)
    for echo, number in np.ndindex(maxima.shape):
        ceiling = maxima[echo, number]
        if np.isfinite(ceiling):
            at_top, at_end = frames[echo, number] == ceiling, ceiling in ends
            flagged[echo, number] = _piled_up(frames[echo, number], at_top, at_end) and _varied(
                frames[:, number], echo, at_top, at_end
            )
    # what overflows in a small echo overflowed in every larger one
    flagged &= maxima >= np.where(flagged, -np.inf, maxima).max(axis=0)
    ceilings = {float(value) for value in maxima[flagged]}
    mask = np.zeros(frames.shape, dtype=np.bool_)
    for echo, number in np.ndindex(maxima.shape):
        # a frame with few samples at the same ceiling was cut off there as well
        if maxima[echo, number] in ceilings:
            mask[echo, number] = frames[echo, number] == maxima[echo, number]
    return mask.reshape(stored.shape), ceilings


def _maximum(frame: NDArray[Any]) -> float:
    """Largest sample that is a number; minus infinity where there is none."""
    if frame.dtype.kind != "f":
        return float(frame.max())
    return float(np.max(frame, initial=-np.inf, where=np.isfinite(frame)))


def _piled_up(frame: NDArray[Any], at_top: NDArray[np.bool_], at_end: bool) -> bool:
    """Whether more samples share the maximum than its neighbours explain."""
    least, times = _AT_END if at_end else _ELSEWHERE
    count = int(np.count_nonzero(at_top))
    rest = frame[~at_top]
    if frame.dtype.kind == "f":
        rest = rest[np.isfinite(rest)]
    if count < least:
        return False
    if rest.size == 0:
        return at_end
    values, counts = np.unique(rest.astype(np.float64), return_counts=True)
    near = counts[-_NEIGHBOURS:]
    if at_end:
        # levels that no sample has count as well: what is cut off deep has nothing just below
        ceiling = float(frame[at_top][0])
        lowest = ceiling - _NEIGHBOURS * np.diff([*values, ceiling]).min()
        near = near[values[-_NEIGHBOURS:] >= lowest]
    return bool(count > times * near.max(initial=0))


def _varied(echoes: NDArray[Any], echo: int, at_top: NDArray[np.bool_], at_end: bool) -> bool:
    """Whether pixels at the maximum of one echo differ in another, as noise and structure make them."""
    ceiling = echoes[echo][at_top][0]
    others = [other[at_top] for number, other in enumerate(echoes) if number != echo]
    witnesses = [samples for samples in others if not np.all(samples == ceiling)]
    if not witnesses:
        return at_end  # one echo, or all of them at the ceiling
    return any(np.unique(samples).size > _FLAT_VALUES for samples in witnesses)


def _ends(dtype: np.dtype[Any], bits_stored: int | None) -> set[float]:
    """Upper ends of the ranges that samples of a type may have."""
    if bits_stored is not None:
        return {float(2**bits_stored - 1), float(2 ** (bits_stored - 1) - 1)}
    ends = {float(2**bits - 1) for bits in _USUAL_BITS}
    return ends | {float(np.iinfo(dtype).max)} if dtype.kind in "ui" else ends


def _warning(source_label: str, mask: NDArray[np.bool_], said: str) -> DataWarning:
    fractions = mask.reshape(mask.shape[0], -1).mean(axis=1)
    listed = [f"echo {n}: {percent:.3g} %" for n, percent in enumerate(100.0 * fractions, 1) if percent]
    where = ", ".join(listed[:6]) + (f" and {len(listed) - 6} more" if len(listed) > 6 else "")
    return DataWarning(
        source_label,
        f"{100.0 * mask.mean():.3g} % of the samples cut off{said} ({where})",
        "their pixels are not fitted (status saturated); acquire with less gain, or export without clipping",
    )
