"""The pores of two ceramics, by which a pose is scored."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from spallmap.frames import AffineMap
from spallmap.registration.gauss_newton import Field
from spallmap.registration.volume.ceramic import CeramicView
from spallmap.registration.volume.refine import smooth, thinned

# A core sample belongs to a pore above this smoothed deficit: far over the noise, below half, so that pores
# of one voxel count.
_PORE_DEFICIT = 0.3

# Pores are compared together with this much ceramic around them.
_SURROUNDINGS_SAMPLES = 3

# Smallest fraction of the moving ceramic that must lie in the fixed one.
MIN_OVERLAP = 0.5


class PoreScore:
    """The pores of both ceramics with their surroundings, to score a pose by.

    Parameters
    ----------
    moving, fixed : CeramicView
        The two ceramics.
    rng : numpy.random.Generator
        Draws the samples that are compared, where there are many.
    """

    def __init__(self, moving: CeramicView, fixed: CeramicView, rng: np.random.Generator) -> None:
        self._sides = []
        self.n_points = 0
        for own, other in ((moving, fixed), (fixed, moving)):
            shown = smooth(own.deficit)
            pore = own.core & (shown > _PORE_DEFICIT)
            around = ndimage.binary_dilation(pore, iterations=_SURROUNDINGS_SAMPLES) & own.core
            mask = thinned(around, rng)
            field = Field(smooth(other.deficit), other.spacing_um, other.origin_um, other.core)
            self._sides.append((field, own.points(mask), shown[mask].astype(np.float64)))
            self.n_points = max(self.n_points, int(np.count_nonzero(pore)))

    def score(self, pose: AffineMap) -> float:
        """Correlate the two deficits around the pores of the one and of the other ceramic; take the larger.

        A crack that only one of them has then counts against the pose on one side only.
        """
        scores = [0.0]
        for (field, points, shown), to_other in zip(self._sides, (pose, pose.inverse()), strict=True):
            values, inside = field.values_at(to_other(points))
            if np.count_nonzero(inside) > MIN_OVERLAP * inside.size and np.ptp(values[inside]) > 0:
                scores.append(float(np.corrcoef(values[inside], shown[inside])[0, 1]))
        return max(scores)
