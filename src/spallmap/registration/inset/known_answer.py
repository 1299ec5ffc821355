"""Known answers for insets: pieces of the overview, cut at known places and turns, and placed again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation
from skimage.restoration import denoise_tv_chambolle

from spallmap.frames import AffineMap, grid_points, points_to_indices, rotation_map
from spallmap.registration.gauss_newton import Alignment, FloatArray, Motion
from spallmap.registration.inset.refine import FINE_BLUR, MAX_TURN_DEG, InsetImages, Placing, place
from spallmap.registration.known_answers import KnownAnswers, known_answers, own_error_um

FLIPS = ((0,), (1,), (0, 1))
"""How what the two images differ by is laid over the copies: along rows, columns, both. It then says nothing
about the place, but keeps its strength and its grain."""

TV_STEPS = (1.0, 3.0, 9.0)
"""Weights of the total variation, in standard deviations of the noise: the first takes off white noise, the
last flattens grains."""

MOVED_SHARE = 0.1
"""Copies are cut up to this share of the inset's extent beside its place, to show what it shows."""

SEARCHED, REFINED = 6, 3
"""Placements followed for a copy: fewer than for the inset, in a smaller window."""

ROOM_SHARE = 0.5
"""Copies are searched in a window that goes this share of the inset's extent beyond it: farther rivals are
told by the lead."""


def inset_answers(
    images: InsetImages, placing: Placing, motion: Motion, rng: np.random.Generator
) -> KnownAnswers:
    """Cut copies of an inset out of its overview and place them by the same code.

    A copy shows the overview without its noise (total variation: Rudin, Osher and Fatemi 1992; Chambolle
    2004), or it would be recognised by that, and what inset and overview differ by, turned over.

    Parameters
    ----------
    images : InsetImages
        Inset and overview.
    placing : Placing
        Where the inset was found.
    motion : Motion
        The degrees of freedom.
    rng : numpy.random.Generator
        Draws places and turns.

    Returns
    -------
    KnownAnswers
        One error a copy; the inset's extent where a copy was not placed at all.
    """
    refinement, best = placing.refinement, placing.best
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
    for flip in FLIPS:
        turn = rng.uniform(-0.9, 0.9) * np.deg2rad(MAX_TURN_DEG) - _turn(best.map)
        moved = np.append(rng.uniform(-1.0, 1.0, 2) * MOVED_SHARE * extent[:2], 0.0)
        known = to_window @ best.map @ rotation_map(Rotation.from_rotvec([0.0, 0.0, turn]), centre, moved)
        indices = np.moveaxis(points_to_indices(known(points), window.overview_spacing_um), -1, 0)
        cut = ndimage.map_coordinates(quiet, indices, order=3, mode="nearest")
        shown = ndimage.map_coordinates(window.overview_mask, indices, order=0, mode="constant")
        copy = replace(
            window,
            channels=(cut + np.flip(rest, flip))[None],
            mask=np.flip(sheet.mask, flip) & shown,
            spacing_um=(sheet.spacing_um,) * 2,
        )
        found = place(copy, copy.coarse(), motion, searched=SEARCHED, refined=REFINED)
        errors.append(extent if found is None else own_error_um(found.best.map, known, few))
    return known_answers(errors, made_of="pieces of the overview")


def _turn(map_: AffineMap) -> float:
    return float(np.arctan2(map_.linear[1, 0], map_.linear[0, 0]))


def _corners(images: InsetImages, best: Alignment) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First and last row and column of the overview's window about the inset."""
    mapped = best.map(best.points)
    room = ROOM_SHARE * float(np.ptp(mapped, axis=0).max())
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
    for step in TV_STEPS if sigma > 0.0 else ():
        quiet = denoise_tv_chambolle(window.overview / sigma, weight=step, max_num_iter=60) * sigma
        gone = ndimage.gaussian_filter(
            window.overview - quiet, [blur_um / s for s in window.overview_spacing_um]
        )
        if float(gone[window.overview_mask].std()) >= rest_grey:
            break
    return quiet
