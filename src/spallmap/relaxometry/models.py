"""The signal models of a T2 fit, in one registry.

A model says what likelihood the samples of a pixel have at a given T2, the other parameters profiled out, and
fits blocks of pixels. A new model is one more entry in :data:`MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.errors import InputError
from spallmap.relaxometry.bessel import MAX_COILS, bessel_table
from spallmap.relaxometry.least_squares import fit_least_squares
from spallmap.relaxometry.likelihood import fit_magnitudes
from spallmap.relaxometry.phase import phased, unit_decays
from spallmap.relaxometry.profile import magnitude_profile
from spallmap.relaxometry.rice import RAYLEIGH_MEAN, moment_table
from spallmap.relaxometry.status import SATURATED
from spallmap.relaxometry.t2_grid import Search

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """What a block of pixels is fitted with.

    Parameters
    ----------
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    search : Search
        The grid over T2.
    scale : float
        Standard deviation of the noise of one channel, in the units of the data.
    min_snr, saturation : float
        See :func:`spallmap.relaxometry.fit.fit_t2`; infinite saturation for none.
    intervals : bool
        Whether to find the ends of the 95 % intervals.
    correct_bias : bool
        Whether the models of magnitudes take the second-order bias off T2.
    """

    te_ms: Array
    search: Search
    scale: float
    min_snr: float
    saturation: float
    intervals: bool
    correct_bias: bool


Fit = Callable[["SignalModel", NDArray[Any], NDArray[np.int32], Array, Block, Array], None]
Prepare = Callable[[NDArray[Any], Array], Array]
Profile = Callable[["SignalModel", Array, Array, Array], Array]


@dataclass(frozen=True)
class SignalModel:
    """One way to read a decay.

    Parameters
    ----------
    name : str
        Its key in :data:`MODELS` and in the configuration.
    summary : str
        What it assumes.
    n_parameters : int
        How many are fitted to each pixel's real samples.
    complex_data : bool
        Whether it needs complex samples; the others need magnitudes.
    prepare : callable
        ``(samples, te_ms) -> real samples``; samples of shape (n_pixels, n_echoes) in units of sigma.
    profiler : callable
        ``(model, prepared, te_ms, t2_grid_ms) -> (n_pixels, n_grid)``; see :meth:`profile`.
    fitter : callable
        ``(model, samples, status, out, block, misfits)``; see :meth:`fit`.
    n_coils : int
        How many receiving coils' squared magnitudes were summed.

    Examples
    --------
    >>> from spallmap.relaxometry import MODELS
    >>> sorted(MODELS)
    ['chi', 'complex', 'free_offset', 'offset', 'rician']
    >>> MODELS["free_offset"].n_parameters, MODELS["complex"].complex_data
    (3, True)
    """

    name: str
    summary: str
    n_parameters: int
    complex_data: bool
    prepare: Prepare
    profiler: Profile
    fitter: Fit
    n_coils: int = 1

    @property
    def least_squares(self) -> bool:
        """Whether magnitudes are taken as Gaussian about the signal and a floor."""
        return not self.complex_data and self.fitter is not _fit_magnitudes

    def profile(self, prepared: Array, te_ms: Array, t2_grid_ms: Array) -> Array:
        """Log-likelihood over T2, the other parameters profiled out, up to a constant per pixel.

        Parameters
        ----------
        prepared : ndarray, shape (n_pixels, n_echoes)
            As :attr:`prepare` returns them.
        te_ms : ndarray, shape (n_echoes,)
            Rising echo times.
        t2_grid_ms : ndarray, shape (n_grid,)
            Where to evaluate.

        Returns
        -------
        ndarray, shape (n_pixels, n_grid)
            The profile.
        """
        return self.profiler(self, prepared, te_ms, t2_grid_ms)

    def fit(
        self,
        samples: NDArray[Any],
        status: NDArray[np.int32],
        out: Array,
        block: Block,
        misfits: Array,
    ) -> None:
        """Fit every pixel of a block whose status is OK.

        Parameters
        ----------
        samples : ndarray, shape (n_echoes, n_pixels)
            In the units of the data.
        status : ndarray of int32, shape (n_pixels,)
            Overwritten with how each fit ended.
        out : ndarray, shape (11, n_pixels)
            Filled; rows as numbered in :mod:`spallmap.relaxometry.t2_grid`.
        block : Block
            Echo times, grid, noise and options.
        misfits : ndarray, shape (n_pixels,)
            By how much the variance of a pixel's samples is taken to be larger than the noise, 1 or more.
        """
        self.fitter(self, samples, status, out, block, misfits)


def _plain_profile(model: SignalModel, prepared: Array, te_ms: Array, t2_grid_ms: Array) -> Array:
    explained = np.maximum(prepared @ unit_decays(te_ms, t2_grid_ms).T, 0.0) ** 2
    profile: Array = 0.5 * (explained - np.sum(prepared**2, axis=1, keepdims=True))
    return profile


def _centred_profile(model: SignalModel, prepared: Array, te_ms: Array, t2_grid_ms: Array) -> Array:
    mean = prepared.mean(axis=1, keepdims=True)
    y = prepared - mean
    along = np.maximum(y @ unit_decays(te_ms, t2_grid_ms, centred=True).T, 0.0)
    profile: Array = 0.5 * (along**2 - np.sum(y**2, axis=1, keepdims=True))
    # a constant below 0 is held at 0
    held = mean < along * _decay_means(te_ms, t2_grid_ms)
    if np.any(held):
        profile = np.where(held, _plain_profile(model, prepared, te_ms, t2_grid_ms), profile)
    return profile


def _decay_means(te_ms: Array, t2_grid_ms: Array) -> Array:
    """Mean of each decay over its length once the mean is off."""
    decays = np.exp(-(te_ms - te_ms[0]) / t2_grid_ms[:, None])
    mean = decays.mean(axis=1)
    ratio: Array = mean / np.linalg.norm(decays - mean[:, None], axis=1)
    return ratio


def _magnitude_profile(model: SignalModel, prepared: Array, te_ms: Array, t2_grid_ms: Array) -> Array:
    table = bessel_table(model.n_coils)
    found: Array = magnitude_profile(prepared, te_ms, np.log(t2_grid_ms), table, model.n_coils)
    return found


def _least_squares(
    samples: NDArray[Any],
    status: NDArray[np.int32],
    out: Array,
    block: Block,
    misfits: Array,
    *,
    centred: bool,
    floor: float,
    signed: bool = False,
) -> None:
    t2_ms = np.exp(block.search.theta)
    plain = np.ascontiguousarray(unit_decays(block.te_ms, t2_ms).T)
    basis = np.ascontiguousarray(unit_decays(block.te_ms, t2_ms, centred=True).T) if centred else plain
    fit_least_squares(
        np.ascontiguousarray(samples, dtype=np.float64),
        status,
        out,
        misfits,
        block.te_ms,
        basis,
        plain,
        _decay_means(block.te_ms, t2_ms) if centred else np.zeros(t2_ms.size),
        block.search,
        centred,
        block.scale,
        floor,
        signed,
        block.min_snr,
        block.saturation,
        block.intervals,
    )


def _fit_offset(
    model: SignalModel,
    samples: NDArray[Any],
    status: NDArray[np.int32],
    out: Array,
    block: Block,
    misfits: Array,
) -> None:
    _least_squares(samples, status, out, block, misfits, centred=False, floor=RAYLEIGH_MEAN)


def _fit_free_offset(
    model: SignalModel,
    samples: NDArray[Any],
    status: NDArray[np.int32],
    out: Array,
    block: Block,
    misfits: Array,
) -> None:
    _least_squares(samples, status, out, block, misfits, centred=True, floor=0.0)


def _fit_complex(
    model: SignalModel,
    samples: NDArray[Any],
    status: NDArray[np.int32],
    out: Array,
    block: Block,
    misfits: Array,
) -> None:
    if np.isfinite(block.saturation):
        status[(status == 0) & np.any(np.abs(samples) >= block.saturation, axis=0)] = SATURATED
    phased = model.prepare(samples.T, block.te_ms).T
    _least_squares(
        phased, status, out, replace(block, saturation=np.inf), misfits, centred=False, floor=0.0, signed=True
    )


def _fit_magnitudes(
    model: SignalModel,
    samples: NDArray[Any],
    status: NDArray[np.int32],
    out: Array,
    block: Block,
    misfits: Array,
) -> None:
    fit_magnitudes(
        np.ascontiguousarray(samples, dtype=np.float64),
        status,
        out,
        misfits,
        block.te_ms,
        block.search,
        bessel_table(model.n_coils),
        moment_table(model.n_coils),
        model.n_coils,
        block.scale,
        block.min_snr,
        block.saturation,
        block.intervals,
        block.correct_bias,
    )


def _magnitudes(samples: NDArray[Any], te_ms: Array) -> Array:
    return np.ascontiguousarray(samples, dtype=np.float64)


def _above_floor(samples: NDArray[Any], te_ms: Array) -> Array:
    return np.ascontiguousarray(samples, dtype=np.float64) - RAYLEIGH_MEAN


def _real_channel(samples: NDArray[Any], te_ms: Array) -> Array:
    return np.ascontiguousarray(phased(samples, te_ms).real)


MODELS: dict[str, SignalModel] = {
    model.name: model
    for model in (
        SignalModel(
            name="offset",
            summary="s0 exp(-te / T2) + 1.253 sigma, least squares: the constant is the mean of pure noise",
            n_parameters=2,
            complex_data=False,
            prepare=_above_floor,
            profiler=_plain_profile,
            fitter=_fit_offset,
        ),
        SignalModel(
            name="free_offset",
            summary="s0 exp(-te / T2) + c with c fitted, 0 or more, least squares",
            n_parameters=3,
            complex_data=False,
            prepare=_magnitudes,
            profiler=_centred_profile,
            fitter=_fit_free_offset,
        ),
        SignalModel(
            name="rician",
            summary="s0 exp(-te / T2) seen through the Rice distribution of single-coil magnitudes",
            n_parameters=2,
            complex_data=False,
            prepare=_magnitudes,
            profiler=_magnitude_profile,
            fitter=_fit_magnitudes,
        ),
        SignalModel(
            name="chi",
            summary="s0 exp(-te / T2) seen through the non-central chi distribution of several coils",
            n_parameters=2,
            complex_data=False,
            prepare=_magnitudes,
            profiler=_magnitude_profile,
            fitter=_fit_magnitudes,
        ),
        SignalModel(
            name="complex",
            summary="s0 exp(-te / T2) in the real channel of complex data, each pixel's phase removed",
            n_parameters=2,
            complex_data=True,
            prepare=_real_channel,
            profiler=_plain_profile,
            fitter=_fit_complex,
        ),
    )
}


def get_model(name: str, n_coils: int = 1) -> SignalModel:
    """Look a model up.

    Parameters
    ----------
    name : str
        Its key in :data:`MODELS`.
    n_coils : int
        Number of receiving coils whose squared magnitudes were summed; only ``chi`` takes more than one.

    Returns
    -------
    SignalModel
        The entry.

    Raises
    ------
    InputError
        If there is none of that name, or it does not take that many coils.

    Examples
    --------
    >>> get_model("chi", 8).n_coils
    8
    >>> get_model("rician").summary
    's0 exp(-te / T2) seen through the Rice distribution of single-coil magnitudes'
    """
    if name not in MODELS:
        raise InputError("t2.model", repr(name), " or ".join(MODELS))
    most = MAX_COILS if name == "chi" else 1
    if not 1 <= n_coils <= most:
        allowed = f"1 to {most} for model {name}" if most > 1 else f"1 for model {name}; chi takes several"
        raise InputError("t2.n_coils", str(n_coils), allowed)
    return replace(MODELS[name], n_coils=int(n_coils))
