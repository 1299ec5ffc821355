"""The signal models of a T2 fit, in one registry.

A model says what likelihood the samples of a pixel have at a given T2, the other parameters profiled out, and
finds the best T2 and the other parameters. A new model is one more entry in :data:`MODELS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from spallmap.errors import InputError
from spallmap.relaxometry import kernels
from spallmap.relaxometry.rice import rice_information, rice_mean

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# Mean of a Rayleigh distribution: a magnitude image's floor in units of the noise's standard deviation.
RAYLEIGH_MEAN = float(np.sqrt(np.pi / 2.0))


@dataclass(frozen=True)
class Estimates:
    """What a model says of each pixel.

    Parameters
    ----------
    theta : ndarray, shape (n_pixels,)
        log of T2 in ms.
    first : ndarray, shape (n_pixels,)
        Signal at the first echo time, without offset, in units of sigma.
    offset : ndarray, shape (n_pixels,)
        Constant below the decay, in units of sigma.
    expected : ndarray, shape (n_pixels, n_echoes)
        Expected samples, in units of sigma.
    variance : ndarray, shape (n_pixels, n_echoes)
        Their variance, in units of sigma squared.
    information : ndarray, shape (n_pixels, n_echoes)
        Fisher information of each sample about its noiseless signal, in units of 1 / sigma squared.
    peak : ndarray, shape (n_pixels,)
        The profile's value at `theta`.
    converged : ndarray of bool, shape (n_pixels,)
        Whether the search for T2 ended.
    """

    theta: Array
    first: Array
    offset: Array
    expected: Array
    variance: Array
    information: Array
    peak: Array
    converged: Flags


Prepare = Callable[[NDArray[Any], Array], Array]
Profile = Callable[[Array, Array, Array], Array]
Estimate = Callable[[Array, Array, Array, Array, Array], Estimates]


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
    free_offset : bool
        Whether a constant is among the fitted parameters.
    prepare : callable
        ``(samples, te_ms) -> real samples``, before everything else; samples of shape (n_pixels, n_echoes) in
        units of sigma.
    profile : callable
        ``(prepared, te_ms, t2_grid_ms) -> (n_pixels, n_grid)`` log-likelihood, up to a constant per pixel.
    estimate : callable
        ``(prepared, te_ms, low, high, start) -> Estimates`` with the maximum of the profile between `low` and
        `high` (log T2, per pixel).
    """

    name: str
    summary: str
    n_parameters: int
    complex_data: bool
    free_offset: bool
    prepare: Prepare
    profile: Profile
    estimate: Estimate


def _basis(te_ms: Array, t2_ms: Array, centred: bool) -> Array:
    basis: Array = np.exp(-(te_ms - te_ms[0]) / t2_ms[:, None])
    return basis - basis.mean(axis=1, keepdims=True) if centred else basis


def _gaussian_profile(samples: Array, te_ms: Array, t2_grid_ms: Array, centred: bool) -> Array:
    y = samples - samples.mean(axis=1, keepdims=True) if centred else samples
    basis = _basis(te_ms, t2_grid_ms, centred)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    explained = np.maximum(y @ basis.T, 0.0) ** 2
    profile: Array = 0.5 * (explained - np.sum(y**2, axis=1, keepdims=True))
    return profile


def _gaussian_estimate(
    samples: Array, te_ms: Array, low: Array, high: Array, start: Array, centred: bool, floor: float
) -> Estimates:
    theta, converged = kernels.refine(samples, te_ms, low, high, start, False, centred)
    decay = _basis(te_ms, np.exp(theta), False)
    basis = _basis(te_ms, np.exp(theta), centred)
    y = samples - samples.mean(axis=1, keepdims=True) if centred else samples
    first = np.maximum(np.sum(y * basis, axis=1) / np.sum(basis**2, axis=1), 0.0)
    fitted = first[:, None] * decay
    constant = np.mean(samples - fitted, axis=1) if centred else np.zeros(len(samples))
    expected = fitted + constant[:, None]
    return Estimates(
        theta=theta,
        first=first,
        offset=constant + floor,
        expected=expected,
        variance=np.ones_like(samples),
        information=np.ones_like(samples),
        peak=-0.5 * np.sum((samples - expected) ** 2, axis=1),
        converged=converged,
    )


def _rician_estimate(samples: Array, te_ms: Array, low: Array, high: Array, start: Array) -> Estimates:
    theta, converged = kernels.refine(samples, te_ms, low, high, start, True, False)
    first = kernels.rice_amplitudes(samples, te_ms, theta)
    nu = first[:, None] * _basis(te_ms, np.exp(theta), False)
    mean = rice_mean(nu)
    return Estimates(
        theta=theta,
        first=first,
        offset=np.zeros(len(samples)),
        expected=mean,
        variance=2.0 + nu**2 - mean**2,
        information=rice_information(nu),
        peak=np.sum(np.log(special.i0e(samples * nu)) - 0.5 * (samples - nu) ** 2, axis=1),
        converged=converged,
    )


def _magnitudes(samples: NDArray[Any], te_ms: Array) -> Array:
    return np.ascontiguousarray(samples, dtype=np.float64)


def _above_floor(samples: NDArray[Any], te_ms: Array) -> Array:
    return np.ascontiguousarray(samples, dtype=np.float64) - RAYLEIGH_MEAN


# Step of the T2 grid on which the phase is sought, in log T2: the phase hardly depends on T2.
_PHASE_STEP = 0.25


def _phased(samples: NDArray[Any], te_ms: Array) -> Array:
    """Turn each pixel by its own phase, the same for all echoes, and keep the real channel.

    The phase is the maximum-likelihood one: that of the complex amplitude at the T2 that explains most.
    """
    span = te_ms[-1] - te_ms[0]
    grid = np.exp(np.arange(np.log(span / 50.0), np.log(span * 50.0), _PHASE_STEP))
    basis = _basis(te_ms, grid, False)
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    amplitudes = np.asarray(samples) @ basis.T
    best = np.argmax(np.abs(amplitudes), axis=1)
    phase = np.angle(amplitudes[np.arange(len(best)), best])
    return np.ascontiguousarray((samples * np.exp(-1j * phase)[:, None]).real)


def _plain_profile(samples: Array, te_ms: Array, t2_grid_ms: Array) -> Array:
    return _gaussian_profile(samples, te_ms, t2_grid_ms, centred=False)


def _centred_profile(samples: Array, te_ms: Array, t2_grid_ms: Array) -> Array:
    return _gaussian_profile(samples, te_ms, t2_grid_ms, centred=True)


def _floor_estimate(samples: Array, te_ms: Array, low: Array, high: Array, start: Array) -> Estimates:
    return _gaussian_estimate(samples, te_ms, low, high, start, centred=False, floor=RAYLEIGH_MEAN)


def _plain_estimate(samples: Array, te_ms: Array, low: Array, high: Array, start: Array) -> Estimates:
    return _gaussian_estimate(samples, te_ms, low, high, start, centred=False, floor=0.0)


def _centred_estimate(samples: Array, te_ms: Array, low: Array, high: Array, start: Array) -> Estimates:
    return _gaussian_estimate(samples, te_ms, low, high, start, centred=True, floor=0.0)


MODELS: dict[str, SignalModel] = {
    model.name: model
    for model in (
        SignalModel(
            name="offset",
            summary="s0 exp(-te / T2) + 1.253 sigma, least squares: the constant is the mean of pure noise",
            n_parameters=2,
            complex_data=False,
            free_offset=False,
            prepare=_above_floor,
            profile=_plain_profile,
            estimate=_floor_estimate,
        ),
        SignalModel(
            name="free_offset",
            summary="s0 exp(-te / T2) + c with c fitted, least squares",
            n_parameters=3,
            complex_data=False,
            free_offset=True,
            prepare=_magnitudes,
            profile=_centred_profile,
            estimate=_centred_estimate,
        ),
        SignalModel(
            name="rician",
            summary="s0 exp(-te / T2) seen through the Rice distribution of single-coil magnitudes",
            n_parameters=2,
            complex_data=False,
            free_offset=False,
            prepare=_magnitudes,
            profile=kernels.rice_profile,
            estimate=_rician_estimate,
        ),
        SignalModel(
            name="complex",
            summary="s0 exp(-te / T2) in the real channel of complex data, each pixel's phase removed",
            n_parameters=2,
            complex_data=True,
            free_offset=False,
            prepare=_phased,
            profile=_plain_profile,
            estimate=_plain_estimate,
        ),
    )
}


def get_model(name: str) -> SignalModel:
    """Look a model up.

    Parameters
    ----------
    name : str
        Its key in :data:`MODELS`.

    Returns
    -------
    SignalModel
        The entry.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in MODELS:
        raise InputError("t2.model", repr(name), " or ".join(MODELS))
    return MODELS[name]
