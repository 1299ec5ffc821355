"""Unit decays over a grid of T2, and the phase of complex pixels by means of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Step of the T2 grid on which the phase is sought, in log T2: the phase hardly depends on T2.
_PHASE_STEP = 0.25


def unit_decays(te_ms: Array, t2_ms: Array, centred: bool = False) -> Array:
    """Decays over a grid of T2, of unit length.

    Parameters
    ----------
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.
    t2_ms : ndarray, shape (n_grid,)
        The grid.
    centred : bool
        Take the mean over the echoes off each.

    Returns
    -------
    ndarray, shape (n_grid, n_echoes)
        The decays.
    """
    basis: Array = np.exp(-(te_ms - te_ms[0]) / t2_ms[:, None])
    if centred:
        basis = basis - basis.mean(axis=1, keepdims=True)
    unit: Array = basis / np.linalg.norm(basis, axis=1, keepdims=True)
    return unit


def phased(samples: NDArray[Any], te_ms: Array) -> NDArray[np.complex128]:
    """Rotate each pixel by its own phase, the same for all echoes.

    The phase is the maximum-likelihood one: that of the complex amplitude at the T2 that explains most.

    Parameters
    ----------
    samples : ndarray of complex, shape (n_pixels, n_echoes)
        The pixels.
    te_ms : ndarray, shape (n_echoes,)
        Rising echo times.

    Returns
    -------
    ndarray of complex, shape (n_pixels, n_echoes)
        Signal in the real channel, noise in both.
    """
    span = te_ms[-1] - te_ms[0]
    grid = np.exp(np.arange(np.log(span / 50.0), np.log(span * 50.0), _PHASE_STEP))
    amplitudes = np.asarray(samples, dtype=np.complex128) @ unit_decays(te_ms, grid).T
    best = np.argmax(np.abs(amplitudes), axis=1)
    phase = np.angle(amplitudes[np.arange(len(best)), best])
    rotated: NDArray[np.complex128] = samples * np.exp(-1j * phase)[:, None]
    return rotated
