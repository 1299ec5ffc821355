"""Trains of imperfectly refocused echoes, simulated by extended phase graphs.

What is drawn here shares no formula with what is tested: the library knows nothing of refocusing angles.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]

# Samples along a row and along a column for each pixel of a drawn cell.
FINE = 6


def refocusing_weights(n_echoes: int, angle_deg: float) -> Array:
    """Fractions of the magnetisation that reach each echo after each number of spacings spent transverse.

    Configurations of dephasing order k are carried through the pulses (Hennig, Multiecho imaging sequences
    with low refocusing flip angles, J. Magn. Reson. 78 (1988) 397), T1 taken as infinite. What was stored
    along the field has not decayed with T2, so that each configuration is a polynomial in the decay of half a
    spacing; an echo always took whole ones.

    Parameters
    ----------
    n_echoes : int
        Length of the train; the excitation is perfect and the pulses fulfil the Carr-Purcell-Meiboom-Gill
        condition.
    angle_deg : float
        Flip angle of the refocusing pulses.

    Returns
    -------
    ndarray, shape (n_echoes, n_echoes)
        ``weights @ exp(-spacing * arange(1, n_echoes + 1) / T2)`` are the echoes of the train.
    """
    angle = np.deg2rad(angle_deg)
    cos2, sin2 = np.cos(angle / 2.0) ** 2, np.sin(angle / 2.0) ** 2
    # rows: dephasing order; columns: half spacings spent transverse
    shape = n_echoes + 2, 2 * n_echoes + 2
    plus, minus, along = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    plus[0, 0] = minus[0, 0] = 1.0

    def dephase(plus: Array, minus: Array) -> tuple[Array, Array]:
        later = np.zeros_like(plus), np.zeros_like(minus)
        later[0][1:, 1:] = plus[:-1, :-1]
        later[1][:-1, 1:] = minus[1:, :-1]
        later[0][0] = later[1][0]
        return later

    weights = np.zeros((n_echoes, n_echoes))
    for echo in range(n_echoes):
        plus, minus = dephase(plus, minus)
        plus, minus, along = (
            cos2 * plus + sin2 * minus + np.sin(angle) * along,
            sin2 * plus + cos2 * minus - np.sin(angle) * along,
            0.5 * np.sin(angle) * (minus - plus) + np.cos(angle) * along,
        )
        plus, minus = dephase(plus, minus)
        weights[echo] = plus[0, 2::2][:n_echoes]
    return weights


def refocused_train(
    separate: NDArray[np.complex128] | Array, angle_deg: float | Array
) -> NDArray[np.generic]:
    """Make a train of what separate, perfect spin echoes at the same equally spaced times would be.

    Parameters
    ----------
    separate : ndarray, shape (n_echoes, ...)
        Noiseless echoes at 1, 2, 3 ... spacings: any mixture of decays in every pixel.
    angle_deg : float or ndarray, shape of one echo
        Flip angle of the refocusing pulses, from place to place.

    Returns
    -------
    ndarray, shape (n_echoes, ...)
        Echoes of the train.
    """
    n, angles = len(separate), np.asarray(angle_deg, dtype=np.float64)
    if angles.ndim == 0:
        return np.tensordot(refocusing_weights(n, float(angles)), separate, axes=1)
    # even in the angle to a quarter of a degree
    steps, at = np.unique(np.round(4.0 * angles) / 4.0, return_inverse=True)
    tables = np.array([refocusing_weights(n, step) for step in steps])
    train: NDArray[np.generic] = np.einsum("pij,jp->ip", tables[at.ravel()], separate.reshape(n, -1))
    return train.reshape(separate.shape)


def draw_cell(
    rng: np.random.Generator,
    te_ms: Array,
    electrode_snr: float,
    dendrite_snr: float | None,
    *,
    t2_ms: tuple[float, float] = (8.0, 16.0),
    shape: tuple[int, int] = (64, 48),
) -> tuple[NDArray[np.complex128], NDArray[np.bool_], NDArray[np.bool_]]:
    """Draw two rough electrodes with voids and, if wanted, a dendrite of some 15 pixels, sampled in k-space.

    Parameters
    ----------
    rng : numpy.random.Generator
        Decides the shapes.
    te_ms : ndarray, shape (n_echoes,)
        Echo times.
    electrode_snr : float
        Median over the electrodes of the signal at 2 ms, over sigma.
    dendrite_snr : float or None
        Mean over the dendrite's brightest 15 pixels of its signal at echo time 0, over sigma.
    t2_ms : tuple of float
        T2 of electrodes, with a smooth variation of 5 %, and dendrite.
    shape : tuple of int
        Rows and columns.

    Returns
    -------
    echoes : ndarray of complex, shape (n_echoes, ny, nx)
        Perfect separate spin echoes in units of sigma, without noise.
    dendrite, electrode : ndarray of bool, shape (ny, nx)
        Pixels in which either prevails.
    """
    ny, nx = shape[0] * FINE, shape[1] * FINE
    y, x = np.mgrid[:ny, :nx] / FINE
    smooth = ndimage.zoom(rng.normal(size=(10, 8)), (ny / 10, nx / 8), order=3)[:ny, :nx]
    t2 = t2_ms[0] * (1.0 + 0.05 * smooth)
    metal, dendrite = np.zeros((ny, nx)), np.zeros((ny, nx))
    for middle in (0.35 * shape[0], 0.68 * shape[0]):
        left, right = shape[1] * rng.uniform(0.25, 0.32), shape[1] * rng.uniform(0.68, 0.75)
        rough = ndimage.gaussian_filter1d(rng.normal(size=nx), 1.5 * FINE) * 0.7 * FINE
        centre, height = middle + rng.uniform(-0.15, 0.15) * (x - x.mean()) + rough, rng.uniform(3.5, 5.0)
        inside = (np.abs(y - centre) < height / 2.0) & (x > left) & (x < right)
        metal += inside * (0.4 + 1.5 * np.exp(-2.0 * ndimage.distance_transform_edt(inside) / FINE))
        if dendrite_snr is not None and not dendrite.any():
            start, length = rng.uniform(left + 1.0, right - 8.0), rng.uniform(4.0, 8.0)
            drop = rng.uniform(1.5, 4.0)
            for along in np.linspace(0.0, 1.0, 200):
                column = int((start + length * along) * FINE)
                row = centre[0, column] + height / 2.0 + 0.3 + drop * np.sin(0.8 * np.pi * along)
                dendrite[int(row * FINE) : int((row + rng.uniform(1.2, 2.0)) * FINE), column] = 1.0
    voids = ndimage.gaussian_filter(rng.normal(size=(ny, nx)), 0.8 * FINE)
    metal *= np.clip(1.0 - 0.3 * np.maximum(voids / voids.std() - 0.5, 0.0), 0.2, 1.0)
    seen = _sampled(metal, shape).real
    metal *= electrode_snr * np.exp(2.0 / t2_ms[0]) / np.median(seen[seen > 0.3 * seen.max()])
    if dendrite_snr is not None:
        dendrite = ndimage.gaussian_filter(dendrite * (metal == 0.0), 0.4 * FINE)
        dendrite *= dendrite_snr / np.mean(np.sort(_sampled(dendrite, shape).real.ravel())[-15:])
    echoes = [_sampled(metal * np.exp(-te / t2) + dendrite * np.exp(-te / t2_ms[1]), shape) for te in te_ms]
    of_metal, of_dendrite = _sampled(metal, shape).real, _sampled(dendrite, shape).real
    prevails = (of_dendrite > np.abs(of_metal)) & (of_dendrite > 2.5)
    return np.array(echoes), prevails, (of_metal > 8.0) & ~prevails


def _sampled(fine: Array, shape: tuple[int, int]) -> NDArray[np.complex128]:
    """Low-pass an image as a Cartesian k-space of that matrix does."""
    k = np.fft.fftshift(np.fft.fft2(fine))
    first = [n // 2 - m // 2 for n, m in zip(fine.shape, shape, strict=True)]
    k = k[first[0] : first[0] + shape[0], first[1] : first[1] + shape[1]]
    image: NDArray[np.complex128] = np.fft.ifft2(np.fft.ifftshift(k)) * (np.prod(shape) / fine.size)
    return image


def noisy(echoes: NDArray[np.generic], rng: np.random.Generator) -> Array:
    """Magnitudes with complex noise of standard deviation 1 in either channel."""
    noise = rng.normal(size=(2, *echoes.shape))
    magnitudes: Array = np.abs(echoes + noise[0] + 1j * noise[1])
    return magnitudes
