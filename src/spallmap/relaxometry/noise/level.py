"""The noise level of an echo series, from its background or from the data's own phase."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from spallmap.errors import InputError
from spallmap.relaxometry.noise.background import MEDIAN_LOSS, Checks, check_background
from spallmap.relaxometry.noise.trust import (
    BACKGROUND,
    BY_PHASE,
    GIVE_SIGMA,
    LEVEL_SD,
    NoiseEstimate,
    differ,
    least_background,
)
from spallmap.relaxometry.phase import phased
from spallmap.relaxometry.samples import what_is_wrong

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Fraction of pure noise that the acceptance interval leaves out, half at either end.
OUTSIDE = 0.02
# With fewer samples than this the level is known to worse than 5 %, and the background cannot be checked. A
# small image of four to six echoes with a few per cent of background has no more.
MIN_SAMPLES = 100
# Fewer pixels are too easily a chance find, however many echoes they have.
MIN_PIXELS = 20
# Of a larger image every so many rows are looked at: a million pixels give the level to 0.05 %.
_MAX_PIXELS = 2**20
_MAX_ROUNDS = 100
# The variance of the pixels' powers over that of pure noise, below which they are the lower end of something
# wider: the weakest 1 to 30 % of a background have 0.2 to 0.4, and of 100 groups of 20 pixels of noise one.
_LEAST_WIDTH = 0.4
# Groups of pixels of even brightness that may outnumber the background.
_MAX_FINDS = 5
# Signal over noise from which a pixel's phase is known well enough to take it off, and the pixels that it
# takes to trust the level from what remains in the imaginary channel.
_PHASED_SNR = 10.0
_MIN_PHASED = 50
# Levels from the imaginary channel and from the background that differ by more than this do not mean one
# noise.
_PHASE_TOLERANCE = 0.1


def estimate_noise(data: ArrayLike, n_coils: int = 1, te_ms: ArrayLike | None = None) -> NoiseEstimate:
    """Find the noise level of a series.

    *Magnitudes.* A background pixel's summed squares over echoes and coils follow a gamma distribution whose
    scale is the noise level. The level that explains most pixels is taken; the specimen, which lies above,
    may fill a large part of the image. Pixels that are 0 in all echoes (blanked by the scanner) and pixels
    with negative or non-finite values are left out. The level is that of the median echo. Four things are
    checked that would make it wrong, and reported in ``warnings``: a background that is not Rayleigh (more
    coils, filtered magnitudes), echoes of different levels (ghosts, leaking signal), parts of the image of
    different levels (filtered or masked corners, a receiver's filter), and correlated neighbours (zero-filled
    or filtered images).

    *Complex data*, echo times given. Where enough pixels have signal, each is rotated by its own phase, and
    the level follows from the imaginary channel, where no signal is left; else from the background.

    Parameters
    ----------
    data : array_like, shape (n_echoes, ...)
        Magnitudes, or complex data.
    n_coils : int
        Number of receiving coils whose squared magnitudes were summed.
    te_ms : array_like, optional
        Echo times in ms; needed to take the phase off complex data.

    Returns
    -------
    NoiseEstimate
        The level, with what speaks for and against it.

    Raises
    ------
    InputError
        If there is too little to estimate anything from.

    References
    ----------
    Koay, Özarslan and Pierpaoli, Probabilistic identification and estimation of noise (PIESNO), J. Magn.
    Reson. 199 (2009) 94.
    Constantinides, Atalar and McVeigh, Magn. Reson. Med. 38 (1997) 852 (several coils).

    Examples
    --------
    A specimen that fills half of the image does not matter:

    >>> import numpy as np
    >>> rng = np.random.default_rng(2)
    >>> signal = np.zeros((5, 40, 40))
    >>> signal[:, :20] = 60.0
    >>> data = np.hypot(signal + 3.0 * rng.normal(size=signal.shape), 3.0 * rng.normal(size=signal.shape))
    >>> noise = estimate_noise(data)
    >>> round(noise.sigma, 1), noise.is_rayleigh
    (3.0, True)
    """
    series = np.asarray(data)
    if series.ndim < 2 or series.size == 0:
        raise InputError("data", f"an array of shape {series.shape}", "echoes first, then pixels")
    rows = _some_rows(series)
    if not np.iscomplexobj(rows) or te_ms is None:
        return _from_background(rows, n_coils)
    try:
        background = _from_background(rows, n_coils)
    except InputError:
        background = None
    if background is not None and not background.is_rayleigh:
        background = None
    return _from_phase(rows, np.asarray(te_ms, dtype=np.float64), background)


def _some_rows(series: NDArray[Any]) -> NDArray[Any]:
    """Return every so many rows of a large series as (n_echoes, n_rows, n_columns); a list is one row."""
    every = max(1, series[0].size // _MAX_PIXELS)
    if series.ndim == 2:
        return series[:, None, ::every]
    return series.reshape(series.shape[0], -1, series.shape[-1])[:, ::every]


def _limits(n_squares: int) -> tuple[float, float]:
    """Limits of the summed squares of pure noise, in units of 2 sigma**2."""
    low, high = special.gammaincinv(n_squares, [OUTSIDE / 2.0, 1.0 - OUTSIDE / 2.0])
    return float(low), float(high)


def _truncation(n_squares: int, power: float) -> float:
    """Moment of a gamma variable within the limits over its moment without them."""
    low, high = _limits(n_squares)
    shape = n_squares + power
    return float((special.gammainc(shape, high) - special.gammainc(shape, low)) / (1.0 - OUTSIDE))


def _background(power: Array, n_squares: int) -> Flags:
    """Which pixels are background, by their mean square.

    The acceptance interval that holds the most pixels is looked for over the whole range, then refined to the
    level that the pixels inside its own acceptance interval give.
    """
    low, high = (limit / n_squares for limit in _limits(n_squares))
    mean_inside = _truncation(n_squares, 1.0)
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


def _is_tail(power: Array, n_squares: int) -> bool:
    """Whether pixels are the weakest of others: their powers crowd below a limit, as noise's do not."""
    mean = _truncation(n_squares, 1.0)
    expected = _truncation(n_squares, 2.0) * (n_squares + 1) / n_squares / mean**2 - 1.0
    return bool(np.var(power) < _LEAST_WIDTH * expected * np.mean(power) ** 2)


def _is_too_few(pixels: Flags, samples: Array) -> bool:
    n_pixels = int(np.count_nonzero(pixels))
    return n_pixels < MIN_PIXELS or n_pixels * samples.shape[0] < MIN_SAMPLES


def _level(samples: Array, power: Array, usable: Flags, n_coils: int) -> tuple[Flags, Array, Checks] | None:
    """Find the background, its level in each echo, and what it looks like.

    A large specimen of even brightness can hold more pixels within one acceptance interval than the
    background does. It does not look like noise, or falls from echo to echo; then what lies below it is
    tried, and so on. Where nothing looks like noise the first find stands, with its warnings.
    """
    n_squares = samples.shape[0] * n_coils
    mean_inside = _truncation(n_squares, 1.0)
    # leaving out the weakest and the strongest pixels raises the ratio of pure noise by a known factor: the
    # direction of a pixel's vector of samples is independent of its length, so only the length's moments
    # change
    raised = float(_truncation(n_squares, 0.5) / np.sqrt(mean_inside))
    first: tuple[Flags, Array, Checks] | None = None
    left = usable.copy()
    for _ in range(_MAX_FINDS):
        if _is_too_few(left, samples):
            break
        inside = np.zeros(usable.shape, dtype=bool)
        inside[left] = _background(power[left], n_squares)
        if _is_too_few(inside, samples):
            break
        per_echo = np.sqrt(np.mean(samples[:, inside] ** 2, axis=1) / (2.0 * n_coils * mean_inside))
        checks = check_background(samples, inside, per_echo / np.median(per_echo), n_coils, raised)
        n = int(inside.sum())
        # below a specimen there is always some chance find, whose echoes seldom agree
        enough = n >= least_background(int(usable.sum()))
        trusted = first is None or enough or checks.later_agree is True
        tail = first is not None and _is_tail(power[inside], n_squares)
        if checks.is_rayleigh and trusted and not tail and not differ(per_echo, n * n_coils):
            return inside, per_echo, checks
        first = first or (inside, per_echo, checks)
        left = left & (power < power[inside].min())
    return first


def _from_background(rows: NDArray[Any], n_coils: int) -> NoiseEstimate:
    samples = (np.abs(rows) if np.iscomplexobj(rows) else rows).astype(np.float64)
    usable = np.all(np.isfinite(samples) & (samples >= 0.0), axis=0)
    power = np.mean(np.where(usable, samples, 0.0) ** 2, axis=0) / n_coils
    usable &= power > 0.0
    advice = f"at least {MIN_SAMPLES} samples in {MIN_PIXELS} pixels of background; else {GIVE_SIGMA}"
    if _is_too_few(usable, samples):
        said = what_is_wrong(samples) or f"{int(usable.sum())} usable pixels of {len(samples)} echoes"
        raise InputError(BACKGROUND, said, advice)
    found = _level(samples, power, usable, n_coils)
    if found is None:
        raise InputError(BACKGROUND, what_is_wrong(samples) or "no pixels that look like noise", advice)
    inside, per_echo, checks = found
    # the specimen's side lobes leak into the background of the early echoes, a ghost into some: the median
    # echo
    sigma, n_pixels = float(np.median(per_echo)), int(inside.sum())
    distribution = "Rayleigh" if n_coils == 1 else f"{n_coils} coils"
    # a median over the echoes scatters 1.25 times as much as their mean would
    error = sigma * MEDIAN_LOSS * LEVEL_SD / np.sqrt(n_pixels * per_echo.size * n_coils)
    method = f"background, {distribution} (PIESNO)"
    n_usable = int(np.count_nonzero(usable))
    return _estimate(sigma, error, method, n_pixels, n_usable, n_coils, per_echo, checks)


def _estimate(
    sigma: float,
    sigma_se: float,
    method: str,
    n_pixels: int,
    n_usable: int,
    n_coils: int,
    per_echo: Array,
    checks: Checks,
) -> NoiseEstimate:
    return NoiseEstimate(
        sigma=sigma,
        method=method,
        n_pixels=n_pixels,
        n_coils=n_coils,
        rayleigh_ratio=checks.ratio,
        is_rayleigh=checks.is_rayleigh,
        echoes_agree=checks.echoes_agree,
        is_even=checks.is_even,
        is_independent=checks.is_independent,
        unevenness=checks.unevenness,
        correlation=checks.correlation,
        sigma_per_echo=tuple(float(s) for s in per_echo),
        sigma_se=float(sigma_se),
        warnings=checks.warnings,
        n_usable=n_usable,
    )


def _from_phase(rows: NDArray[Any], te_ms: Array, background: NoiseEstimate | None) -> NoiseEstimate:
    """Level from the imaginary channel of pixels with signal, once their phase is taken off.

    The phase takes one degree of freedom of a pixel's echoes, so that their summed squares over the variance
    follow chi-square with one less than there are echoes; the median of the pixels is robust against those
    whose phase drifts from echo to echo.
    """
    n_echoes = rows.shape[0]
    pixels = rows.reshape(n_echoes, -1).T
    pixels = pixels[np.all(np.isfinite(pixels), axis=1) & np.any(pixels != 0.0, axis=1)]
    source_label = "complex data"
    advice = "pixels with signal in two echoes or more, or background, or t2.sigma"
    order = np.argsort(te_ms, kind="stable")
    strength = np.sqrt(np.mean(np.abs(pixels) ** 2, axis=1))
    strong = strength > np.median(strength)
    for _ in range(2):
        if n_echoes < 2 or strong.sum() < _MIN_PHASED:
            if background is not None:
                return background
            raise InputError(source_label, f"{int(strong.sum())} pixels with signal, no background", advice)
        rotated = phased(pixels[strong][:, order], te_ms[order]).imag
        level = np.median(np.sum(rotated**2, axis=1)) / stats.chi2.median(n_echoes - 1)
        sigma = float(np.sqrt(level))
        strong = np.abs(pixels[:, order[0]]) > _PHASED_SNR * sigma
    if strong.sum() < _MIN_PHASED:
        if background is not None:
            return background
        raise InputError(source_label, f"{int(strong.sum())} pixels with signal, no background", advice)
    rotated = phased(pixels[strong][:, order], te_ms[order]).imag
    sigma = float(np.sqrt(np.median(np.sum(rotated**2, axis=1)) / stats.chi2.median(n_echoes - 1)))
    per_echo = np.empty(n_echoes)
    # the phase takes its degree of freedom from each echo by the echo's fraction of the signal
    power = np.median(np.abs(pixels[strong][:, order]) ** 2, axis=0)
    kept = np.sqrt(1.0 - power / power.sum())
    per_echo[order] = np.median(np.abs(rotated), axis=0) / stats.norm.ppf(0.75) / kept
    warnings: tuple[str, ...] = ()
    if background is not None and abs(sigma / background.sigma - 1.0) > _PHASE_TOLERANCE:
        times = f"{sigma / background.sigma:.2f} times"
        warnings = (
            f"noise in the imaginary channel {times} that of the background: the phase is not the same in "
            "all echoes",
        )
    nothing = float("nan")
    checks = (
        Checks(nothing, None, None, None, None, nothing, nothing, warnings)
        if background is None
        else Checks(
            background.rayleigh_ratio,
            background.is_rayleigh,
            background.echoes_agree,
            background.is_even,
            background.is_independent,
            background.unevenness,
            background.correlation,
            (*warnings, *background.warnings),
        )
    )
    n_pixels = int(strong.sum())
    # each pixel's level has one degree of freedom less than echoes, and their median is taken
    error = sigma * MEDIAN_LOSS * np.sqrt(0.5 / (n_echoes - 1) / n_pixels)
    return _estimate(sigma, error, BY_PHASE, n_pixels, len(pixels), 1, per_echo, checks)


def background_pixels(data: ArrayLike, n_coils: int = 1) -> Flags:
    """Find pixels that hold noise and nothing else.

    Parameters
    ----------
    data : array_like, shape (n_echoes, ..., n_columns)
        Magnitudes, or complex data.
    n_coils : int
        Number of receiving coils whose squared magnitudes were summed.

    Returns
    -------
    ndarray of bool, shape of one echo
        Those that :func:`estimate_noise` takes its level from; none where they do not look like noise.
    """
    series = np.abs(np.asarray(data)).astype(np.float64)
    usable = np.all(np.isfinite(series), axis=0)
    power = np.mean(np.where(usable, series, 0.0) ** 2, axis=0) / n_coils
    usable &= power > 0.0
    inside = np.zeros(usable.shape, dtype=bool)
    if _is_too_few(usable, series):
        return inside
    rows = (-1, series.shape[-1])
    found = _level(series.reshape(series.shape[0], *rows), power.reshape(rows), usable.reshape(rows), n_coils)
    if found is None:
        return inside
    pixels, per_echo, checks = found
    is_noise = checks.is_rayleigh and not differ(per_echo, int(pixels.sum()) * n_coils)
    return pixels.reshape(usable.shape) if is_noise else inside
