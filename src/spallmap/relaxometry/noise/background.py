"""Whether the background of a magnitude series is what its noise level takes it for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]

# A ratio further than this from the expected one is a different distribution, however many pixels there are:
# two combined coils give 0.940 instead of 0.886; ParaVision magnitudes of one coil were seen at 0.883.
RATIO_TOLERANCE = 0.01
# Levels of single echoes, or of parts of the image, that differ more than this (and more than their errors
# explain) are not one noise.
LEVEL_TOLERANCE = 0.05
# Side lobes that reach the first echo leave the median echo's level alone. They are reported where it lies
# above the lowest third of the echoes by LEVEL_TOLERANCE, or where an echo is off by this much.
LARGE_LEVEL = 0.25
# Neighbours correlated more than this (and more than chance explains) are not independent: an image filled
# with zeros to 1.1 times its k-space has 0.05, to twice 0.4.
CORRELATION_TOLERANCE = 0.05
# How the warning about that begins.
NEIGHBOURS = "noise of neighbouring pixels correlated"
# Echoes after the first that must agree for the first not to be asked: two agree by chance.
_LEAST_LATER = 3
# Parts along each axis for which the level is looked at, and the samples that one takes to count.
_PARTS = 4
_MIN_PART_SAMPLES = 200
_MIN_PAIRS = 200
# Standard error of a Gaussian sample's median over that of its mean.
MEDIAN_LOSS = float(np.sqrt(np.pi / 2.0))
# Standard deviations of chance that are allowed.
_SIGMAS = 3.0
_SIGMAS_OF_MANY = 4.0


@dataclass(frozen=True)
class Checks:
    """What a background looks like.

    Parameters
    ----------
    ratio : float
        Mean over root mean square.
    is_rayleigh, echoes_agree, is_even, is_independent : bool or None
        Whether the ratio is that of pure noise, and whether echoes, parts of the image and neighbours behave;
        None where that was not examined.
    unevenness : float
        Largest deviation of a part's level, as a fraction; NaN where too little background is in the parts.
    correlation : float
        Of neighbouring magnitudes along the rows; NaN where too few pairs are there.
    warnings : tuple of str
        What speaks against it.
    later_agree : bool
        Whether the echoes behave, but perhaps the first, which side lobes and rims of the specimen reach.
    """

    ratio: float
    is_rayleigh: bool | None
    echoes_agree: bool | None
    is_even: bool | None
    is_independent: bool | None
    unevenness: float
    correlation: float
    warnings: tuple[str, ...]
    later_agree: bool = False


def background_ratio(n_coils: int) -> float:
    """Mean over root mean square of pure noise in the magnitudes of a number of coils.

    Parameters
    ----------
    n_coils : int
        How many coils' squares were summed; 1 gives Rayleigh's 0.886.

    Returns
    -------
    float
        Between 0.886 and 1.
    """
    return float(np.exp(special.gammaln(n_coils + 0.5) - special.gammaln(n_coils)) / np.sqrt(n_coils))


def check_background(
    samples: Array, inside: NDArray[np.bool_], echo_levels: Array, n_coils: int, raised: float
) -> Checks:
    """Check a background against pure noise.

    Parameters
    ----------
    samples : ndarray, shape (n_echoes, n_rows, n_columns)
        Magnitudes.
    inside : ndarray of bool, shape (n_rows, n_columns)
        Which pixels are background.
    echo_levels : ndarray, shape (n_echoes,)
        Level of each echo over that of all.
    n_coils : int
        Number of coils.
    raised : float
        Factor by which leaving out the weakest and strongest pixels raises the ratio of pure noise.

    Returns
    -------
    Checks
        The findings.
    """
    background = samples[:, inside]
    expected = background_ratio(n_coils)
    ratio = float(background.mean() / np.sqrt(np.mean(background**2)) / raised)
    # by the delta method; the fourth moment of a chi variable of 2n degrees is 4 n (n + 1)
    ratio_sd = expected * np.sqrt(1.0 / expected**2 - 1.0 - 1.0 / (4.0 * n_coils)) / np.sqrt(background.size)
    is_rayleigh = abs(ratio - expected) <= RATIO_TOLERANCE + _SIGMAS * ratio_sd
    level_sd = 0.5 / np.sqrt(n_coils * background.size)
    spread = float(np.max(np.abs(echo_levels - 1.0)))
    slack = _SIGMAS * level_sd * np.sqrt(len(samples))
    echoes_agree = len(samples) < 2 or spread <= LEVEL_TOLERANCE + slack
    later_agree = echoes_agree or _later_agree(echo_levels, LEVEL_TOLERANCE + slack)
    unevenness, is_even = _evenness(samples, inside, n_coils)
    correlation, is_independent = _neighbours(samples, inside)
    warnings = []
    if not is_rayleigh:
        law = "Rayleigh" if n_coils == 1 else f"that of {n_coils} coils"
        warnings.append(f"background not {law}: mean over rms {ratio:.3f} instead of {expected:.3f}")
    drift = 1.0 / float(np.mean(np.sort(echo_levels)[: -(-len(samples) // 3)])) - 1.0
    if not echoes_agree and (drift > LEVEL_TOLERANCE + slack or spread > LARGE_LEVEL):
        off = f"{100 * spread:.0f} %"
        warnings.append(f"noise levels of single echoes up to {off} off: ghosts or leaking signal")
    if is_even is False:
        off = f"{100 * unevenness:.0f} %"
        warnings.append(
            f"noise level varies by up to {off} over the image: filtered or masked parts, or ghosts"
        )
    if is_independent is False:
        warnings.append(
            f"{NEIGHBOURS} ({correlation:.2f}): image filled with zeros or "
            "filtered, and the errors of pooled pixels too small"
        )
    return Checks(
        ratio,
        bool(is_rayleigh),
        None if len(samples) < 2 else bool(echoes_agree),
        is_even,
        is_independent,
        unevenness,
        correlation,
        tuple(warnings),
        bool(later_agree),
    )


def _later_agree(echo_levels: Array, tolerance: float) -> bool:
    """Whether the levels of all echoes but the first agree; side lobes and rims reach the first."""
    later = echo_levels[1:]
    if later.size < _LEAST_LATER:
        return False
    return bool(np.max(np.abs(later / np.median(later) - 1.0)) <= tolerance)


def _evenness(samples: Array, inside: NDArray[np.bool_], n_coils: int) -> tuple[float, bool | None]:
    """Compare the levels of the parts of an image."""
    n_rows, n_columns = inside.shape
    rows = np.arange(n_rows) * min(_PARTS, n_rows) // n_rows
    columns = np.arange(n_columns) * min(_PARTS, n_columns) // n_columns
    part = (rows[:, None] * _PARTS + columns)[inside]
    squares = samples[:, inside] ** 2
    counts = np.bincount(part, minlength=_PARTS**2)
    enough = counts * len(samples) >= _MIN_PART_SAMPLES
    if enough.sum() < 2:
        return float("nan"), None
    # as for the whole image the median echo's: side lobes of the specimen lie beside it, in early echoes
    of_echoes = np.stack([np.bincount(part, s, minlength=_PARTS**2)[enough] for s in squares])
    powers = of_echoes / counts[enough] / squares.mean(axis=1)[:, None]
    levels = np.sqrt(np.median(powers, axis=0))
    errors = MEDIAN_LOSS * 0.5 / np.sqrt(n_coils * len(samples) * counts[enough])
    deviation = np.abs(levels - 1.0)
    return float(deviation.max()), bool(np.all(deviation <= LEVEL_TOLERANCE + _SIGMAS_OF_MANY * errors))


def _neighbours(samples: Array, inside: NDArray[np.bool_]) -> tuple[float, bool | None]:
    """Correlate background pixels with their right-hand neighbours, echo by echo."""
    both = inside[:, :-1] & inside[:, 1:]
    n = int(both.sum()) * len(samples)
    if n < _MIN_PAIRS:
        return float("nan"), None
    left, right = samples[:, :, :-1][:, both], samples[:, :, 1:][:, both]
    centred = [side - side.mean(axis=1, keepdims=True) for side in (left, right)]
    products = np.sum(centred[0] * centred[1])
    correlation = float(products / np.sqrt(np.sum(centred[0] ** 2) * np.sum(centred[1] ** 2)))
    return correlation, bool(abs(correlation) <= CORRELATION_TOLERANCE + _SIGMAS / np.sqrt(n))
