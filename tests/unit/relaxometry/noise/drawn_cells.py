"""Echo series whose noise is right, and such whose background lies, drawn without the library."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from tests.unit.relaxometry.decay_phantom import magnitudes

CELL_TE_MS = (2.0, 6.0, 10.0, 14.0, 18.0)
LATE = np.array(CELL_TE_MS)[:, None, None] - CELL_TE_MS[0]

Array = NDArray[np.float64]


def clean_cell(rng: np.random.Generator) -> Array:
    """Two bars of metal whose T2 and brightness vary, in 6 to 90 % of an image of noise of sigma 1."""
    ny, nx = int(rng.integers(28, 64)), int(rng.integers(24, 60))
    signal = np.zeros((5, ny, nx))
    t2_ms = rng.uniform(4.0, 11.0) * (1.0 + 0.1 * np.sin(np.arange(nx) / rng.uniform(4.0, 15.0)))
    brightness = rng.uniform(6.0, 60.0) * rng.uniform(0.3, 1.0, (ny, nx))
    height = int(rng.integers(3, round(0.45 * ny)))
    inside = slice(1, nx - 1 - int(rng.integers(0, nx // 2)))
    for top in (1, ny // 2 + 1):
        rows = slice(top, top + height)
        signal[:, rows, inside] = (brightness * np.exp(-LATE / t2_ms))[:, rows, inside]
    return magnitudes(signal, 1.0, rng)


def slice_of_tissue(rng: np.random.Generator, dim: float = 8.0) -> Array:
    """An image that tissue of varying brightness and T2 fills, sigma 1."""
    smooth = ndimage.gaussian_filter(rng.normal(size=(2, 72, 72)), (0.0, 3.0, 3.0))
    brightness = dim * np.exp(0.5 * smooth[0] / smooth[0].std())
    t2_ms = rng.uniform(14.0, 25.0) * np.exp(0.15 * smooth[1] / smooth[1].std())
    return magnitudes(brightness * np.exp(-LATE / t2_ms), 1.0, rng)


def quiet_background(rng: np.random.Generator, factor: float) -> Array:
    """A cell whose background a program has made quieter by a factor; the metal's noise is of sigma 1."""
    signal = np.zeros((5, 56, 48))
    brightness = rng.uniform(8.0, 60.0, (16, 40))
    signal[:, 20:36, 4:44] = brightness * np.exp(-LATE / 7.0)
    data = magnitudes(signal, 1.0, rng)
    data[:, signal[0] == 0.0] *= factor
    return data
