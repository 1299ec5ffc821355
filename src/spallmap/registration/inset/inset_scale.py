"""Which pixel size an inset would need to be found in its overview: a search over sizes on coarse grids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from spallmap.registration.fitting_size import Size, usual_size
from spallmap.registration.gauss_newton import Motion
from spallmap.registration.inset.contrast import InsetImages
from spallmap.registration.inset.find_poses import FoundPoses, find_poses
from spallmap.registration.inset.refine import Refinement, score_of
from spallmap.registration.inset.search import search_poses
from spallmap.registration.verdict import Refused

# Factors that are tried, and their steps: at half a step the rim of the inset is off by a sample.
MOST_FACTOR = 4.5
FACTOR_STEP = 0.1
# Sizes that are tried at most, each a peak over this many factors: a small inset may match by chance.
TRIED = 2
PEAK_FACTORS = 5
# Samples along the inset's longer side in that search.
EXTENT_SAMPLES = 40
# Error of a factor that was refined with the pose.
FACTOR_ERROR = 0.01


def inset_sizes(images: InsetImages, seed: int) -> list[Size]:
    """Find the pixel size at which an inset matches its overview best.

    Parameters
    ----------
    images : InsetImages
        Inset and overview, with the stated size.
    seed : int
        Draws the points that are compared.

    Returns
    -------
    list of tuple of float
        Two sizes at most, along both axes by one factor, the best first; empty where nothing matches.
    """
    reach = int(np.log(MOST_FACTOR) / FACTOR_STEP)
    factors = np.exp(np.arange(-reach, reach + 1) * FACTOR_STEP)
    scores = np.array([_score(with_factor(images, float(f))) for f in factors])
    peaks = (scores == ndimage.maximum_filter1d(scores, PEAK_FACTORS)) & (scores > 0.0)
    best = np.flatnonzero(peaks)[np.argsort(-scores[peaks])][:TRIED]
    refined = [_refined(images, float(factors[k]), seed) for k in best]
    measured = [size for _, size in sorted(refined, key=lambda one: -one[0]) if size]
    return [usual_size(size, images.spacing_um, FACTOR_ERROR) or size for size in measured]


def _refined(images: InsetImages, factor: float, seed: int) -> tuple[float, Size]:
    """Fit the scale with the pose: score, and the size; an empty one where the inset fits nowhere."""
    there = with_factor(images, factor)
    try:
        found = find_poses(there, there.coarse(), Motion(scale=True, planar=True), seed=seed)
    except Refused:
        return 0.0, ()
    # In the plane alone.
    scale = float(np.linalg.norm(found.best.map.linear[:, :2], axis=0).mean())
    return score_of(found.best), tuple(s * factor * scale for s in images.spacing_um)


def scale_asked(found: FoundPoses, seed: int) -> float:
    """Measure by which factor an inset asks for other pixels than the stated ones, beside its solution.

    Parameters
    ----------
    found : FoundPoses
        Where the search with the stated size ended.
    seed : int
        Draws the points that are compared.

    Returns
    -------
    float
        1 where the stated size is right, or nothing can be said.
    """
    free = Refinement(found.refinement.comparison, Motion(scale=True, planar=True), seed)
    ends = free.run([found.best.map])
    return float(np.linalg.norm(ends[0].map.linear[:, :2], axis=0).mean()) if ends else 1.0


def with_factor(images: InsetImages, factor: float) -> InsetImages:
    """Return the same images with the inset's pixels larger by a factor."""
    row, column = images.spacing_um
    return replace(images, spacing_um=(row * factor, column * factor))


def _score(images: InsetImages) -> float:
    """Return the log-likelihood that the best pose on a coarse grid gains over no relation."""
    extent = max(n * s for n, s in zip(images.mask.shape, images.spacing_um, strict=True))
    grid_um = max(images.unit_um, extent / EXTENT_SAMPLES)
    if extent / grid_um < EXTENT_SAMPLES / 4.0:
        return 0.0
    coarse = images.on_grid(grid_um)
    if not coarse.pictures.values.shape[0] or not np.ptp(coarse.overview.values):
        return 0.0
    found = search_poses(coarse.pictures, coarse.overview, keep=1, same_um=grid_um)
    if not found:
        return 0.0
    n = float(np.count_nonzero(coarse.pictures.mask))
    return -n * float(np.log(max(1.0 - found[0].score ** 2, 1e-6)))
