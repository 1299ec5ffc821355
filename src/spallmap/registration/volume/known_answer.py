"""Scans of the fixed ceramic at known poses, and how far off they are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from spallmap.frames import Points, points_to_indices, rotation_map
from spallmap.registration.gauss_newton import Alignment, Field, Motion
from spallmap.registration.known_answers import KnownAnswers, known_answers, own_error_um
from spallmap.registration.volume.refine import CeramicLevel, through
from spallmap.registration.volume.search import RIM_STEP_SAMPLES

# Mirror images of the ceramic's frame over which differences are laid, one a copy: four known answers are
# enough to see a gross error, and cheaper than the search.
_MIRRORS = np.array([(-1, 1, 1), (1, -1, 1), (-1, -1, 1), (1, 1, -1)])


def volume_answers(
    levels: Sequence[CeramicLevel],
    shown: Field,
    best: Alignment,
    motion: Motion,
    body: Points,
    coarse_um: float,
    rng: np.random.Generator,
) -> KnownAnswers:
    """Scan the fixed ceramic in the computer at known poses, and register these scans.

    A scan shows the fixed tomogram where the moving one's sample points were found to lie, and adds what the
    two differ by elsewhere in the ceramic (found by mirroring it): noise, rings and new cracks as they are
    here. The poses lie around the one found as far off as the search may end.
    """
    field = levels[-1].field
    spline = ndimage.spline_filter(field.values, output=np.float32)
    gain = float(np.polyfit(levels[-1].basis[:, 0], field.values_at(best.map(levels[-1].points))[0], 1)[0])
    centre = body.mean(axis=0)
    reach = np.linalg.norm(body - centre, axis=1).max()
    errors = []
    for mirror in _MIRRORS:
        rotation = rng.uniform(-1.0, 1.0, 3) * RIM_STEP_SAMPLES * coarse_um / reach
        shift = rng.uniform(-1.0, 1.0, 3) * coarse_um
        known = best.map @ rotation_map(Rotation.from_rotvec(rotation), centre, shift)
        copies = []
        for level in levels:
            here = best.map(level.points)
            indices = points_to_indices(here - field.origin_um, field.spacing_um)
            scan = ndimage.map_coordinates(spline, indices.T, order=3, mode="nearest", prefilter=False)
            there = centre + (level.points - centre) * mirror
            own, inside = shown.values_at(there)
            differs = gain * own - field.values_at(best.map(there))[0]
            noisy = scan.astype(np.float64) + np.where(inside, differs, 0.0)
            copies.append(replace(level, points=known.inverse()(here), basis=noisy[:, None]))
        errors.append(own_error_um(through(copies, best.map, motion).map, known, body))
    return known_answers(errors, made_of="scans of the reference ceramic")
