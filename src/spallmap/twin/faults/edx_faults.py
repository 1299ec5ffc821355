"""Bad days of the element maps: drift during the scan, few counts, a detector that sees from one side."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float64]

# Strengths that are drawn: lowest and highest.
RANGES: dict[str, tuple[float, float]] = {
    "drift_um": (1.0, 6.0),
    "fewer_counts": (2.0, 12.0),
    "shadow": (0.2, 0.7),
}
# Length of the shadow behind an edge, um.
SHADOW_UM = 6.0


@dataclass(frozen=True)
class EdxFaults:
    """Strengths of the faults of one element map; 0 is off.

    Parameters
    ----------
    drift_um : float
        How far the stage drifts from the first to the last row, in a random direction; 0 on average.
    fewer_counts : float
        By which factor the counts are fewer.
    shadow : float
        Fraction of the counts that are lost behind edges of holes, and over the field's far side.

    Examples
    --------
    >>> import numpy as np
    >>> EdxFaults().names
    ()
    >>> EdxFaults.draw(np.random.default_rng(1), 3).names
    ('drift_um', 'fewer_counts', 'shadow')
    """

    drift_um: float = 0.0
    fewer_counts: float = 0.0
    shadow: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The faults that are on."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name))

    @classmethod
    def draw(cls, rng: np.random.Generator, n: int) -> EdxFaults:
        """Turn on `n` faults, drawn at random, each with a random strength."""
        return cls.drawn(rng, *rng.choice(list(RANGES), n, replace=False))

    @classmethod
    def drawn(cls, rng: np.random.Generator, *names: str) -> EdxFaults:
        """Turn on the faults named, each with a random strength."""
        return cls(**{name: float(rng.uniform(*RANGES[name])) for name in names})


def drift_shifts(shape: tuple[int, int], faults: EdxFaults, rng: np.random.Generator) -> Floats:
    """How far each pixel lies off, shape (n_rows, n_columns, 3), um; 0 on average.

    The drift slows down, as a stage does that has been moved, and jitters on the way.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns.
    faults : EdxFaults
        Its `drift_um` counts.
    rng : numpy.random.Generator
        Draws the direction.

    Returns
    -------
    ndarray
        The same along each row.

    Examples
    --------
    >>> import numpy as np
    >>> shifts = drift_shifts((50, 4), EdxFaults(drift_um=4.0), np.random.default_rng(1))
    >>> shifts.shape, bool(np.allclose(shifts.mean(axis=(0, 1)), 0.0))
    ((50, 4, 3), True)
    """
    time = np.linspace(0.0, 1.0, shape[0])
    angle, rate = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.5, 3.0)
    course = (1.0 - np.exp(-rate * time)) / (1.0 - np.exp(-rate))
    jitter = ndimage.gaussian_filter1d(rng.normal(size=shape[0]), shape[0] / 20.0)
    course = course + 0.05 * jitter / max(float(jitter.std()), 1e-9)
    along = faults.drift_um * (course - course.mean())
    direction = np.array([np.cos(angle), np.sin(angle), 0.0])
    shifts: Floats = np.broadcast_to((along[:, None] * direction)[:, None], (*shape, 3)).copy()
    return shifts


def attenuation(solid: Floats, spacing_um: float, faults: EdxFaults, rng: np.random.Generator) -> Floats:
    """Fraction of the counts that reach the detector.

    Parameters
    ----------
    solid : ndarray, shape (n_rows, n_columns)
        Fraction of matter at the surface.
    spacing_um : float
        Pixel size.
    faults : EdxFaults
        `shadow` and `fewer_counts` count.
    rng : numpy.random.Generator
        Draws where the detector stands.

    Returns
    -------
    ndarray, shape (n_rows, n_columns)
        Between 0 and 1.

    Examples
    --------
    >>> import numpy as np
    >>> halved = attenuation(np.ones((4, 4)), 1.0, EdxFaults(fewer_counts=2.0), np.random.default_rng(1))
    >>> float(halved.mean())
    0.5
    """
    left = np.ones(solid.shape)
    if faults.shadow:
        angle = rng.uniform(0.0, 2.0 * np.pi)
        v, u = np.meshgrid(*(np.linspace(-1.0, 1.0, n) for n in solid.shape), indexing="ij")
        left -= faults.shadow * 0.5 * (1.0 + np.clip(u * np.cos(angle) + v * np.sin(angle), -1.0, 1.0)) * 0.6
        reach = SHADOW_UM / spacing_um
        lee = ndimage.shift(solid, (reach * np.sin(angle), reach * np.cos(angle)), order=1, mode="nearest")
        left *= 1.0 - faults.shadow * np.clip(lee - solid, 0.0, 1.0)
    return left / (faults.fewer_counts or 1.0)
