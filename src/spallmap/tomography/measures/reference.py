"""Cracks in the reference frame: how a tomogram maps to it, and what may rest on that."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from spallmap.frames import AffineMap
from spallmap.tomography.measures.surfaces import Surface

OWN_FRAME = "own frame is the reference frame"
MAPPED = "mapped to the reference frame"
LEFT_OUT = "left out: the tomogram's registration was refused"


@dataclass(frozen=True)
class ReferencePose:
    """How a tomogram maps to the reference frame.

    Parameters
    ----------
    map : AffineMap
        From the tomogram's own frame to the reference frame.
    se_um : tuple of float or None
        One standard error of a point's position in each direction; None where it is unknown.
    accepted : bool
        Whether the map may be used.

    Examples
    --------
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.tomography import ReferencePose
    >>> pose = ReferencePose(AffineMap.identity(), (3.0, None, 4.0), accepted=True)
    >>> pose.error_um, pose.comparable
    (5.0, False)
    """

    map: AffineMap
    se_um: tuple[float | None, ...]
    accepted: bool

    @property
    def error_um(self) -> float:
        """Standard error of a point's position over all directions in which it is known."""
        return math.hypot(*(e or 0.0 for e in self.se_um))

    @property
    def comparable(self) -> bool:
        """Whether two states may be compared through it: accepted, its error known in every direction."""
        return self.accepted and None not in self.se_um


# Of a tomogram whose own frame is the reference frame.
SAME_FRAME = ReferencePose(AffineMap.identity(), (0.0,), accepted=True)


def surface_in_reference(surface: Surface, pose: ReferencePose | None) -> tuple[Surface, str]:
    """Bring the middle surfaces of cracks to the reference frame, or leave them out.

    Parameters
    ----------
    surface : Surface
        In the tomogram's own frame.
    pose : ReferencePose or None
        How the tomogram maps to the reference frame; None where its own frame is the reference frame.

    Returns
    -------
    surface : Surface
        In the reference frame; empty where the map may not be used.
    reason : str
        What was done, in words.

    Examples
    --------
    >>> import numpy as np
    >>> from spallmap.frames import AffineMap
    >>> from spallmap.tomography import ReferencePose, Surface, surface_in_reference
    >>> ones = np.ones(3)
    >>> corners = np.array([[0.0, 0.0, 0.0], [5.0, 0.0, 0.0], [0.0, 5.0, 0.0]])
    >>> own = Surface(corners, np.array([[0, 1, 2]]), ones.astype(np.int32), ones, ones, ones)
    >>> moved = AffineMap.from_parts(np.eye(3), [100.0, 0.0, 0.0])
    >>> there, reason = surface_in_reference(own, ReferencePose(moved, (1.0, 1.0, 1.0), accepted=True))
    >>> reason, there.points_xyz_um[:, 0].tolist()
    ('mapped to the reference frame', [100.0, 105.0, 100.0])
    """
    if pose is None:
        return surface, OWN_FRAME
    if pose.accepted:
        return replace(surface, points_xyz_um=pose.map(surface.points_xyz_um)), MAPPED
    return surface.none_of_it(), LEFT_OUT
