"""Known answers for insets: pieces of the overview, cut at known positions and rotations, and found again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation
from skimage.restoration import denoise_tv_chambolle

from spallmap.frames import AffineMap, grid_points, points_to_indices, rotation_map
from spallmap.registration.gauss_newton import Alignment, FloatArray
from spallmap.registration.inset.contrast import FINE_BLUR, InsetImages
from spallmap.registration.inset.find_poses import FoundPoses, find_poses
from spallmap.registration.inset.refine import Refinement
from spallmap.registration.inset.search import MAX_ROTATION_DEG
from spallmap.registration.known_answers import KnownAnswers, known_answers, own_error_um
from spallmap.registration.verdict import Refused

# How what the two images differ by is laid over the copies: along rows, along rows and columns. It then says
# nothing about the position, but keeps its strength and its grain.
_FLIPS = ((0,), (0, 1))

# Weights of the total variation, in standard deviations of the noise: the first takes off white noise, the
# last flattens grains.
_TV_STEPS = (1.0, 3.0, 9.0)

# Copies are cut up to this fraction of the inset's extent beside its position, to show what it shows.
_MOVED_FRACTION = 0.1

# Poses followed for a copy: fewer than for the inset, in a smaller window.
_SEARCHED = 6
_REFINED = 3

# Copies are searched in a window that goes this fraction of the inset's extent beyond it: farther rivals are
# distinguished by the lead.
_ROOM_FRACTION = 0.5


def inset_answers(images: InsetImages, found: FoundPoses, rng: np.random.Generator) -> KnownAnswers:
    """Cut copies of an inset out of its overview and register them by the same code.

    A copy shows the overview without its noise (total variation: Rudin, Osher and Fatemi 1992; Chambolle
    2004), or it would be recognised by that, and what inset and overview differ by, flipped.

    Parameters
    ----------
    images : InsetImages
        Inset and overview.
    found : FoundPoses
        Where the inset was found.
    rng : numpy.random.Generator
        Draws positions and rotations.

    Returns
    -------
    KnownAnswers
        One error a copy; the inset's extent where a copy was not found at all.
    """
    refinement, best = found.refinement, found.best
    sheet = refinement.comparison.pictures
    points = grid_points(sheet.mask.shape, (sheet.spacing_um,) * 2)
    few = refinement.few
    extent = np.ptp(few, axis=0)
    rest = refinement.rest(best)
    window = _window(images, best)
    quiet = _common(window, float(rest[sheet.mask].std()), FINE_BLUR[images.kind] * sheet.spacing_um)
    centre = few.mean(axis=0)
    to_window = AffineMap.from_parts(np.eye(3), -_origin(images, best))
    errors = []
    for flip in _FLIPS:
        rotation = rng.uniform(-0.9, 0.9) * np.deg2rad(MAX_ROTATION_DEG) - _rotation(best.map)
        moved = np.append(rng.uniform(-1.0, 1.0, 2) * _MOVED_FRACTION * extent[:2], 0.0)
        rotated = rotation_map(Rotation.from_rotvec([0.0, 0.0, rotation]), centre, moved)
        known = to_window @ best.map @ rotated
        indices = np.moveaxis(points_to_indices(known(points), window.overview_spacing_um), -1, 0)
        cut = ndimage.map_coordinates(quiet, indices, order=3, mode="nearest")
        shown = ndimage.map_coordinates(window.overview_mask, indices, order=0, mode="constant")
        copy = replace(
            window,
            channels=(cut + np.flip(rest, flip))[None],
            mask=np.flip(sheet.mask, flip) & shown,
            spacing_um=(sheet.spacing_um,) * 2,
        )
        errors.append(_error_um(copy, known, refinement, extent))
    return known_answers(errors, made_of="pieces of the overview")


def _error_um(copy: InsetImages, known: AffineMap, refinement: Refinement, extent: FloatArray) -> FloatArray:
    """Return how far off a copy is found."""
    try:
        found = find_poses(
            copy,
            copy.coarse(),
            refinement.motion,
            seed=refinement.seed,
            searched=_SEARCHED,
            refined=_REFINED,
        )
    except Refused:
        return extent
    return own_error_um(found.best.map, known, refinement.few)


def _rotation(map_: AffineMap) -> float:
    return float(np.arctan2(map_.linear[1, 0], map_.linear[0, 0]))


def _corners(images: InsetImages, best: Alignment) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last row and column of the overview's window about the inset."""
    mapped = best.map(best.points)
    room = _ROOM_FRACTION * float(np.ptp(mapped, axis=0).max())
    ends = [mapped.min(axis=0) - room, mapped.max(axis=0) + room]
    first, last = (points_to_indices(e, images.overview_spacing_um) for e in ends)
    shape = np.array(images.overview.shape)
    low = np.clip(np.floor(first).astype(np.intp), 0, shape - 1)
    return low, np.clip(np.ceil(last).astype(np.intp) + 1, low + 1, shape)


def _origin(images: InsetImages, best: Alignment) -> FloatArray:
    (row, column), _ = _corners(images, best)
    dv, du = images.overview_spacing_um
    return np.array([column * du, row * dv, 0.0])


def _window(images: InsetImages, best: Alignment) -> InsetImages:
    """Cut the overview down to the inset's surroundings."""
    (top, left), (bottom, right) = _corners(images, best)
    cut = np.s_[top:bottom, left:right]
    return replace(images, overview=images.overview[cut], overview_mask=images.overview_mask[cut])


def _common(window: InsetImages, rest_grey: float, blur_um: float) -> FloatArray:
    """Take off the overview what the inset does not show: noise, and grains where counts do not see them.

    Smoothed by steps, until what is gone is as strong as what inset and overview differ by.
    """
    kernel = np.outer([1.0, -2.0, 1.0], [1.0, -2.0, 1.0])
    rough = ndimage.convolve(window.overview, kernel)[window.overview_mask]
    # The noise by second differences (Immerkaer 1996).
    sigma = 1.4826 * float(np.median(np.abs(rough))) / 6.0
    quiet = window.overview
    for step in _TV_STEPS if sigma > 0.0 else ():
        quiet = denoise_tv_chambolle(window.overview / sigma, weight=step, max_num_iter=60) * sigma
        gone = ndimage.gaussian_filter(
            window.overview - quiet, [blur_um / s for s in window.overview_spacing_um]
        )
        if float(gone[window.overview_mask].std()) >= rest_grey:
            break
    return quiet
