"""T2 of every pixel of an echo series, with its errors."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spallmap.errors import InputError
from spallmap.relaxometry.fit_result import FitStatus, T2Fit
from spallmap.relaxometry.models import Block, SignalModel, get_model
from spallmap.relaxometry.noise import check_residuals, estimate_noise, trusted_sigma
from spallmap.relaxometry.noise.misfit import misfit_variances, mostly_open
from spallmap.relaxometry.samples import (
    check_sigma,
    clipped_pixels,
    default_bounds,
    t2_grid,
    usable_series,
    without,
)
from spallmap.relaxometry.status import SEEN
from spallmap.relaxometry.t2_grid import (
    CHI2,
    N_OUTPUTS,
    OPEN_ABOVE,
    OPEN_BELOW,
    OPEN_ENDS,
    T2_LOW,
    search_grid,
)

Array = NDArray[np.float64]

# Below this signal at the first echo, in units of sigma, pure noise fitted alone looks like signal in more
# than 1 % of pixels and the standard error of T2 is beyond 60 % (Cramér-Rao bound for five echoes over 1 to
# 3 T2). With a constant fitted as well noise passes more often, nearly always with T2 at a bound.
MIN_SNR = 3.0
# What noise alone is fitted with grows with the fourth root of the number of coils, as the scatter of the
# summed squares does: so does the limit.
_COILS_POWER = 0.25
# Pixels fitted at a time by one thread: large against the cost of a call, small against a processor's cache.
_CHUNK = 16_384
# Maps of a fit in the order of a kernel's output.
_MAPS = (
    "t2_ms",
    "t2_se_ms",
    "s0",
    "s0_se",
    "offset",
    "p_long",
    "chi2_reduced",
    "snr",
    "open_ends",
    "t2_low_ms",
    "t2_high_ms",
)


def fit_t2(
    echoes: ArrayLike,
    te_ms: Sequence[float],
    model: str = "rician",
    sigma: float | None = None,
    long_ms: float = 12.0,
    mask: NDArray[np.bool_] | None = None,
    *,
    t2_bounds_ms: tuple[float, float] | None = None,
    min_snr: float | None = None,
    saturation: float | None = None,
    clipped: NDArray[np.bool_] | None = None,
    n_coils: int = 1,
    skip_echoes: int = 0,
    intervals: bool = False,
    correct_bias: bool = True,
    n_alike: float = 1.0,
    threads: int | None = None,
) -> T2Fit:
    """Fit a mono-exponential decay to every pixel.

    The search is global: the likelihood is profiled over its linear parameters on a grid of T2, and its
    highest point is refined by Newton's method between its neighbours. No start value is needed. Slices, if
    there are many, are pixels like any others and share one noise level.

    Where the residuals of neighbouring pixels together, or a pixel's own, are larger than the noise explains,
    standard errors, intervals and probabilities are those of samples whose noise is that much larger. T2
    itself does not change. A T2 to which the echoes set no limit, since its 95 % interval or those of most
    neighbours are open at one end, has status ``BEYOND_ECHOES``.

    Parameters
    ----------
    echoes : array_like, shape (n_echoes, ...)
        Magnitudes, or complex data for model ``complex``; any order of echoes.
    te_ms : sequence of float
        Echo time of each, in ms; repeated ones are further samples.
    model : str
        A key of :data:`spallmap.relaxometry.models.MODELS`.
    sigma : float, optional
        Noise per channel in the units of the data; absent: from the background (:func:`estimate_noise`).
    long_ms : float
        What counts as a long T2.
    mask : ndarray of bool, optional
        Pixels to fit; absent: all.
    t2_bounds_ms : tuple of float, optional
        Where T2 is sought; absent: a tenth of the closest echo spacing to twenty times the last echo time.
    min_snr : float, optional
        Signal at the first echo, in units of sigma, below which a pixel's status is ``BELOW_SNR``; absent:
        :func:`least_snr` of the number of coils.
    saturation : float, optional
        Magnitude at and above which a sample counts as saturated.
    clipped : ndarray of bool, shape of `echoes`, optional
        Samples that were cut off at an end of their range. A pixel with one among the echoes that are used is
        ``SATURATED``.
    n_coils : int
        Number of receiving coils whose squared magnitudes were summed, for model ``chi``.
    skip_echoes : int
        Leave out this many of the shortest echo times: the first echo of a train of imperfect refocusing
        pulses holds no stimulated echo yet and lies below the others.
    intervals : bool
        Find the 95 % intervals of T2 as well.
    correct_bias : bool
        Take the second-order bias off the maximum-likelihood T2 of models ``rician`` and ``chi``: 0.9 of the
        squared relative error, which is 1 % where the error is 10 %. Errors beyond some 20 % are left alone.
    n_alike : float
        Pixels that share one sample of the noise: of so many the residuals are one.
    threads : int, optional
        Threads to fit with; absent: one for every processor that may be used. The result does not depend on
        it.

    Returns
    -------
    T2Fit
        The maps.

    Raises
    ------
    InputError
        If the echo times do not fit the data or the model, `sigma`, `long_ms`, a limit, the number of
        coils or of skipped echoes, the mask or `clipped` cannot be used, or no noise level is given and none
        can be found that the residuals bear out.

    Examples
    --------
    >>> import numpy as np
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> echoes = 50.0 * np.exp(-np.array(te_ms)[:, None] / np.array([7.0, 16.0]))
    >>> fit = fit_t2(echoes, te_ms, sigma=1e-3, long_ms=12.0)
    >>> fit.t2_ms.round(3).tolist(), fit.p_long.round(3).tolist()
    ([7.0, 16.0], [0.0, 1.0])

    With noise, the 95 % interval of T2 beside it:

    >>> rng = np.random.default_rng(1)
    >>> noisy = np.hypot(echoes + rng.normal(size=echoes.shape), rng.normal(size=echoes.shape))
    >>> fit = fit_t2(noisy, te_ms, sigma=1.0, intervals=True)
    >>> bool(np.all((fit.t2_low_ms < fit.t2_ms) & (fit.t2_ms < fit.t2_high_ms)))
    True
    """
    chosen = get_model(model, n_coils)
    data, te = usable_series(echoes, te_ms, chosen, skip_echoes)
    if not (np.isfinite(long_ms) and long_ms > 0.0):
        raise InputError("t2.long_ms", str(long_ms), "a positive time in ms")
    bounds = default_bounds(te) if t2_bounds_ms is None else t2_bounds_ms
    if not (0.0 < bounds[0] < bounds[1] < np.inf):
        raise InputError("t2_bounds_ms", str(bounds), "two rising positive times in ms")
    shape = data.shape[1:]
    for name, value in (("min_snr", min_snr), ("saturation", saturation)):
        if value is not None and np.isnan(value):
            raise InputError(name, str(value), "a number")
    if threads is not None and threads < 1:
        raise InputError("threads", str(threads), "1 or more")
    status = np.full(shape, FitStatus.OK, dtype=np.int32)
    if mask is not None:
        if np.shape(mask) != shape:
            raise InputError("mask", f"shape {np.shape(mask)}", f"the shape of one echo, {shape}")
        status[~np.asarray(mask, dtype=bool)] = FitStatus.MASKED
    cut_off = clipped_pixels(clipped, np.shape(echoes), te_ms, te.size)
    status[(status == FitStatus.OK) & cut_off] = FitStatus.SATURATED
    if sigma is None:
        noise = estimate_noise(without(data, cut_off), n_coils, te)
        level = trusted_sigma(noise)
    else:
        noise, level = None, check_sigma(sigma)

    block = Block(
        te_ms=te,
        search=search_grid(t2_grid(bounds, long_ms), long_ms),
        scale=level,
        min_snr=least_snr(n_coils) if min_snr is None else min_snr,
        saturation=np.inf if saturation is None else float(saturation),
        intervals=intervals,
        correct_bias=correct_bias,
    )
    maps = np.full((N_OUTPUTS if intervals else T2_LOW, *shape), np.nan)
    misfit = _fit_twice(chosen, data, status, maps, block, n_alike, threads)
    named = dict(zip(_MAPS, maps, strict=False))
    fit = T2Fit(
        **{name: values for name, values in named.items() if name != "open_ends"},
        status=status,
        model=chosen.name,
        sigma=level,
        te_ms=tuple(float(t) for t in te),
        long_ms=float(long_ms),
        t2_bounds_ms=(float(bounds[0]), float(bounds[1])),
        n_coils=chosen.n_coils,
        misfit=misfit,
    )
    if noise is not None:
        check_residuals(fit, noise)
    return fit


def _fit_twice(
    model: SignalModel,
    data: NDArray[Any],
    status: NDArray[np.int32],
    maps: Array,
    block: Block,
    n_alike: float,
    threads: int | None,
) -> Array:
    """Fit all pixels with the noise, then those with a misfit as if their noise were that much larger.

    `status` and `maps` are filled; what is returned are the variances over those of the noise.
    """
    pixels, before = data.reshape(len(data), -1), status.copy()
    found, codes = maps.reshape(len(maps), -1), status.reshape(-1)

    def fit_all(samples: NDArray[Any], codes: NDArray[np.int32], out: Array, variances: Array) -> None:
        def fit_from(begin: int) -> None:
            chunk = slice(begin, begin + _CHUNK)
            model.fit(samples[:, chunk], codes[chunk], out[:, chunk], block, variances[chunk])

        _run_all(fit_from, range(0, codes.size, _CHUNK), threads)

    fit_all(pixels, codes, found, np.ones(codes.size))
    fitted = np.isin(status, SEEN)
    misfit = misfit_variances(maps[CHI2], fitted, len(data) - model.n_parameters, n_alike)
    wider = np.flatnonzero(misfit > 1.0)
    if wider.size:
        again, out = before.reshape(-1)[wider], found[:, wider]
        fit_all(pixels[:, wider], again, out, misfit.reshape(-1)[wider])
        codes[wider], found[:, wider] = again, out
    ends = np.nan_to_num(maps[OPEN_ENDS]).astype(np.int32)
    beyond = mostly_open((ends & OPEN_BELOW) > 0, (ends & OPEN_ABOVE) > 0, fitted)
    status[beyond & (status == FitStatus.OK)] = FitStatus.BEYOND_ECHOES
    return misfit


def least_snr(n_coils: int) -> float:
    """Signal at the first echo, in units of sigma, that distinguishes a pixel from noise.

    Parameters
    ----------
    n_coils : int
        Number of receiving coils whose squared magnitudes were summed.

    Returns
    -------
    float
        :data:`MIN_SNR` for one coil, more for several.
    """
    return float(MIN_SNR * n_coils**_COILS_POWER)


def _processors() -> int:
    """Return how many processors this process may use."""
    # not every system can distinguish them from those that it has
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_all(work: Callable[[int], None], items: Sequence[int], threads: int | None) -> None:
    """Call `work` for every item, in several threads where there is something to share."""
    wanted = _processors() if threads is None else threads
    if wanted < 2 or len(items) < 2:
        for item in items:
            work(item)
        return
    with ThreadPoolExecutor(wanted) as pool:
        for _ in pool.map(work, items):
            pass
