"""The noise level of a magnitude series, from its background."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from spallmap.errors import InputError

Array = NDArray[np.float64]

# Mean over root mean square of a Rayleigh distribution.
RAYLEIGH_RATIO = float(np.sqrt(np.pi) / 2.0)
# Share of pure noise that the acceptance interval leaves out, half at either end.
OUTSIDE = 0.02
# A ratio further than this from the Rayleigh one is a different distribution, however many pixels there
# are: two combined coils give 0.940; ParaVision magnitudes of one coil were seen at 0.883.
RATIO_TOLERANCE = 0.01
# Levels of single echoes that differ more than this (and more than their errors explain) are not one noise.
ECHO_TOLERANCE = 0.05
# With fewer samples than this the level is known to worse than 4 %, and the background cannot be checked.
MIN_SAMPLES = 200
_MAX_ROUNDS = 100
# Standard deviations by the delta method, times the root of the number of samples: of the ratio of mean to
# root mean square (0.1523 of it) and of a level (half that of a mean square).
_RATIO_SD = 0.1523 * RAYLEIGH_RATIO
_LEVEL_SD = 0.5


@dataclass(frozen=True)
class NoiseEstimate:
    """Noise level of a magnitude series and how far its background can be believed.

    Parameters
    ----------
    sigma : float
        Standard deviation of the real and of the imaginary channel, in the units of the data.
    method : str
        How it was found.
    n_pixels : int
        Background pixels used, each with all its echoes.
    rayleigh_ratio : float
        Mean over root mean square of the background; 0.886 for a Rayleigh distribution.
    is_rayleigh : bool
        Whether that ratio agrees with one Rayleigh distribution.
    echoes_agree : bool
        Whether the levels of the single echoes agree with each other.
    sigma_per_echo : tuple of float
        The level from each echo alone.
    sigma_se : float
        Standard error of `sigma` by counting statistics (that of a median over the echoes).
    warnings : tuple of str
        What speaks against the estimate, in words.
    """

    sigma: float
    method: str
    n_pixels: int
    rayleigh_ratio: float
    is_rayleigh: bool
    echoes_agree: bool
    sigma_per_echo: tuple[float, ...]
    sigma_se: float
    warnings: tuple[str, ...]


def _limits(n_echoes: int) -> tuple[float, float]:
    """Limits of the summed squares of pure noise over the echoes, in units of 2 sigma**2."""
    low, high = special.gammaincinv(n_echoes, [OUTSIDE / 2.0, 1.0 - OUTSIDE / 2.0])
    return float(low), float(high)


def _truncation(n_echoes: int, power: float) -> float:
    """Moment of a gamma variable within the limits over its moment without them."""
    low, high = _limits(n_echoes)
    shape = n_echoes + power
    return float((special.gammainc(shape, high) - special.gammainc(shape, low)) / (1.0 - OUTSIDE))


def _background(power: Array, n_echoes: int) -> NDArray[np.bool_]:
    """Which pixels are background, by their mean square over the echoes.

    The acceptance interval that holds the most pixels is looked for over the whole range, then refined to the
    level that the pixels inside its own acceptance interval give.
    """
    low, high = (limit / n_echoes for limit in _limits(n_echoes))
    mean_inside = _truncation(n_echoes, 1.0)
    ordered = np.sort(power)
    counts = np.searchsorted(ordered, ordered * (high / low)) - np.arange(ordered.size)
    level = float(ordered[np.argmax(counts)]) / low
    inside = (power > low * level) & (power < high * level)
    for _ in range(_MAX_ROUNDS):
        if not inside.any():
            break
        previous, level = level, float(power[inside].mean()) / mean_inside
        inside = (power > low * level) & (power < high * level)
        if abs(level - previous) <= 1e-9 * previous:
            break
    return inside


def estimate_noise(magnitude: ArrayLike, n_coils: int = 1) -> NoiseEstimate:
    """Find the background of a magnitude series and its noise level.

    A background pixel's mean square over the echoes follows a gamma distribution whose scale is the noise
    level. The level that explains most pixels is taken; the specimen, which lies above, may fill a large
    part of the image. Pixels that are 0 in all echoes (blanked by the scanner) and pixels with negative or
    non-finite values are left out. The level is that of the median echo. Valid for one receiving coil.

    Parameters
    ----------
    magnitude : array_like, shape (n_echoes, ...)
        Magnitudes, or complex data, whose magnitude is taken.

    Returns
    -------
    NoiseEstimate
        The level, with what speaks for and against it.

    Raises
    ------
    InputError
        If there is too little background to estimate anything from.

    References
    ----------
    Koay, Özarslan and Pierpaoli, Probabilistic identification and estimation of noise (PIESNO), J. Magn.
    Reson. 199 (2009) 94.
    """
    data = np.asarray(magnitude)
    if data.ndim < 2 or data.size == 0:
        raise InputError("magnitude", f"an array of shape {data.shape}", "echoes first, then pixels")
    samples = np.abs(data) if np.iscomplexobj(data) else data
    samples = samples.reshape(samples.shape[0], -1).astype(np.float64)
    n_echoes = samples.shape[0]
    usable = np.all(np.isfinite(samples) & (samples >= 0.0), axis=0)
    power = np.mean(np.where(usable, samples, 0.0) ** 2, axis=0)
    usable &= power > 0.0
    place = "background of the magnitude images"
    advice = f"at least {MIN_SAMPLES} samples of background, or a given noise level"
    if usable.sum() * n_echoes < MIN_SAMPLES:
        raise InputError(place, f"{int(usable.sum())} usable pixels of {n_echoes} echoes", advice)
    inside = _background(power[usable], n_echoes)
    n_pixels = int(inside.sum())
    if n_pixels * n_echoes < MIN_SAMPLES:
        raise InputError(place, f"{n_pixels} pixels that look like noise", advice)
    background = samples[:, usable][:, inside]
    mean_inside = _truncation(n_echoes, 1.0)
    per_echo = np.sqrt(np.mean(background**2, axis=1) / (2.0 * mean_inside))
    # the specimen's side lobes leak into the background of the early echoes, a ghost into some: the median
    # echo
    sigma = float(np.median(per_echo))
    # leaving out the weakest and the strongest pixels raises the ratio of pure noise by a known factor: the
    # direction of a pixel's vector of echoes is independent of its length, so only the length's moments
    # change
    raised = _truncation(n_echoes, 0.5) / np.sqrt(_truncation(n_echoes, 1.0))
    ratio = float(background.mean() / np.sqrt(np.mean(background**2)) / raised)
    count = np.sqrt(background.size)
    is_rayleigh = abs(ratio - RAYLEIGH_RATIO) <= RATIO_TOLERANCE + 3.0 * _RATIO_SD / count
    spread = float(np.max(np.abs(per_echo / sigma - 1.0)))
    echoes_agree = spread <= ECHO_TOLERANCE + 3.0 * _LEVEL_SD * np.sqrt(n_echoes) / count
    warnings = []
    if not is_rayleigh:
        warnings.append(f"background not Rayleigh: mean over rms {ratio:.3f} instead of {RAYLEIGH_RATIO:.3f}")
    if not echoes_agree:
        warnings.append(
            f"noise levels of single echoes up to {100.0 * spread:.0f} % off: ghosts or leaking signal"
        )
    return NoiseEstimate(
        sigma=sigma,
        method="background, Rayleigh (PIESNO)",
        n_pixels=n_pixels,
        rayleigh_ratio=ratio,
        is_rayleigh=bool(is_rayleigh),
        echoes_agree=bool(echoes_agree),
        sigma_per_echo=tuple(float(s) for s in per_echo),
        sigma_se=float(sigma * np.sqrt(np.pi / 2.0) * _LEVEL_SD / count),
        warnings=tuple(warnings),
    )
