"""Echo series with known answers, drawn without the library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
FINE = 6


def magnitudes(signal: NDArray[np.float64], sigma: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Magnitude of a real signal with complex Gaussian noise."""
    return np.hypot(signal + sigma * rng.normal(size=signal.shape), sigma * rng.normal(size=signal.shape))


def decays(t2_ms: float, s0: float, n: int, te_ms: tuple[float, ...] = TE_MS) -> NDArray[np.float64]:
    """Noiseless echoes of n pixels."""
    return s0 * np.exp(-np.asarray(te_ms)[:, None] / t2_ms) * np.ones(n)


def cropped(fine: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.complex128]:
    """Low-pass an image as a Cartesian k-space of that matrix does (its point spread is a sinc)."""
    k = np.fft.fftshift(np.fft.fft2(fine), axes=(-2, -1))
    first = [n // 2 - m // 2 for n, m in zip(fine.shape[-2:], shape, strict=True)]
    k = k[..., first[0] : first[0] + shape[0], first[1] : first[1] + shape[1]]
    scale = shape[0] * shape[1] / (fine.shape[-2] * fine.shape[-1])
    return np.fft.ifft2(np.fft.ifftshift(k, axes=(-2, -1))) * scale


def cell_map(
    rng: np.random.Generator,
    dendrite_snr: float | None,
    te_ms: tuple[float, ...] = (2.0, 6.0, 10.0, 14.0, 18.0),
    shape: tuple[int, int] = (64, 48),
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Two rough electrodes with voids and, if wanted, a dendrite of some 15 pixels beside one, sigma 1.

    Returns the magnitudes, the dendrite's pixels, and the electrodes' T2 in ms, NaN where they are weak.
    """
    ny, nx = shape[0] * FINE, shape[1] * FINE
    y, x = np.mgrid[:ny, :nx] / FINE
    t2_ms = rng.uniform(5.0, 10.0)
    coarse = rng.normal(size=(10, 8))
    t2 = t2_ms * (1.0 + 0.07 * ndimage.zoom(coarse, (ny / 10, nx / 8), order=3)[:ny, :nx])
    metal = np.zeros((ny, nx))
    for centre in (0.35 * shape[0], 0.68 * shape[0]):
        left, right = shape[1] * rng.uniform(0.25, 0.32), shape[1] * rng.uniform(0.68, 0.75)
        rough = ndimage.gaussian_filter1d(rng.normal(size=nx), FINE * 1.5) * FINE * 0.7
        middle = centre + rng.uniform(-0.15, 0.15) * (x - x.mean()) + rough
        height = rng.uniform(3.5, 5.0)
        inside = (np.abs(y - middle) < height / 2.0) & (x > left) & (x < right)
        depth = ndimage.distance_transform_edt(inside) / FINE
        metal += inside * (0.4 + 1.5 * np.exp(-depth / 0.5))
        if centre < 0.5 * shape[0]:
            edge, span = middle[0] + height / 2.0, (left, right)
    voids = ndimage.gaussian_filter(rng.normal(size=(ny, nx)), FINE * 0.8)
    metal *= np.clip(1.0 - 0.3 * np.maximum(voids / voids.std() - 0.5, 0.0), 0.2, 1.0)
    seen = cropped(metal, shape).real
    metal *= rng.uniform(12.0, 45.0) / np.percentile(seen[seen > 0.3 * seen.max()], 75.0)
    filament = np.zeros((ny, nx))
    if dendrite_snr is not None:
        start, length, drop = (
            rng.uniform(span[0] + 1, span[1] - 8),
            rng.uniform(4.0, 8.0),
            rng.uniform(1.5, 4.0),
        )
        for along in np.linspace(0.0, 1.0, 200):
            column = int((start + length * along) * FINE)
            row = edge[column] + 0.3 + drop * np.sin(np.pi * along * 0.8)
            filament[int(row * FINE) : int((row + rng.uniform(1.2, 2.0)) * FINE), column] = 1.0
        filament = ndimage.gaussian_filter(filament * (metal == 0.0), FINE * 0.4)
        filament *= dendrite_snr / np.mean(np.sort(cropped(filament, shape).real.ravel())[-15:])
    long_ms = rng.uniform(14.0, 20.0)
    echoes = np.array(
        [cropped(metal * np.exp(-t / t2) + filament * np.exp(-t / long_ms), shape) for t in te_ms]
    )
    noisy = np.abs(echoes + rng.normal(size=echoes.shape) + 1j * rng.normal(size=echoes.shape))
    from_metal, from_filament = cropped(metal, shape).real, cropped(filament, shape).real
    dendrite = (from_filament > np.abs(from_metal)) & (from_filament > 2.5)
    weak = (from_metal < 8.0) | dendrite
    return noisy, dendrite, np.where(weak, np.nan, cropped(metal * t2, shape).real / from_metal)
