"""The known-answer test: the user's own data registered by the same code where the answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from spallmap.frames import AffineMap, Points

FloatArray = NDArray[np.float64]

BLOCKS_WORTH = 4.0
"""The standard error of the blocks counts as much as this many known answers: with some 30 blocks of unequal
weight its own variance is that of a handful of draws."""


@dataclass(frozen=True)
class KnownAnswers:
    """How far a method was off where the answer was known.

    Parameters
    ----------
    errors_um : ndarray, shape (n, 3)
        Root mean square error over the field along the own axes u, v and normal, for each copy that was
        found again; not a number along an axis that the data say nothing about.
    lost : int
        Copies that were not found again; not among the errors.
    made_of : str
        What was registered, in the plural.
    where : {"near", "elsewhere"}
        Whether the copies lie near the reported pose or anywhere within the prior.
    """

    errors_um: FloatArray
    lost: int = 0
    made_of: str = "copies"
    where: Literal["near", "elsewhere"] = "near"

    @property
    def n(self) -> int:
        """Number of copies."""
        return len(self.errors_um) + self.lost

    @property
    def worst_um(self) -> float:
        """Largest error of any copy; 0 without copies."""
        return float(np.sqrt(np.nansum(self.errors_um**2, axis=1)).max(initial=0.0))

    def rms_um(self) -> FloatArray:
        """Root mean square error along u, v and normal; not a number where every copy was lost."""
        if not len(self.errors_um):
            return np.full(3, np.nan)
        mean: FloatArray = np.sqrt((self.errors_um**2).mean(axis=0))
        return mean

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


def known_answers(errors_um: Sequence[FloatArray], made_of: str = "copies") -> KnownAnswers:
    """Gather the errors of all copies."""
    return KnownAnswers(np.reshape(np.array(errors_um, dtype=np.float64), (-1, 3)), made_of=made_of)
