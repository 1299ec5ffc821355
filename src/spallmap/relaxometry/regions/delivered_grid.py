"""Between the pixels that are delivered and every so many of them, which were acquired."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

# A pixel half-way between one inside and one outside has this much of either, but for rounding.
_HALF = 0.5 - 1e-9


@dataclass(frozen=True)
class DeliveredGrid:
    """The pixels of a slice, and every so many of them.

    Parameters
    ----------
    shape : tuple of int
        Rows and columns that are delivered.
    steps : tuple of int
        Every how many of them is taken, rows and columns.
    """

    shape: tuple[int, ...]
    steps: tuple[int, ...]

    def acquired(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return every so many pixels of the last two axes; a view."""
        return values[..., :: self.steps[0], :: self.steps[1]]

    def delivered(self, values: Array) -> Array:
        """Interpolate linearly between the pixels that were taken; beyond the last ones as they are."""
        if self.steps == (1, 1):
            return values
        at = [np.arange(n) / step for n, step in zip(self.shape, self.steps, strict=True)]
        found: Array = ndimage.map_coordinates(
            values, np.meshgrid(*at, indexing="ij"), order=1, mode="nearest"
        )
        return found

    def delivered_region(self, region: Flags, evidence: Array) -> Flags:
        """Which delivered pixels belong to a region of those that were taken.

        Parameters
        ----------
        region : ndarray of bool, shape of what was taken
            The region.
        evidence : ndarray, same shape
            For a long T2: where the way from a pixel inside to one outside is half gone, it decides.

        Returns
        -------
        ndarray of bool
            True where at least half of a pixel's surroundings are inside, and the evidence is not against.
        """
        if self.steps == (1, 1):
            return region
        inside = self.delivered(region.astype(np.float64))
        shown: Flags = (inside > 0.5 + 1e-9) | ((inside >= _HALF) & (self.delivered(evidence) > 0.0))
        taken = self.acquired(shown)
        taken |= region
        return shown
