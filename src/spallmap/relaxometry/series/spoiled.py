"""Echoes and pixels that a receiver spoiled: stripes of sparks, lines and a spot of offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from spallmap.errors import DataWarning

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Parts of the image along each axis whose levels are compared from echo to echo, and how many of them a
# ghost and side lobes of the specimen leave alone.
_PARTS = 4
_UNTOUCHED = 0.25
# Level of an echo over that of the others from which it is striped, and how well those agree that are left.
# A spark of 0.8 sigma raises the level by 1.15; noise alone scatters by 0.04 in a part of 100 pixels.
_STRIPED = 1.15
_AGREE = 1.1
# Pixels that count as one, since what an image was filled to is not known yet.
_ALIKE = 4.0
# Echoes that must be left, at least.
_LEAST_LEFT = 3
# Lower quartile of a line's power over those of the lines around it, from which it is spoiled: noise alone
# has up to 1.9 in filtered images of 48 columns. How many lines to either side are asked.
_SPOILED = 2.5
_BESIDE = 6
_ROUNDS = 3
# What the line has left above those beside it in its weakest echo: of T2 12 ms nothing is left.
_LASTING = 0.3
# Lower quartile of the lines beside, in the late echoes, over that of noise up to which they hold noise: in
# the middle of simulated cells up to 1.6; where a phantom fills the image, 100 and more.
_QUIET = 3.0
# A spot in the middle that has this much of its first echo left in the last ones, and is so strong, is no
# decay: of a T2 of 18 ms the last of echoes up to 18 ms has 0.4 left.
_LEFT = 0.8
_MOST_SLICES = 4
_SPOT_SNR = 4.0


@dataclass(frozen=True)
class Spoiled:
    """What of a series is not to be used.

    Parameters
    ----------
    striped : tuple of int
        Echoes that lie under stripes.
    n_rows, n_columns : int
        Rows and columns that are spoiled.
    has_spot : bool
        Whether the pixel in the middle does not decay.
    pixels : ndarray of bool, shape of one echo
        Pixels that are not to be used.

    Examples
    --------
    >>> Spoiled((), 0, 0, False, np.zeros((4, 4), dtype=bool)).warnings((2.0, 6.0))
    ()
    """

    striped: tuple[int, ...]
    n_rows: int
    n_columns: int
    has_spot: bool
    pixels: Flags

    def warnings(self, te_ms: Sequence[float]) -> tuple[DataWarning, ...]:
        """Say what was left out of the echoes at `te_ms`, and what it costs."""
        found = []
        if self.striped:
            times = ", ".join(f"{te_ms[k]:g}" for k in self.striped)
            found.append(
                DataWarning(
                    f"echoes at {times} ms",
                    "noise above that of the other echoes all over the image: stripes, as a spark leaves",
                    "left out: errors of T2 are larger than with all echoes",
                )
            )
        lines = [
            f"{n} {kind}{'s' if n > 1 else ''}"
            for n, kind in ((self.n_rows, "row"), (self.n_columns, "column"))
            if n
        ]
        if lines:
            found.append(
                DataWarning(
                    "lines across the echoes",
                    f"{' and '.join(lines)} far above the noise from edge to edge: interference or an offset",
                    "not fitted (status masked); a dendrite there is not seen",
                )
            )
        if self.has_spot:
            found.append(
                DataWarning(
                    "middle of the echoes",
                    "a spot that does not decay: the receiver's offset",
                    "not fitted (status masked)",
                )
            )
        return tuple(found)


def striped_echoes(samples: NDArray[Any]) -> tuple[int, ...]:
    """Find echoes whose noise is above that of the others everywhere in the image.

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, ..., ny, nx)
        Magnitudes or complex data.

    Returns
    -------
    tuple of int
        None where what is left would be fewer than three echoes, or would not agree: then it is not noise.
    """
    n_echoes = len(samples)
    if n_echoes <= _LEAST_LEFT:
        return ()
    stack: NDArray[Any] = samples.reshape(n_echoes, -1, *samples.shape[-2:])
    # some slices say it as well as all
    few = np.linspace(0, stack.shape[1] - 1, min(stack.shape[1], _MOST_SLICES)).astype(int)
    power = _magnitudes(stack[:, few]) ** 2
    middle = np.median(power, axis=0)
    quiet = middle <= np.median(middle)
    n_rows, n_columns = power.shape[-2:]
    part = (np.arange(n_rows) * _PARTS // n_rows)[:, None] * _PARTS + np.arange(
        n_columns
    ) * _PARTS // n_columns
    part = np.broadcast_to(part, quiet.shape)[quiet]
    counts = np.bincount(part, minlength=_PARTS**2)
    enough = counts >= 30
    if enough.sum() < _PARTS:
        return ()
    sums = np.stack([np.bincount(part, one[quiet], minlength=_PARTS**2)[enough] for one in power])
    levels = np.sqrt(sums / counts[enough])
    typical = np.median(levels, axis=0)
    if np.any(typical <= 0.0):
        return ()
    level = np.quantile(levels / typical, _UNTOUCHED, axis=1)
    limit = _STRIPED + 3.0 * 0.5 * np.sqrt(_ALIKE / np.median(counts[enough]))
    # more than half may be striped: they are held to the lowest
    lowest = float(np.mean(np.sort(level)[: max(n_echoes // 2, 2)]))
    striped = level > limit * lowest
    left = level[~striped]
    if not striped.any() or left.size < _LEAST_LEFT or left.max() > _AGREE * limit / _STRIPED * left.min():
        return ()
    return tuple(np.flatnonzero(striped).tolist())


def spoiled_pixels(samples: NDArray[Any], sigma: float, steps: Sequence[int]) -> Spoiled:
    """Find lines and the spot in the middle that a receiver's offset or interference leave.

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, ..., ny, nx)
        Magnitudes or complex data, by rising echo time.
    sigma : float
        Noise per channel.
    steps : sequence of int
        Every how many pixels one was acquired, along each axis.

    Returns
    -------
    Spoiled
        Without stripes.
    """
    each = (int(steps[-2]), int(steps[-1]))
    stack: NDArray[Any] = samples.reshape(len(samples), -1, *samples.shape[-2:])
    pixels = np.zeros(stack.shape[1:], dtype=bool)
    n_lines, has_spot = [0, 0], False
    for k in range(len(pixels)):
        taken = _magnitudes(stack[(slice(None), k, slice(None, None, each[0]), slice(None, None, each[1]))])
        lines = [_spoiled_lines((taken / sigma) ** 2, axis) for axis in (0, 1)]
        bad = lines[0][:, None] | lines[1]
        n_lines = [n + int(line.sum()) for n, line in zip(n_lines, lines, strict=True)]
        spot = _spot(taken, sigma)
        has_spot |= bool(spot.any())
        pixels[k] = _around(bad | spot, each, pixels[k].shape)
    return Spoiled((), n_lines[0], n_lines[1], has_spot, pixels.reshape(samples.shape[1:]))


def _magnitudes(samples: NDArray[Any]) -> Array:
    """Magnitudes in double precision, 0 where a sample is no number."""
    found: Array = np.nan_to_num(np.abs(samples).astype(np.float64), nan=0.0, posinf=0.0)
    return found


def _spoiled_lines(power: Array, axis: int) -> Flags:
    """Which rows (axis 0) or columns (axis 1) are above both sides from edge to edge in all echoes."""
    n = power.shape[1 + axis]
    if n <= 3 * _BESIDE:
        return np.zeros(n, dtype=bool)
    # metal lies beside in the early echoes
    late = power[len(power) // 2 :]
    quartiles = np.percentile(late, 25.0, axis=2 - axis)
    spoiled = np.zeros(n, dtype=bool)
    # a line of an image that was filled with zeros has weaker ones beside it
    for _ in range(_ROUNDS):
        known = np.where(spoiled, np.nan, quartiles)
        padded = np.pad(known, ((0, 0), (_BESIDE, _BESIDE)), mode="reflect")
        windows = np.lib.stride_tricks.sliding_window_view(padded, _BESIDE, axis=1)
        sides = [windows[:, :n], windows[:, -n:]]
        if min(np.count_nonzero(np.isfinite(side), axis=2).min() for side in sides) == 0:
            break
        beside = np.maximum(*(np.nanmedian(side, axis=2) for side in sides))
        excess = quartiles - beside
        noise = beside[-1] < _QUIET * 2.0 * -np.log(0.75)
        above = quartiles.mean(axis=0) > _SPOILED * beside.mean(axis=0)
        # metal decays
        found = noise & above & (excess.min(axis=0) > _LASTING * excess.max(axis=0))
        if not np.any(found & ~spoiled):
            break
        spoiled |= found
    return spoiled


def _spot(taken: Array, sigma: float) -> Flags:
    """Pixels about the middle that are strong in all echoes and do not decay."""
    spot = np.zeros(taken.shape[1:], dtype=bool)
    n_late = max(len(taken) // 3, 1)
    late = taken[-n_late:].mean(axis=0)
    lasting = (late > _SPOT_SNR * sigma) & (late > _LEFT * taken[0]) & (taken.min(axis=0) > 2.0 * sigma)
    # a specimen of long T2 is wider than a spot
    for reach in (1, 3):
        rows, columns = (slice(max(n // 2 - reach, 0), n // 2 + reach + 1) for n in taken.shape[1:])
        if reach == 1:
            spot[rows, columns] = lasting[rows, columns]
        elif np.count_nonzero(lasting[rows, columns]) > np.count_nonzero(spot):
            spot[:] = False
    return spot


def _around(bad: Flags, steps: tuple[int, int], shape: tuple[int, ...]) -> Flags:
    """Delivered pixels less than a sample away from one that is bad."""
    shown = np.zeros(shape, dtype=bool)
    shown[:: steps[0], :: steps[1]] = bad
    if not bad.any():
        return shown
    size = [2 * n - 1 for n in steps]
    near: Flags = ndimage.binary_dilation(shown, np.ones(size, dtype=bool))
    return near
