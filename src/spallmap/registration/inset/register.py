"""Places a detail or an element map in the overview image that it lies in."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spallmap.frames import AffineMap, grid_centre
from spallmap.image import Image
from spallmap.registration.compose import refused
from spallmap.registration.gauss_newton import Motion
from spallmap.registration.inset.contrast import Kind
from spallmap.registration.inset.judge import MIN_SCORE, judge
from spallmap.registration.inset.known_answer import inset_answers
from spallmap.registration.inset.refine import (
    InsetImages,
    Refinement,
    place,
    score_of,
)
from spallmap.registration.known_answers import known_answers
from spallmap.registration.result import Registration

METHOD = "band-passed edges: all turns and shifts by Fourier correlation, then robust Gauss-Newton"


def register_inset(
    image: Image,
    overview: Image,
    *,
    kind: Kind,
    seed: int = 1,
) -> Registration:
    """Register a detail or an element map to the overview of the same section.

    Parameters
    ----------
    image : Image
        The detail, axes (y, x), or the counts of elements, axes (channel, y, x); its mask is False in the
        data bar.
    overview : Image
        The image that it lies in, axes (y, x).
    kind : {"sem", "edx"}
        What the inset is. Sign and gain of its contrast are free.
    seed : int
        Draws where known answers are cut.

    Returns
    -------
    Registration
        From the inset's frame to the overview's: a turn about z and a shift in the plane. Both show the same
        section, so the standard error along the normal is 0. The score is the
        multiple correlation of the overview with the inset's pictures, over the inset.

    Raises
    ------
    ValueError
        If one of the images is a volume, or the overview has channels.
    """
    spacing_um, overview_spacing_um = image.spacing_um, overview.spacing_um
    channels = np.asarray(image.data, dtype=np.float64)
    channels = channels[None] if channels.ndim == 2 else channels
    ground = np.asarray(overview.data, dtype=np.float64)
    if channels.ndim != 3 or image.n_spatial != 2 or ground.ndim != 2:
        raise ValueError(f"plane images are needed; got axes {image.axes} and {overview.axes}")
    mask = np.all(np.isfinite(channels), axis=0)
    mask = mask if image.mask is None else image.mask & mask
    overview_mask = np.isfinite(ground)
    overview_mask = overview_mask if overview.mask is None else overview.mask & overview_mask
    channels, ground = np.where(mask, channels, 0.0), np.where(overview_mask, ground, 0.0)
    start = _centred(mask.shape, spacing_um, overview_mask.shape, overview_spacing_um)
    images = InsetImages(
        channels, mask, _pair(spacing_um), ground, overview_mask, _pair(overview_spacing_um), kind
    )
    coarse = images.coarse()
    if coarse.pictures.values.shape[0] == 0 or not np.ptp(coarse.overview.values):
        blank = "the overview" if coarse.pictures.values.shape[0] else "the image"
        return refused(f"{blank} shows nothing but one grey", start, METHOD, ())
    motion = Motion(planar=True)
    placing = place(images, coarse, motion)
    if placing is None:
        return refused("the image is larger than the overview or nowhere on it", start, METHOD, ())
    without_rims = Refinement(images.fine(rims=False), motion).run([placing.best.map])
    answers = known_answers([])
    if score_of(placing.best) >= MIN_SCORE[kind]:
        answers = inset_answers(images, placing, motion, np.random.default_rng(seed))
    return judge(METHOD, placing, motion, without_rims, answers, images)


def _pair(spacing_um: Sequence[float]) -> tuple[float, float]:
    rows, columns = spacing_um
    return float(rows), float(columns)


def _centred(
    shape: Sequence[int],
    spacing_um: Sequence[float],
    overview_shape: Sequence[int],
    overview_spacing_um: Sequence[float],
) -> AffineMap:
    shift = grid_centre(overview_shape, overview_spacing_um) - grid_centre(shape, spacing_um)
    return AffineMap.from_parts(np.eye(3), shift)
