"""Whether the residuals of a fit bear its noise level out, and what they say of the model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from spallmap.errors import DataWarning, InputError
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.noise.misfit import median_chi2
from spallmap.relaxometry.noise.trust import BACKGROUND, GIVE_SIGMA, NoiseEstimate, least_background
from spallmap.relaxometry.status import SEEN

Array = NDArray[np.float64]

# Pixels with less signal at the first echo are not asked: they were chosen among noise, and what is left of
# it has smaller residuals.
LEAST_SNR = 5.0
# A noise level whose square is this many times too small is not used: pixels of noise pass for signal, and
# the errors are too small. A misfit of the model looks alike where pixels are few, so that the limit is wide.
TOO_SMALL = 2.0
# One that leaves less than this fraction of the chi-square is not used, which no misfit does; from the second
# on it is doubted. In clean cells and phantoms 0.9 to 1.25 was seen.
TOO_LARGE, DOUBTED = 0.6, 0.75
# A misfit from which a warning is given, as a ratio of variances; 1.0 to 1.25 were seen in phantoms whose
# stimulated echoes alternate by 1 %.
TOLERATED = 1.5
# Standard errors of a median that are allowed on top, and how many pixels count as one: neighbours of an
# image that was filled with zeros to twice its size have four times the same noise.
_SIGMAS = 4.0
_ALIKE = 4.0
# Fewer pixels than this say nothing.
MIN_PIXELS = 30
# Of pure noise this fraction of pixels has a chi-square beyond its quantile; a pixel beyond it misfits.
OUTLYING = 0.01
# The strongest third of the pixels must have this many times the squared signal of the weakest for a misfit,
# which grows with it, to be distinguished from a wrong level, which does not.
_SPAN = 2.0

SOURCE = "residuals of the fit"


@dataclass(frozen=True)
class Residuals:
    """How large a fit's residuals are.

    Parameters
    ----------
    n_pixels : int
        Pixels that were looked at: fitted, with a signal of :data:`LEAST_SNR` or more.
    median : float
        Median of their reduced chi-square; NaN where there are none, or no degree of freedom.
    expected : float
        What pure noise gives.
    misfit_fraction : float
        Fraction of them whose chi-square is beyond the 99 % quantile of pure noise.
    noise_ratio : float
        Variance of the samples over the square of the noise level, as far as it does not grow with the
        signal; NaN where that cannot be distinguished.
    n_weakest : int
        Pixels that it rests on.
    se_factor : float
        Median factor by which the misfit widened the standard errors of the pixels.
    """

    n_pixels: int
    median: float
    expected: float
    misfit_fraction: float
    noise_ratio: float
    n_weakest: int
    se_factor: float

    @property
    def ratio(self) -> float:
        """Median over what pure noise gives."""
        return self.median / self.expected


def residuals_of(fit: T2Fit) -> Residuals:
    """Measure how large a fit's residuals are.

    Parameters
    ----------
    fit : T2Fit
        The maps.

    Returns
    -------
    Residuals
        Numbers that do not exist are NaN.
    """
    nothing = float("nan")
    freedom = degrees_of_freedom(fit)
    chosen = np.isin(fit.status, SEEN) & (fit.snr >= LEAST_SNR) & np.isfinite(fit.chi2_reduced)
    n = int(np.count_nonzero(chosen))
    if freedom < 1 or n == 0:
        return Residuals(n, nothing, nothing, nothing, nothing, 0, nothing)
    expected, _spread = median_chi2(freedom)
    chi2, snr = fit.chi2_reduced[chosen], fit.snr[chosen]
    limit = stats.chi2.isf(OUTLYING, freedom) / freedom
    level, n_weakest = _noise_ratio(chi2 / expected, snr)
    outlying = float(np.mean(chi2 > limit))
    widened = 1.0 if fit.misfit is None else float(np.median(np.sqrt(fit.misfit[chosen])))
    return Residuals(n, float(np.median(chi2)), expected, outlying, level, n_weakest, widened)


def degrees_of_freedom(fit: T2Fit) -> int:
    """Count the samples of a pixel less what was fitted to them."""
    return len(fit.te_ms) - (3 if fit.model == "free_offset" else 2)


def _noise_ratio(ratio: Array, snr: Array) -> tuple[float, int]:
    """Variance ratio that does not grow with the squared signal, from the weakest and strongest thirds."""
    if ratio.size < 3 * MIN_PIXELS:
        return float("nan"), 0
    low, high = np.quantile(snr, [1.0 / 3.0, 2.0 / 3.0])
    weak, strong = snr <= low, snr >= high
    signals = [float(np.median(snr[third]) ** 2) for third in (weak, strong)]
    medians = [float(np.median(ratio[third])) for third in (weak, strong)]
    if signals[1] < _SPAN * signals[0]:
        return float("nan"), 0
    slope = max((medians[1] - medians[0]) / (signals[1] - signals[0]), 0.0)
    return medians[0] - slope * signals[0], int(np.count_nonzero(weak))


def is_scanty(noise: NoiseEstimate) -> bool:
    """Say whether a background is so small that it may be a chance find."""
    return noise.from_background and noise.n_pixels < least_background(noise.n_usable)


def noise_warnings(noise: NoiseEstimate | None) -> tuple[DataWarning, ...]:
    """Put what speaks against a noise level into warnings.

    Parameters
    ----------
    noise : NoiseEstimate or None
        The estimate; None where the level was given.

    Returns
    -------
    tuple of DataWarning
        One for each of its warnings, and one where it rests on few pixels.
    """
    if noise is None:
        return ()
    advice = f"the noise level {noise.sigma:.4g} is to be doubted; where it is known, give it as sigma"
    found = [DataWarning("noise of the echoes", warning, advice) for warning in noise.warnings]
    if is_scanty(noise):
        few = f"{noise.n_pixels} of {noise.n_usable} pixels that look like noise"
        rests = f"the noise level {noise.sigma:.4g} rests on them; {GIVE_SIGMA}"
        found.append(DataWarning(BACKGROUND, few, rests))
    return tuple(found)


def check_residuals(fit: T2Fit, noise: NoiseEstimate | None, n_alike: float = 1.0) -> tuple[DataWarning, ...]:
    """Hold a noise level to the residuals of the fit that was made with it.

    Parameters
    ----------
    fit : T2Fit
        The maps.
    noise : NoiseEstimate or None
        Where the level comes from; None where it was given, which is then used whatever the residuals say.
    n_alike : float
        Pixels that share one sample of the noise; at least :data:`_ALIKE` are taken to.

    Returns
    -------
    tuple of DataWarning
        What is odd.

    Raises
    ------
    InputError
        If the level was estimated and the residuals are far from it.
    """
    found = residuals_of(fit)
    if found.n_pixels < MIN_PIXELS or not np.isfinite(found.median):
        return ()
    spread = median_chi2(degrees_of_freedom(fit))[1]
    slack, weak_slack = (
        _SIGMAS * spread * np.sqrt(max(_ALIKE, n_alike) / max(n, 1))
        for n in (found.n_pixels, found.n_weakest)
    )
    ratio = found.ratio
    alike = found.ratio if noise is not None and is_scanty(noise) else found.noise_ratio
    too_large = ratio * (1.0 + slack) < TOO_LARGE
    too_small = alike > TOO_SMALL * (1.0 + (weak_slack if alike == found.noise_ratio else slack))
    said = f"median reduced chi-square {found.median:.2g} where noise alone gives {found.expected:.2g}"
    way = "too small" if too_small else "too large"
    factor = np.sqrt(alike if too_small else 1.0 / ratio)
    if (too_large or too_small) and noise is not None:
        raise InputError(
            SOURCE,
            f"{said}: the noise level {fit.sigma:.4g} ({noise.method}, {noise.n_pixels} pixels) is {way}, by "
            f"a factor of about {factor:.2g}",
            GIVE_SIGMA,
        )
    if too_large or too_small or ratio * (1.0 + slack) < DOUBTED:
        whose = "given" if noise is None else "estimated"
        found_warning = DataWarning(
            SOURCE,
            f"{said}: the {whose} noise level {fit.sigma:.4g} looks {way}, by a factor of about {factor:.2g}",
            "it was used all the same; see that it has the units and the scale of this acquisition",
        )
    elif ratio > TOLERATED * (1.0 + 0.5 * slack):
        level = (
            f", or the noise level {fit.sigma:.4g} is too small" if not np.isfinite(found.noise_ratio) else ""
        )
        found_warning = DataWarning(
            SOURCE,
            f"{said}; {100.0 * found.misfit_fraction:.0f} % of {found.n_pixels} pixels misfit",
            "the decays are not those of the model (stimulated echoes, a mixture, echoes of different "
            f"scale){level}; errors of T2 were widened by the misfit, but T2 itself may be off",
        )
    else:
        return ()
    return (found_warning,)
