"""Finds the poses of an inset in its overview: a search over all rotations and shifts, then refinement."""

from __future__ import annotations

from dataclasses import dataclass

from spallmap.registration.gauss_newton import Alignment, Motion
from spallmap.registration.inset.contrast import Comparison, InsetImages
from spallmap.registration.inset.refine import Refinement, candidate_of
from spallmap.registration.inset.search import search_poses
from spallmap.registration.verdict import Refused, keep_different

# Poses that are taken over from the search, and from the first refinement.
_SEARCHED = 16
_REFINED = 6


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
    found = search_poses(coarse.pictures, coarse.overview, keep=searched, same_um=3.0 * grid)
    first = Refinement(coarse, motion, seed).run([c.map for c in found])
    refinement = Refinement(images.fine(), motion, seed)
    few = keep_different([candidate_of(a) for a in first], refinement.few, min_um=2.0 * grid, most=refined)
    ends = refinement.run([c.map for c in few])
    if not ends:
        raise Refused("the image is larger than the overview or nowhere on it")
    return FoundPoses(refinement.slide(ends, images.unit_um), refinement)
