"""What a T2 fit returns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spallmap.relaxometry.status import FitStatus

Array = NDArray[np.float64]

__all__ = ["CHANNELS", "INTERVAL_CHANNELS", "FitStatus", "T2Fit"]

# The maps of a fit, in the order of the result file.
CHANNELS = ("t2_ms", "t2_se_ms", "s0", "s0_se", "offset", "p_long", "chi2_reduced", "snr", "status")

# The ends of the 95 % interval of T2, in the order of their result file.
INTERVAL_CHANNELS = ("t2_low_ms", "t2_high_ms")


@dataclass(frozen=True)
class T2Fit:
    """T2 and what is known about it, pixel by pixel.

    All arrays have the shape of one echo. A pixel whose status is ``SATURATED``, ``INVALID`` or ``MASKED`` is
    NaN everywhere.

    Parameters
    ----------
    t2_ms, t2_se_ms : ndarray
        T2 and its standard error, from the Fisher information of the fitted model and its misfit.
    s0, s0_se : ndarray
        Amplitude at echo time 0 and its standard error, in the units of the data.
    offset : ndarray
        Constant below the decay, fitted or fixed by the model; 0 where the model has none.
    p_long : ndarray
        Probability that T2 is above `long_ms`.
    chi2_reduced : ndarray
        Sum of squared residuals over their expected variance, per degree of freedom; NaN without any.
    snr : ndarray
        Fitted signal at the first echo over `sigma`.
    status : ndarray of int32
        :class:`FitStatus` codes.
    model : str
        Name of the model.
    sigma : float
        Noise level used.
    te_ms : tuple of float
        Echo times, rising.
    long_ms : float
        What counts as a long T2.
    t2_bounds_ms : tuple of float
        Where T2 was sought.
    n_coils : int
        Number of receiving coils.
    t2_low_ms, t2_high_ms : ndarray or None
        Ends of the 95 % interval of T2, where the profile likelihood has fallen by 1.92; 0 or infinite where
        it does not fall so far between the bounds of the search. None unless asked for.
    misfit : ndarray or None
        By how much the variance of a pixel's samples was taken to be larger than the noise, 1 or more:
        standard errors, intervals and `p_long` hold it.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.relaxometry import fit_t2
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> fit = fit_t2(100.0 * np.exp(-np.array(te_ms)[:, None] / 9.0), te_ms, sigma=1e-3)
    >>> bool(fit.ok[0]), fit.status.tolist()
    (True, [0])
    >>> fit.stack(("t2_ms", "s0")).round(3).tolist()
    [[9.0], [100.0]]
    """

    t2_ms: Array
    t2_se_ms: Array
    s0: Array
    s0_se: Array
    offset: Array
    p_long: Array
    chi2_reduced: Array
    snr: Array
    status: NDArray[np.int32]
    model: str
    sigma: float
    te_ms: tuple[float, ...]
    long_ms: float
    t2_bounds_ms: tuple[float, float]
    n_coils: int = 1
    t2_low_ms: Array | None = None
    t2_high_ms: Array | None = None
    misfit: Array | None = None

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Pixels whose values may be used."""
        usable: NDArray[np.bool_] = self.status == FitStatus.OK
        return usable

    def stack(self, names: Sequence[str]) -> NDArray[np.float32]:
        """Return maps by name as one float32 array, shape (n_names, ...)."""
        return np.stack([getattr(self, name) for name in names]).astype(np.float32)
