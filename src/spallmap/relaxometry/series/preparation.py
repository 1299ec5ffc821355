"""What has to be known of a series before its decays are fitted: from its sampling to its gains."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from spallmap.errors import DataWarning
from spallmap.relaxometry.first_echo import FirstEcho, examine_first_echo
from spallmap.relaxometry.models import SignalModel, get_model
from spallmap.relaxometry.noise import NoiseEstimate, estimate_noise, found_sampling, trusted_sigma
from spallmap.relaxometry.noise.background import NEIGHBOURS
from spallmap.relaxometry.samples import check_content, clipped_pixels, drop_first, usable_series, without
from spallmap.relaxometry.series.echo_shift import EchoShift, examine_shifts
from spallmap.relaxometry.series.gain_drift import GainDrift, examine_gains
from spallmap.relaxometry.series.spoiled import Spoiled, spoiled_pixels, striped_echoes
from spallmap.sampling import AcquiredSampling

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PreparedSeries:
    """A series, ready to be fitted, and what is known of it.

    Parameters
    ----------
    model : SignalModel
        Which reads it.
    every, every_te_ms : ndarray
        All echoes, by rising echo time, moved back to where the first is, the gains taken off.
    samples, te_ms : ndarray
        Those that are fitted, with the times at which they are.
    clipped_by_echo : ndarray of bool or None
        Samples that were cut off, by rising echo time.
    sigma : float
        Noise per channel.
    noise : NoiseEstimate or None
        Where it comes from; None where it was given.
    sampling : AcquiredSampling
        How finely the image was acquired.
    first : FirstEcho
        What is done with the first echo.
    drift : GainDrift
        The gains that were taken off.
    shift : EchoShift
        How far all echoes were moved, delivered pixels.
    spoiled : Spoiled
        What was left out.
    striped_te_ms : tuple of float
        Echo times of the echoes that were left out for their stripes.
    warnings : tuple of DataWarning
        About what was left out.
    """

    model: SignalModel
    every: NDArray[Any]
    every_te_ms: Array
    samples: NDArray[Any]
    te_ms: Array
    clipped_by_echo: Flags | None
    sigma: float
    noise: NoiseEstimate | None
    sampling: AcquiredSampling
    first: FirstEcho
    drift: GainDrift
    shift: EchoShift
    spoiled: Spoiled
    striped_te_ms: tuple[float, ...]
    warnings: tuple[DataWarning, ...]

    def cut_off_of(self, n_echoes: int) -> Flags:
        """Pixels with a clipped sample among the latest `n_echoes`."""
        return clipped_pixels(self.clipped_by_echo, self.every.shape, self.every_te_ms.tolist(), n_echoes)

    @property
    def cut_off(self) -> Flags:
        """Pixels with a clipped sample among what is fitted."""
        return self.cut_off_of(self.te_ms.size)

    @property
    def whole(self) -> NDArray[Any]:
        """What is fitted, with NaN in the pixels that were cut off or spoiled."""
        return without(self.samples, self.cut_off | self.spoiled.pixels)

    @property
    def mask(self) -> Flags:
        """Pixels that may be fitted."""
        return ~self.spoiled.pixels


def prepare_series(
    echoes: ArrayLike,
    te_ms: Sequence[float],
    *,
    model: str = "rician",
    sigma: float | None = None,
    n_coils: int = 1,
    skip_echoes: int = 0,
    saturation: float | None = None,
    clipped: Flags | None = None,
    train: str = "unknown",
    parameters: AcquiredSampling | None = None,
    threads: int | None = None,
) -> PreparedSeries:
    """Find out what has to be known before the decays of a series are fitted.

    Noise, positions, first echo and gains are asked of every so many pixels, whose noise is independent.

    Parameters
    ----------
    echoes, te_ms, model, sigma, n_coils, skip_echoes, saturation, clipped, train, threads
        As for :func:`spallmap.relaxometry.analyse_series`.
    parameters : AcquiredSampling, optional
        What the acquisition's parameters say of its sampling.

    Returns
    -------
    PreparedSeries
        The series and what is known of it.

    Raises
    ------
    InputError
        If the series or a setting cannot be used, an echo holds no measurement, or no noise level is given
        and the background gives none that can be trusted.

    Examples
    --------
    >>> rng = np.random.default_rng(5)
    >>> te_ms = (2.0, 6.0, 10.0, 14.0, 18.0)
    >>> prepared = prepare_series(rng.rayleigh(size=(5, 40, 40)), te_ms)
    >>> prepared.sampling.is_plain, prepared.drift.is_taken_off, round(prepared.sigma, 1)
    (True, False, 1.0)
    """
    chosen = get_model(model, n_coils)
    every, every_te = usable_series(echoes, te_ms, chosen)
    by_echo = None
    if clipped is not None:
        clipped_pixels(clipped, np.shape(echoes), te_ms, every_te.size)
        by_echo = np.asarray(clipped, dtype=bool)[np.argsort(np.asarray(te_ms), kind="stable")]

    def cut_off(n_used: int) -> Flags:
        return clipped_pixels(by_echo, every.shape, every_te.tolist(), n_used)

    used, used_te = drop_first(every, every_te, skip_echoes, chosen)
    check_content(used, used_te)
    n_left_out = every_te.size - used_te.size
    striped = striped_echoes(without(used, cut_off(used_te.size))) if used.ndim > 2 else ()
    if striped:
        kept = np.ones(every_te.size, dtype=bool)
        kept[[n_left_out + k for k in striped]] = False
        if np.unique(every_te[kept][n_left_out:]).size <= chosen.n_parameters:
            striped = ()
        else:
            times = used_te.tolist()
            every, every_te = every[kept], every_te[kept]
            by_echo = None if by_echo is None else by_echo[kept]
            used, used_te = drop_first(every, every_te, skip_echoes, chosen)
    sampling = found_sampling(without(used, cut_off(used_te.size)), chosen.n_coils, parameters)
    n_alike = sampling.at_steps().n_alike

    def thinned(values: NDArray[Any]) -> NDArray[Any]:
        """Every so many pixels, which hold all that was acquired."""
        every_nth: Any = (..., *(slice(None, None, n) for n in sampling.steps))
        taken: NDArray[Any] = values[every_nth]
        return taken

    noise = None
    if sigma is None:
        noise = estimate_noise(thinned(without(used, cut_off(used_te.size))), chosen.n_coils, used_te)
        sigma = trusted_sigma(noise)
        if not sampling.is_plain:
            # that neighbours share their noise is then known, and counted
            said = tuple(warning for warning in noise.warnings if not warning.startswith(NEIGHBOURS))
            noise = replace(noise, warnings=said, sigma_se=noise.sigma_se * float(np.sqrt(n_alike)))
    spoiled = Spoiled((), 0, 0, False, np.zeros(used.shape[1:], dtype=bool))
    if used.ndim > 2:
        spoiled = spoiled_pixels(used, sigma, sampling.steps)
    spoiled = replace(spoiled, striped=striped)

    shift = examine_shifts(
        thinned(used),
        used_te.tolist(),
        sigma,
        n_coils=chosen.n_coils,
        n_alike=n_alike,
        mask=thinned(~cut_off(used_te.size) & ~spoiled.pixels),
    ).of_delivered(every_te.size, sampling.steps)
    every = shift.without(every)
    if by_echo is not None and shift.is_moved_back:
        # a sample that was cut off moves into its neighbours
        by_echo = ndimage.binary_dilation(by_echo, np.ones((1,) * (by_echo.ndim - 2) + (3, 3), dtype=bool))

    def examined(series: NDArray[Any]) -> FirstEcho:
        return examine_first_echo(
            thinned(series),
            every_te,
            chosen,
            sigma,
            train=train,
            skip_echoes=skip_echoes,
            mask=thinned(~cut_off(every_te.size) & ~spoiled.pixels),
            saturation=saturation,
            threads=threads,
        )

    first = examined(every)
    used, used_te = first.used_series(every, every_te, chosen)
    drift = examine_gains(
        thinned(used),
        used_te,
        chosen,
        sigma,
        n_alike=n_alike,
        mask=thinned(~cut_off(used_te.size) & ~spoiled.pixels),
        threads=threads,
    )
    if drift.is_taken_off:
        left_out = (1.0,) * (every_te.size - used_te.size)
        every = GainDrift((*left_out, *drift.gains)).without(every)
        if first.used == "keep":
            first = examined(every)
        used, used_te = first.used_series(every, every_te, chosen)
    return PreparedSeries(
        chosen,
        every,
        every_te,
        used,
        used_te,
        by_echo,
        sigma,
        noise,
        sampling,
        first,
        drift,
        shift,
        spoiled,
        tuple(times[k] for k in striped),
        spoiled.warnings(times if striped else ()),
    )
