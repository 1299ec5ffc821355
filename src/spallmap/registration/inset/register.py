"""Registers a detail or an element map to the overview image that it lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from spallmap.frames import AffineMap, grid_centre
from spallmap.image import Image
from spallmap.registration.compose import refused
from spallmap.registration.fitting_size import Size, with_fitting_size
from spallmap.registration.gauss_newton import Motion
from spallmap.registration.inset.contrast import InsetImages, Kind
from spallmap.registration.inset.find_poses import find_poses
from spallmap.registration.inset.inset_scale import inset_sizes, scale_asked
from spallmap.registration.inset.judge import MAX_SCALE, MIN_SCORE, judge
from spallmap.registration.inset.known_answer import inset_answers
from spallmap.registration.inset.misfit_copies import misfit_answers
from spallmap.registration.inset.refine import Refinement, score_of
from spallmap.registration.known_answers import KnownAnswers
from spallmap.registration.result import Registration
from spallmap.registration.verdict import Refused

METHOD = "band-passed edges: all rotations and shifts by Fourier correlation, then robust Gauss-Newton"


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
        Draws where known answers are cut, and the points that are compared where there are many.

    Returns
    -------
    Registration
        From the inset's frame to the overview's: a rotation about z and a shift in the plane. Both show the
        same section, so the standard error along the normal is 0. The score is the multiple correlation of
        the overview with the inset's pictures, over the inset.

    Raises
    ------
    ValueError
        If one of the images is a volume, or the overview has channels.

    Examples
    --------
    >>> import numpy as np
    >>> grey = Image(np.full((40, 60), 120.0), ("y", "x"), (1.0, 1.0))
    >>> found = register_inset(grey, grey, kind="sem")
    >>> found.verdict, found.reasons
    ('refused', ('the image shows nothing but one grey',))
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
    stated = (float(spacing_um[0]), float(spacing_um[1]))
    images = InsetImages(
        channels,
        mask,
        stated,
        ground,
        overview_mask,
        (float(overview_spacing_um[0]), float(overview_spacing_um[1])),
        kind,
    )
    found = _attempt(images, seed)

    def at(size: Size) -> Registration:
        return _attempt(replace(images, spacing_um=(size[0], size[1])), seed)

    def other_sizes() -> list[Size]:
        return [] if _fits_as_stated(found, kind) else inset_sizes(images, seed)

    return with_fitting_size(found, stated, other_sizes, at, _agreement)


def _fits_as_stated(found: Registration, kind: Kind) -> bool:
    """Whether the edges match at the stated size, so that something else is what a refusal is for."""
    scale = found.diagnostics.scale
    return (
        found.score is not None
        and found.score >= MIN_SCORE[kind]
        and scale is not None
        and abs(scale.factor - 1.0) <= MAX_SCALE[kind]
    )


def _agreement(found: Registration) -> str:
    return f"correlation {found.score or 0.0:.2f} of the edges"


def _attempt(images: InsetImages, seed: int) -> Registration:
    """Register at the inset's pixel size."""
    kind = images.kind
    start = _centred(
        images.mask.shape, images.spacing_um, images.overview_mask.shape, images.overview_spacing_um
    )
    coarse = images.coarse()
    if coarse.pictures.values.shape[0] == 0 or not np.ptp(coarse.overview.values):
        blank = "the overview" if coarse.pictures.values.shape[0] else "the image"
        return refused(f"{blank} shows nothing but one grey", start, METHOD, ())
    motion = Motion(planar=True)
    try:
        found = find_poses(images, coarse, motion, seed=seed)
    except Refused as refusal:
        return refused(str(refusal), start, METHOD, ())
    without_rims = Refinement(images.fine(rims=False), motion, seed).run([found.best.map])
    answers: tuple[KnownAnswers, ...] = ()
    if score_of(found.best) >= MIN_SCORE[kind]:
        # Streams of their own: what one draws does not change the other.
        pieces = inset_answers(images, found, np.random.default_rng(seed))
        misfits = misfit_answers(found, images.unit_um, np.random.default_rng([seed, 2]))
        answers = (pieces, misfits)
    return judge(METHOD, found, without_rims, answers, images, scale_asked(found, seed))


def _centred(
    shape: Sequence[int],
    spacing_um: Sequence[float],
    overview_shape: Sequence[int],
    overview_spacing_um: Sequence[float],
) -> AffineMap:
    shift = grid_centre(overview_shape, overview_spacing_um) - grid_centre(shape, spacing_um)
    return AffineMap.from_parts(np.eye(3), shift)
