"""Finds the poses of an inset in its overview: a search over all rotations and shifts, then refinement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spallmap.frames import Points
from spallmap.registration.gauss_newton import Alignment, Motion
from spallmap.registration.inset.contrast import Comparison, InsetImages
from spallmap.registration.inset.refine import Refinement, candidate_of
from spallmap.registration.inset.search import search_poses
from spallmap.registration.verdict import Candidate, Refused, keep_different, mean_difference_um

# Poses that are taken over from the search, and from the first refinement.
_SEARCHED = 16
_REFINED = 6

# Poses whose mean distance is this fraction of the inset's extent are another place, where those nearer may
# be an uncertainty of the same one along a crack; at least and at most so many samples of the coarser image.
_ELSEWHERE_FRACTION = 0.3
_ELSEWHERE_SAMPLES = (20.0, 40.0)
# So many of them are followed to the end, since along a crack the best poses may all be neighbours.
_ELSEWHERE = 2
# Poses that the search lists for it.
_LISTED = 60


@dataclass(frozen=True)
class FoundPoses:
    """Where a search ended.

    Parameters
    ----------
    ends : list of Alignment
        The best first, all on the fine comparison.
    refinement : Refinement
        That comparison.
    """

    ends: list[Alignment]
    refinement: Refinement

    @property
    def best(self) -> Alignment:
        """The best end."""
        return self.ends[0]


def find_poses(
    images: InsetImages,
    coarse: Comparison,
    motion: Motion,
    *,
    seed: int,
    searched: int = _SEARCHED,
    refined: int = _REFINED,
) -> FoundPoses:
    """Find the poses in which an inset fits its overview.

    Parameters
    ----------
    images : InsetImages
        Inset and overview.
    coarse : Comparison
        Both on the grid of the search.
    motion : Motion
        The degrees of freedom.
    seed : int
        Draws the points that are compared.
    searched, refined : int
        Poses taken over from the search, and from the first refinement.

    Returns
    -------
    FoundPoses
        At least one.

    Raises
    ------
    Refused
        If the inset fits nowhere: larger than the overview, or only on masked areas.
    """
    grid = images.grid_um
    listed = search_poses(coarse.pictures, coarse.overview, keep=_LISTED, same_um=3.0 * grid)
    refinement = Refinement(images.fine(), motion, seed)
    far_um = elsewhere_um(refinement.few, images.unit_um)
    found = _with_elsewhere(listed, searched, refinement.few, far_um)
    first = Refinement(coarse, motion, seed).run([c.map for c in found])
    apart = keep_different(
        [candidate_of(a) for a in first], refinement.few, min_um=2.0 * grid, most=len(first)
    )
    few = _with_elsewhere(apart, refined, refinement.few, far_um)
    ends = refinement.run([c.map for c in few])
    if not ends:
        raise Refused("the image is larger than the overview or nowhere on it")
    return FoundPoses(refinement.slide(ends, images.unit_um), refinement)


def elsewhere_um(points: Points, unit_um: float) -> float:
    """Mean distance from which on a pose is another place."""
    extent = float(np.ptp(points, axis=0).max())
    least, most = (n * unit_um for n in _ELSEWHERE_SAMPLES)
    return min(max(_ELSEWHERE_FRACTION * extent, least), most)


def _with_elsewhere(poses: list[Candidate], most: int, few: Points, far_um: float) -> list[Candidate]:
    """Keep the best poses, and the best that lie elsewhere than the first."""
    elsewhere = [p for p in poses if mean_difference_um(p.map, poses[0].map, few) >= far_um]
    kept = poses[:most]
    return kept + [p for p in elsewhere[:_ELSEWHERE] if all(p is not k for k in kept)]
