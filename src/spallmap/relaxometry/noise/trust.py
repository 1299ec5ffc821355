"""A noise level with what speaks for and against it, and whether it may be fitted with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.relaxometry.noise.background import background_ratio

Array = NDArray[np.float64]

# Beyond this distance from the expected ratio of mean to root mean square a level is not used: two coils
# taken for one are 0.054 off and their level 1.4 times too high; a specimen taken for background is 0.1 off.
UNUSABLE_RATIO = 0.04
# The median echo's level over that of the lowest third of the echoes from which it is not used. Noise has one
# level; side lobes of the specimen that reach the early echoes leave it below 1.13, a slice that tissue fills
# was seen at 1.4. Where the highest level is beyond LARGE_FALL, less is enough: late echoes of tissue come
# near the noise.
UNUSABLE_FALL = 1.2
LARGE_FALL, UNUSABLE_LARGE_FALL = 1.5, 1.1
# Backgrounds of fewer pixels, or of a smaller fraction of the image, may be chance finds in an image of
# tissue: 40 of 65 536 were seen, whose level was 3 times too small.
FEW_PIXELS = 100
FEW_FRACTION = 0.01
# Tissue's level never rises by more than this from echo to echo; one echo of three under stripes does.
_RISE = 1.1
# Standard errors of an echo's level that are allowed on top of its fall.
_FALL_SIGMAS = 5.0
# A level's standard error by the delta method, times the root of the number of samples: half that of a mean
# square.
LEVEL_SD = 0.5
# What to do where the background does not give the level.
GIVE_SIGMA = (
    "give the noise level: sigma in the acquisition's row of the table, or t2.sigma for all. It is the "
    "standard deviation of one channel in the units of the data: in air, from an image of the same settings, "
    "root mean square of the magnitudes over 1.414; without air, standard deviation of the difference of two "
    "equal scans within the specimen over 1.414"
)

BACKGROUND = "background of the magnitude images"
BY_PHASE = "imaginary channel of phased complex data"


@dataclass(frozen=True)
class NoiseEstimate:
    """Noise level of a series and how far it can be believed.

    Parameters
    ----------
    sigma : float
        Standard deviation of the real and of the imaginary channel of one coil, in the units of the data.
    method : str
        How it was found.
    n_pixels : int
        Pixels used, each with all its echoes.
    n_coils : int
        Number of receiving coils that it was found for.
    rayleigh_ratio : float
        Mean over root mean square of the background; 0.886 for a Rayleigh distribution, 0.940 for two coils.
        NaN where no background was used.
    is_rayleigh : bool or None
        Whether that ratio agrees with magnitudes of `n_coils` coils (a Rayleigh distribution for one). None,
        here and below, where it was not examined.
    echoes_agree : bool or None
        Whether the levels of the single echoes agree with each other.
    is_even : bool or None
        Whether the levels of different parts of the image agree with each other.
    is_independent : bool or None
        Whether neighbouring pixels' noise is uncorrelated.
    unevenness : float
        Largest deviation of a part's level from the whole, as a fraction; NaN where it was not looked at.
    correlation : float
        Correlation of neighbouring background magnitudes; NaN where it was not looked at.
    sigma_per_echo : tuple of float
        The level from each echo alone.
    sigma_se : float
        Standard error of `sigma` by counting statistics.
    warnings : tuple of str
        What speaks against the estimate, in words.
    n_usable : int
        Pixels among which they were found.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import estimate_noise
    >>> noise = estimate_noise(np.random.default_rng(2).rayleigh(3.0, (5, 40, 40)))
    >>> noise.method, noise.is_rayleigh, noise.warnings
    ('background, Rayleigh (PIESNO)', True, ())
    """

    sigma: float
    method: str
    n_pixels: int
    n_coils: int
    rayleigh_ratio: float
    is_rayleigh: bool | None
    echoes_agree: bool | None
    is_even: bool | None
    is_independent: bool | None
    unevenness: float
    correlation: float
    sigma_per_echo: tuple[float, ...]
    sigma_se: float
    warnings: tuple[str, ...]
    n_usable: int

    @property
    def from_background(self) -> bool:
        """Whether it is the level of a background, not of the phase."""
        return not self.method.startswith(BY_PHASE)


def least_background(n_usable: int) -> float:
    """Pixels of background, among `n_usable`, from which it is no chance find."""
    return max(FEW_PIXELS, FEW_FRACTION * n_usable)


def differ(levels: Array, n_samples: int) -> bool:
    """Say whether echoes have different levels, which one noise has not, so that their median means nothing.

    Parameters
    ----------
    levels : ndarray, shape (n_echoes,)
        Level of each echo.
    n_samples : int
        Samples that each rests on.

    Returns
    -------
    bool
        Whether the median echo's is far above the lowest third's.
    """
    lowest = float(np.mean(np.sort(levels)[: -(-levels.size // 3)]))
    slack = _FALL_SIGMAS * LEVEL_SD / np.sqrt(n_samples)
    limit = UNUSABLE_LARGE_FALL if levels.max() > (LARGE_FALL + slack) * lowest else UNUSABLE_FALL
    return bool(np.median(levels) > (limit + slack) * lowest)


def trusted_sigma(noise: NoiseEstimate) -> float:
    """Return a level that may be fitted with.

    Parameters
    ----------
    noise : NoiseEstimate
        The estimate.

    Returns
    -------
    float
        Its sigma.

    Raises
    ------
    InputError
        If what was taken for background is so far from noise that its level means nothing: several coils
        taken for one, a background that the scanner has blanked, echoes of different levels as tissue has
        them, or no background at all.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import estimate_noise
    >>> data = np.random.default_rng(2).rayleigh(3.0, (5, 40, 40))
    >>> round(trusted_sigma(estimate_noise(data)), 1)
    3.0
    """
    expected = background_ratio(noise.n_coils)
    if abs(noise.rayleigh_ratio - expected) > UNUSABLE_RATIO:
        raise InputError(
            BACKGROUND,
            f"mean over rms {noise.rayleigh_ratio:.3f} where noise has {expected:.3f}: it was blanked, fills "
            "no part of the image, or several coils were combined",
            f"noise; else {GIVE_SIGMA}; for several coils also t2.model chi with their number (t2.n_coils)",
        )
    levels = np.array(noise.sigma_per_echo)
    if noise.from_background and differ(levels, noise.n_pixels * noise.n_coils):
        falls = levels[0] > levels[-1] and bool(np.all(levels[1:] < _RISE * levels[:-1]))
        other = "the echoes have different scales, or stripes (a spark) lie over too many of them"
        trend = "it falls as tissue does" if falls else other
        raise InputError(
            BACKGROUND,
            f"noise levels of single echoes from {levels.max():.4g} to {levels.min():.4g}, where noise has "
            f"one: {trend}",
            f"a part of the image without specimen; else {GIVE_SIGMA}",
        )
    return noise.sigma
