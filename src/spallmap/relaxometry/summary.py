"""What a T2 map says in a few numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, stats

from spallmap.relaxometry.distribution.estimate import T2Distribution
from spallmap.relaxometry.distribution.expected import ExpectedCounts
from spallmap.relaxometry.distribution.intervals import BLOCK_PIXELS
from spallmap.relaxometry.distribution.widths import Estimate
from spallmap.relaxometry.fit import least_snr
from spallmap.relaxometry.fit_result import FitStatus, T2Fit
from spallmap.relaxometry.noise import NoiseEstimate, residuals_of
from spallmap.relaxometry.regions import Regions
from spallmap.relaxometry.series.gain_drift import GainDrift
from spallmap.relaxometry.status import SEEN
from spallmap.sampling import AcquiredSampling

Array = NDArray[np.float64]

# Electrode pixels are those whose first echo is at least this many sigma: there the standard error of T2 is
# 20 to 24 % (T2 of 10 to 5 ms) and falls quickly with the signal. At the limit a median is some 1 % low, the
# mean being what the fit leaves unbiased; where no pixel were stronger than 12, choosing by the fitted signal
# would make it 5 % low.
ELECTRODE_SNR = 10.0
# Bins of the histogram: fixed, so that maps of different states can be laid over each other.
BIN_MS = 0.5
# The histogram ends at this many thresholds; what lies beyond is counted separately.
HISTOGRAM_END = 3.0
# Fewer pixels than this have no peak to speak of.
MIN_PEAK_PIXELS = 10
_FWHM_PER_SD = 2.0 * np.sqrt(2.0 * np.log(2.0))
_CURVE_POINTS = 2001


def electrode_pixels(
    fit: T2Fit, regions: Regions, min_snr: float = ELECTRODE_SNR, sampling: AcquiredSampling | None = None
) -> NDArray[np.bool_]:
    """Well-measured pixels of the metal that are not part of a long-T2 region.

    Parameters
    ----------
    fit : T2Fit
        The maps.
    regions : Regions
        Their long-T2 regions. Pixels that touch one hold a mixture and are left out as well.
    min_snr : float
        Signal at the first echo in units of sigma.
    sampling : AcquiredSampling, optional
        How finely the image was acquired: what touches a region is a sample away.

    Returns
    -------
    ndarray of bool
        True for electrode pixels.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2, long_t2_regions
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 24, 24))
    >>> signal[:, 6:10, 4:20] = 40.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> fit = fit_t2(signal + 0.1, te_ms, sigma=1.0)
    >>> regions = long_t2_regions(signal + 0.1, te_ms, 1.0, spacing_um=(23.0, 46.0))
    >>> int(electrode_pixels(fit, regions).sum())
    64
    """
    chosen: NDArray[np.bool_] = fit.ok & _beside_regions(fit, regions, min_snr, sampling)
    return chosen


def _beside_regions(
    fit: T2Fit, regions: Regions, min_snr: float, sampling: AcquiredSampling | None
) -> NDArray[np.bool_]:
    """Well-measured pixels that do not touch a region, whether or not the echoes say how long their T2 is."""
    inside = regions.labels > 0
    reach = (1, 1) if sampling is None else [max(round(n), 1) for n in sampling.pixels_per_sample[-2:]]
    within_slice = np.ones((1,) * (inside.ndim - 2) + tuple(2 * n + 1 for n in reach), dtype=bool)
    near = ndimage.binary_dilation(inside, structure=within_slice) if inside.any() else inside
    chosen: NDArray[np.bool_] = np.isin(fit.status, SEEN) & (fit.snr >= min_snr) & ~near
    return chosen


def peak_fwhm_ms(t2_ms: Array, n_alike: float = 1.0) -> float:
    """Full width at half maximum of the highest peak of a T2 distribution.

    The density is estimated with Gaussian kernels of Scott's bandwidth, whose own width is taken off again in
    quadrature. The errors of the single pixels are part of the width, as in a published histogram; see
    :mod:`spallmap.relaxometry.distribution` for the width without them.

    Parameters
    ----------
    t2_ms : ndarray
        T2 of each pixel.
    n_alike : float
        Pixels that share one sample of the noise.

    Returns
    -------
    float
        The width in ms; NaN for fewer than :data:`MIN_PEAK_PIXELS` pixels or without any spread.

    References
    ----------
    Scott, Multivariate Density Estimation, Wiley 1992, section 6.
    """
    values = np.asarray(t2_ms, dtype=np.float64).ravel()
    if values.size < MIN_PEAK_PIXELS * n_alike:
        return float("nan")
    # the spread of the middle half, so that a few far pixels do not widen the kernel
    quartiles = np.percentile(values, [25.0, 75.0])
    sd = min(float(values.std()), float(quartiles[1] - quartiles[0]) / 1.349)
    if sd <= 0.0:
        return float("nan")
    kernel = sd * (values.size / n_alike) ** -0.2
    density = stats.gaussian_kde(values, bw_method=kernel / float(values.std(ddof=1)))
    centre = float(np.median(values))
    t2 = np.linspace(max(0.0, centre - 12.0 * sd), centre + 12.0 * sd, _CURVE_POINTS)
    curve = density(t2)
    top = int(np.argmax(curve))
    half = curve[top] / 2.0
    below_left = np.flatnonzero(curve[:top] < half)
    below_right = np.flatnonzero(curve[top:] < half)
    left = t2[below_left[-1]] if below_left.size else t2[0]
    right = t2[top + below_right[0]] if below_right.size else t2[-1]
    squared = float(right - left) ** 2 - (_FWHM_PER_SD * kernel) ** 2
    return float(np.sqrt(max(squared, 0.0)))


def _median(fit: T2Fit, chosen: NDArray[np.bool_]) -> float:
    """Median T2 of pixels of which less than half may lie beyond the echoes.

    Those count by their rank alone: left out, they would leave the median of the short ones.
    """
    known = np.count_nonzero(chosen & fit.ok)
    if 2 * known <= np.count_nonzero(chosen):
        return float("nan")
    return float(np.median(fit.t2_ms[chosen]))


def histogram_edges_ms(long_ms: float) -> Array:
    """Edges of a histogram's bins in ms.

    Parameters
    ----------
    long_ms : float
        The threshold of long T2.

    Returns
    -------
    ndarray, shape (n_bins + 1,)
        From 0 in steps of :data:`BIN_MS` to :data:`HISTOGRAM_END` thresholds.

    Examples
    --------
    >>> histogram_edges_ms(12.0)[[0, 1, -1]].tolist()
    [0.0, 0.5, 36.0]
    """
    edges: Array = np.arange(0.0, HISTOGRAM_END * long_ms + BIN_MS / 2.0, BIN_MS)
    return edges


def summarise_t2(
    fit: T2Fit,
    noise: NoiseEstimate | None,
    regions: Regions,
    distribution: T2Distribution | None = None,
    expected: ExpectedCounts | None = None,
    sampling: AcquiredSampling | None = None,
    drift: GainDrift | None = None,
) -> dict[str, Any]:
    """Sum a T2 map up.

    Only pixels of status ``OK`` count. The electrode's T2 is the median over :func:`electrode_pixels`. In a
    median pixels at a bound or beyond the echoes count by their rank; where they are half of all, there is
    none.

    Parameters
    ----------
    fit : T2Fit
        The maps.
    noise : NoiseEstimate or None
        Where `fit.sigma` comes from; None where it was given.
    regions : Regions
        The long-T2 regions.
    distribution : T2Distribution, optional
        The peaks of the T2 distribution.
    expected : ExpectedCounts, optional
        What they let expect in the bins of :func:`histogram_edges_ms`.
    sampling : AcquiredSampling, optional
        How finely the image was acquired; absent: each pixel is a sample.
    drift : GainDrift, optional
        The gains that were taken off the echoes, and what they leave in every T2.

    Returns
    -------
    dict
        ``model``, ``n_coils``, ``noise_sigma``, ``noise_method``, ``noise`` (its checks, or None), ``te_ms``,
        ``t2_bounds_ms``, ``n_fitted`` (pixels of status OK), ``n_by_status``, ``n_clipped`` (pixels with a
        sample that was cut off), ``chi2_reduced_median``, ``chi2_reduced_expected`` (what noise alone gives)
        and ``misfit_fraction`` (beyond the 99 % quantile of noise alone) over ``n_residuals`` pixels of SNR 5
        or more, ``se_factor_median`` (by which the misfit widened their errors), ``electrode``
        (``t2_median_ms``, ``fwhm_ms``, ``n_pixels``, ``min_snr``, ``t2_median_se_ms``), ``long``
        (``threshold_ms``, ``n_regions``, ``n_pixels`` in regions, ``t2_median_ms`` over them,
        ``n_pixels_above_threshold`` by their own T2 alone), ``histogram`` of T2 (``edges_ms``,
        ``counts``, ``n_above``), ``sampling`` (:meth:`spallmap.sampling.AcquiredSampling.to_dict`) and
        ``gain_drift`` (``gains`` of the echoes that are used, ``rate_se_per_ms`` that they leave in every
        1 / T2). Numbers that do not exist are NaN.

        ``electrode.fwhm_ms`` is the width of the pixels' T2, their errors included. With `distribution`,
        ``electrode`` also holds ``fwhm_intrinsic_ms``, the width without these errors, and ``t2_peak_ms``,
        the centre of the peak; ``long_component`` holds ``fraction``, ``fraction_signal``, ``t2_ms``,
        ``fwhm_intrinsic_ms``, ``likelihood_ratio``, ``p_value``, ``n_simulated`` and ``p_value_smallest`` of
        the long peak; each of the first five and of the electrode's two has its 95 % interval beside it,
        ``_low`` and ``_high`` before the unit. ``distribution`` says what they rest on. The histogram has
        ``specimen_counts`` and ``specimen_n_above`` of the pixels that hold signal, and with `expected`
        ``expected_electrode`` and ``expected_long``.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2, long_t2_regions
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> signal = np.zeros((5, 24, 24))
    >>> signal[:, 6:10, 4:20] = 40.0 * np.exp(-np.array(te_ms) / 7.0)[:, None, None]
    >>> fit = fit_t2(signal + 0.1, te_ms, "rician", sigma=1.0)
    >>> regions = long_t2_regions(signal + 0.1, te_ms, 1.0, spacing_um=(23.0, 46.0))
    >>> summary = summarise_t2(fit, None, regions)
    >>> summary["noise_method"], summary["n_by_status"], summary["long"]["n_regions"]
    ('given', {'ok': 64, 'below_snr': 512}, 0)
    """
    sampling = AcquiredSampling.plain(fit.snr.ndim) if sampling is None else sampling
    drift = GainDrift((1.0,) * len(fit.te_ms)) if drift is None else drift
    electrode = electrode_pixels(fit, regions, sampling=sampling)
    t2_electrode = fit.t2_ms[electrode]
    in_regions = (regions.labels > 0) & np.isin(fit.status, SEEN)
    good = fit.t2_ms[fit.ok]
    edges = histogram_edges_ms(fit.long_ms)
    counts, _ = np.histogram(good, bins=edges)
    codes, numbers = np.unique(fit.status, return_counts=True)
    residuals = residuals_of(fit)
    summary: dict[str, Any] = {
        "model": fit.model,
        "n_coils": fit.n_coils,
        "noise_sigma": fit.sigma,
        "noise_method": "given" if noise is None else noise.method,
        "noise": None if noise is None else _noise_checks(noise),
        "te_ms": list(fit.te_ms),
        "t2_bounds_ms": list(fit.t2_bounds_ms),
        "n_fitted": int(fit.ok.sum()),
        "n_by_status": {FitStatus(code).name.lower(): int(n) for code, n in zip(codes, numbers, strict=True)},
        "n_clipped": int(np.count_nonzero(fit.status == FitStatus.SATURATED)),
        "chi2_reduced_median": residuals.median,
        "chi2_reduced_expected": residuals.expected,
        "misfit_fraction": residuals.misfit_fraction,
        "n_residuals": residuals.n_pixels,
        "se_factor_median": residuals.se_factor,
        "electrode": {
            "t2_median_ms": _median(fit, _beside_regions(fit, regions, ELECTRODE_SNR, sampling)),
            "t2_median_se_ms": _median_se(t2_electrode, sampling.n_alike, drift),
            "fwhm_ms": peak_fwhm_ms(t2_electrode, sampling.n_alike),
            "n_pixels": int(electrode.sum()),
            "min_snr": ELECTRODE_SNR,
        },
        "long": {
            "threshold_ms": fit.long_ms,
            "n_regions": len(regions.table),
            "n_pixels": int(np.count_nonzero(regions.labels)),
            "t2_median_ms": _median(fit, in_regions),
            "n_pixels_above_threshold": int(np.count_nonzero(good > fit.long_ms)),
        },
        "histogram": {
            "edges_ms": edges.tolist(),
            "counts": counts.tolist(),
            "n_above": int(np.count_nonzero(good > edges[-1])),
        },
        "sampling": sampling.to_dict(),
        "gain_drift": {"gains": list(drift.gains), "rate_se_per_ms": drift.rate_se_per_ms},
    }
    if distribution is not None:
        _add_distribution(summary, fit, distribution, edges)
    if expected is not None:
        summary["histogram"]["expected_electrode"] = expected.electrode.tolist()
        summary["histogram"]["expected_long"] = expected.long.tolist()
    return summary


def _add_distribution(
    summary: dict[str, Any], fit: T2Fit, distribution: T2Distribution, edges: Array
) -> None:
    found, test = distribution, distribution.test
    summary["electrode"] |= _with_interval("fwhm_intrinsic", found.electrode_fwhm_ms, "_ms")
    summary["electrode"] |= _with_interval("t2_peak", found.electrode_t2_ms, "_ms")
    summary["long_component"] = {
        **_with_interval("fraction", found.long_fraction),
        **_with_interval("fraction_signal", found.long_fraction_signal),
        **_with_interval("t2", found.long_t2_ms, "_ms"),
        **_with_interval("fwhm_intrinsic", found.long_fwhm_ms, "_ms"),
        "likelihood_ratio": test.likelihood_ratio,
        "p_value": test.p_value,
        "p_value_smallest": test.smallest_p,
        "n_simulated": test.n_simulated,
    }
    summary["distribution"] = {
        "n_pixels": found.n_pixels,
        "n_used": found.n_used,
        "min_snr": least_snr(fit.n_coils),
        "block_pixels": BLOCK_PIXELS,
        "likelihood_fall_at_95": found.width_threshold,
        "lowest_long_t2_ms": found.long_ms,
    }
    shown = fit.t2_ms[found.specimen & fit.ok]
    summary["histogram"]["specimen_counts"] = np.histogram(shown, bins=edges)[0].tolist()
    summary["histogram"]["specimen_n_above"] = int(np.count_nonzero(shown > edges[-1]))


def _with_interval(name: str, estimate: Estimate, unit: str = "") -> dict[str, float]:
    return {
        f"{name}{unit}": estimate.value,
        f"{name}_low{unit}": estimate.low,
        f"{name}_high{unit}": estimate.high,
    }


def _median_se(values: Array, n_alike: float, drift: GainDrift) -> float:
    """Return 1.253 standard errors of the mean, the Gaussian standard error of a median, and the gains'."""
    if values.size < MIN_PEAK_PIXELS * n_alike:
        return float("nan")
    low, high = np.percentile(values, [25.0, 75.0])
    by_scatter = float(np.sqrt(np.pi / 2.0) * (high - low) / 1.349 / np.sqrt(values.size / n_alike))
    return float(np.hypot(by_scatter, drift.t2_se_ms(np.median(values))))


def _noise_checks(noise: NoiseEstimate) -> dict[str, Any]:
    return {
        "n_pixels": noise.n_pixels,
        "rayleigh_ratio": noise.rayleigh_ratio,
        "is_rayleigh": noise.is_rayleigh,
        "echoes_agree": noise.echoes_agree,
        "is_even": noise.is_even,
        "is_independent": noise.is_independent,
        "unevenness": noise.unevenness,
        "correlation": noise.correlation,
        "sigma_se": noise.sigma_se,
        "sigma_per_echo": list(noise.sigma_per_echo),
        "warnings": list(noise.warnings),
    }
