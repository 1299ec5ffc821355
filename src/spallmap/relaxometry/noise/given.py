"""A noise level that was given, where no residuals can speak against it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spallmap.errors import DataWarning
from spallmap.relaxometry.fit_result import T2Fit
from spallmap.relaxometry.noise.chi_square import MIN_PIXELS, residuals_of

# Signal only adds to noise: of all pixels at most this fraction is weaker than that quantile of pure noise.
_QUANTILE = 0.01
# From this fraction on the level is doubted. Where half of the image is empty a level three times too large
# leaves 0.2 or more.
_MOST_BELOW = 0.1
# Residuals of at least this fraction of pure noise's bear a level out, whatever the background is: it may
# have been blanked, which is why the level was given.
_BORNE_OUT = 0.8


def given_warnings(echoes: NDArray[Any], fit: T2Fit) -> tuple[DataWarning, ...]:
    """Report that a given noise level is larger than the samples allow.

    With a level that is far too large no pixel has a signal: the map is empty, and has no residuals.

    Parameters
    ----------
    echoes : ndarray, shape (n_echoes, ...)
        The series that was fitted.
    fit : T2Fit
        Its maps, made with a level that was given.

    Returns
    -------
    tuple of DataWarning
        One, or none.
    """
    found = residuals_of(fit)
    if found.n_pixels >= MIN_PIXELS and found.ratio >= _BORNE_OUT:
        return ()
    pixels = np.abs(echoes.reshape(len(echoes), -1)).astype(np.float64)
    pixels = pixels[:, np.all(np.isfinite(pixels), axis=0) & np.any(pixels != 0.0, axis=0)]
    if pixels.shape[1] < MIN_PIXELS:
        return ()
    squares = np.sum((pixels / fit.sigma) ** 2, axis=0) / 2.0
    below = squares < special.gammaincinv(len(pixels) * fit.n_coils, _QUANTILE)
    if np.mean(below) <= _MOST_BELOW:
        return ()
    return (
        DataWarning(
            "noise of the echoes",
            f"{100.0 * np.mean(below):.0f} % of the pixels are weaker than the given noise level "
            f"{fit.sigma:.4g} leaves them: it looks too large",
            "it was used all the same; see that it has the units and the scale of this acquisition",
        ),
    )
