"""The known-answer test: the user's own data registered by the same code where the answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap, Points

FloatArray = NDArray[np.float64]

BLOCKS_WORTH = 4.0
"""The standard error of the blocks counts as much as this many known answers: with some 30 blocks of unequal
weight its own variance is that of a handful of draws."""


@dataclass(frozen=True)
class KnownAnswers:
    """How far a method was off where it was told nothing and the answer was known.

    Parameters
    ----------
    errors_um : ndarray, shape (n, 3)
        Root mean square error over the field along the moving frame's own x, y and z, for each copy.
    """

    errors_um: FloatArray

    @property
    def worst_um(self) -> float:
        """Largest error of any copy; 0 without copies."""
        return float(np.linalg.norm(self.errors_um, axis=1).max(initial=0.0))

    def pooled(self, se_um: FloatArray) -> FloatArray:
        """Join a standard error of the blocks with the errors seen.

        Parameters
        ----------
        se_um : ndarray, shape (3,)
            By direction, from the blocks.

        Returns
        -------
        ndarray, shape (3,)
            The root of the weighted mean of both variances, the blocks' one weighing as
            `BLOCKS_WORTH` copies (the mean of a conjugate scaled inverse chi-square law).
        """
        seen = np.sum(self.errors_um**2, axis=0)
        variance: FloatArray = (BLOCKS_WORTH * se_um**2 + seen) / (BLOCKS_WORTH + len(self.errors_um))
        return np.sqrt(variance)

    def as_json(self) -> dict[str, Any]:
        """Return what a report shows."""
        return {"n": len(self.errors_um), "errors_um": self.errors_um.round(4).tolist()}


def own_error_um(found: AffineMap, truth: AffineMap, points: Points) -> FloatArray:
    """Root mean square difference of two maps along the moving frame's own axes.

    Parameters
    ----------
    found, truth : AffineMap
        From the moving frame.
    points : ndarray, shape (n, 3)
        Points of the moving frame.

    Returns
    -------
    ndarray, shape (3,)
        In micrometres, along the own axes as they lie in the fixed frame.
    """
    axes = truth.linear / np.linalg.norm(truth.linear, axis=0)
    along = (found(points) - truth(points)) @ axes
    rms: FloatArray = np.sqrt((along**2).mean(axis=0))
    return rms


def known_answers(errors_um: Sequence[FloatArray]) -> KnownAnswers:
    """Gather the errors of all copies."""
    return KnownAnswers(np.reshape(np.array(errors_um, dtype=np.float64), (-1, 3)))
