"""Registers one tomogram of a cell to another, by the pores of its ceramic.

Electrodes move between two scans and cracks appear; the ceramic with its pores stays. The ceramic is found
by its phases, laid axis upon axis, rotated through all azimuths (and upside down) while the pores are
correlated by Fourier transform over all shifts, and the best poses are refined on finer and finer grids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spallmap.axes import AxesPrior
from spallmap.frames import AffineMap, Points
from spallmap.registration.compose import exchanged, refused
from spallmap.registration.fitting_size import Size, with_fitting_size
from spallmap.registration.gauss_newton import Field, Motion
from spallmap.registration.known_answers import known_answers
from spallmap.registration.result import Registration
from spallmap.registration.scale import scale_is_worthwhile
from spallmap.registration.verdict import Candidate, Refused
from spallmap.registration.volume.ceramic import CeramicView, ceramic_view
from spallmap.registration.volume.ceramic_extent import EXTENT_ERROR, better_stretches, extent_sizes
from spallmap.registration.volume.judge import MIN_SCORE, block_um, judge
from spallmap.registration.volume.known_answer import volume_answers
from spallmap.registration.volume.pore_score import PoreScore
from spallmap.registration.volume.refine import edge_level, refine, smooth, through
from spallmap.registration.volume.search import search_rotations

METHOD = "pores of the ceramic: all rotations by Fourier correlation, then robust Gauss-Newton"

# The search grid has at most this many samples across the ceramic: pores of a twentieth of its radius are
# still seen there, and one rotation takes some 20 ms.
_COARSE_EXTENT_SAMPLES = 64

# Poses of the search that are refined at the coarse level: wrong ones rarely lie so close to the truth.
_REFINED_CANDIDATES = 6

# With fewer samples in pores there is nothing to distinguish one rotation from another.
_MIN_PORE_POINTS = 200


def register_volume(
    moving_grey: NDArray[Any],
    moving_phases: NDArray[Any],
    moving_spacing_um: Sequence[float],
    fixed_grey: NDArray[Any],
    fixed_phases: NDArray[Any],
    fixed_spacing_um: Sequence[float],
    *,
    prior: AxesPrior,
    seed: int = 1,
    threads: int = 1,
) -> Registration:
    """Register one tomogram of a cell to another.

    Parameters
    ----------
    moving_grey, fixed_grey : ndarray, shape (nz, ny, nx)
        Grey values; ceramic brighter than sodium. The scales need not agree.
    moving_phases, fixed_phases : ndarray of int, shape (nz, ny, nx)
        1 ceramic, 2 sodium, 3 void in the ceramic, 4 other solid, 5 outside.
    moving_spacing_um, fixed_spacing_um : sequence of float
        In array order.
    prior : AxesPrior
        Which directions of the fixed tomogram the moving array's axes run along. All rotations are tried; the
        prior says which way the stack points where the ceramic's shape does not, and a large departure from
        it is reported.
    seed : int
        Chooses the points that are compared.
    threads : int
        For the Fourier transforms.

    Returns
    -------
    Registration
        From the moving to the fixed frame: a rigid motion, and a common scale of up to 2 % where the blocks
        that it was not fitted to ask for it. The score is the correlation of the grey deficit around the
        pores, in the ceramic without its skin.

    Raises
    ------
    ValueError
        If grey and phases differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.axes import AxesPrior
    >>> scan = np.full((8, 8, 8), 120.0), np.full((8, 8, 8), 5), (2.0, 2.0, 2.0)
    >>> found = register_volume(*scan, *scan, prior=AxesPrior.parse("z,y,x"))
    >>> found.verdict, found.reasons
    ('refused', ('the moved tomogram shows no ceramic',))
    """
    for grey, phases in ((moving_grey, moving_phases), (fixed_grey, fixed_phases)):
        if grey.shape != phases.shape or grey.ndim != 3:
            raise ValueError(f"grey {grey.shape} and phases {phases.shape} must be one volume's")
    if np.linalg.det(prior.linear()) < 0:
        return _transposed(
            moving_grey,
            moving_phases,
            moving_spacing_um,
            fixed_grey,
            fixed_phases,
            fixed_spacing_um,
            prior=prior,
            seed=seed,
            threads=threads,
        )
    fixed_um = tuple(fixed_spacing_um)

    def at(size: Size) -> Registration:
        moving, fixed = (moving_grey, moving_phases, size), (fixed_grey, fixed_phases, fixed_um)
        return _attempt(moving, fixed, prior, seed, threads)

    def other_sizes() -> list[Size]:
        try:
            moving = ceramic_view(moving_grey, moving_phases, moving_spacing_um, "moved")
            fixed = ceramic_view(fixed_grey, fixed_phases, fixed_spacing_um, "reference")
        except Refused:
            return []
        return extent_sizes(moving, fixed, moving_spacing_um, prior)

    stated = tuple(float(s) for s in moving_spacing_um)
    return with_fitting_size(at(stated), stated, other_sizes, at, _agreement, EXTENT_ERROR)


def _agreement(found: Registration) -> str:
    return f"correlation {found.score or 0.0:.2f} around the pores"


# Smoothing of the pores at which the pose is found once more. Where pores are doubled, smeared or fringed,
# the two poses differ; in clean scans by a hundredth of a sample or two.
ROUGH_SAMPLES = 2.0

Scan = tuple[NDArray[Any], NDArray[Any], tuple[float, ...]]


def _attempt(moving_scan: Scan, fixed_scan: Scan, prior: AxesPrior, seed: int, threads: int) -> Registration:
    """Register grey, phases and spacing of one tomogram to those of another."""
    moving_spacing_um = moving_scan[2]
    start = prior.map(moving_scan[0].shape, moving_spacing_um, fixed_scan[0].shape, fixed_scan[2])
    try:
        moving = ceramic_view(*moving_scan, "moved")
        fixed = ceramic_view(*fixed_scan, "reference")
    except Refused as refusal:
        return refused(str(refusal), start, METHOD, ())
    rng = np.random.default_rng(seed)
    pores = PoreScore(moving, fixed, rng)
    if pores.n_points < _MIN_PORE_POINTS:
        return refused(
            "the ceramic shows too few pores to distinguish one rotation from another", start, METHOD, ()
        )
    factor = max(1, round(max(fixed.filled.shape) / _COARSE_EXTENT_SAMPLES))
    coarse = edge_level(moving, fixed, factor, rng)
    poses = [
        refine(coarse, found.map, Motion()).map
        for found in search_rotations(moving, fixed, start, factor, keep=_REFINED_CANDIDATES, threads=threads)
    ]
    candidates = sorted((Candidate(p, pores.score(p)) for p in poses), key=lambda c: -c.score)
    finer = [factor // 2] if factor > 3 else []
    levels = [coarse, *(edge_level(moving, fixed, f, rng) for f in finer)]
    levels.append(edge_level(moving, fixed, 1, rng, moving.core))
    alignment = through(levels, candidates[0].map, Motion())
    body = _body(moving)
    fine = levels[-1]
    motion = Motion(scale=scale_is_worthwhile(fine.field, fine.points, fine.basis, alignment, block_um(body)))
    if motion.scale:
        alignment = refine(fine, alignment.map, motion)
    shown = Field(smooth(moving.deficit), moving.spacing_um, moving.origin_um, moving.core)
    answers = known_answers([])
    if pores.score(alignment.map) >= MIN_SCORE:
        answers = volume_answers(levels, shown, alignment, motion, body, factor * max(moving.spacing_um), rng)
    stretches = better_stretches(fine, alignment, motion)
    rough = edge_level(moving, fixed, 1, np.random.default_rng([seed, 1]), moving.core, ROUGH_SAMPLES)
    blurred = refine(rough, alignment.map, motion).map
    voxel_um = max(moving.spacing_um)
    return judge(
        METHOD, alignment, motion, candidates, pores, body, voxel_um, answers, start, stretches, blurred
    )


def _transposed(
    moving_grey: NDArray[Any],
    moving_phases: NDArray[Any],
    moving_spacing_um: Sequence[float],
    *fixed: Any,
    prior: AxesPrior,
    **options: Any,
) -> Registration:
    """Register an array whose axes, as the table has them, form a left-handed frame.

    With its last two axes exchanged it is right-handed; motions are looked for among rotations alone, or a
    mirrored cell would pass for the cell.
    """
    names = prior.names
    found = register_volume(
        np.swapaxes(moving_grey, 1, 2),
        np.swapaxes(moving_phases, 1, 2),
        [moving_spacing_um[0], moving_spacing_um[2], moving_spacing_um[1]],
        *fixed,
        prior=AxesPrior((names[0], names[2], names[1])),
        **options,
    )
    return exchanged(found, AffineMap.from_parts(np.eye(3)[[1, 0, 2]], np.zeros(3)))


def _body(moving: CeramicView) -> Points:
    """Return some points of the ceramic without its skin."""
    body = moving.points(moving.core)
    return body[:: max(1, body.shape[0] // 2000)]
