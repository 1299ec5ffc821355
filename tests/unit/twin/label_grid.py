"""The true labels of a cell on a plain grid."""

from __future__ import annotations

import numpy as np

from spallmap.frames import grid_centre
from spallmap.twin.poses import placed
from spallmap.twin.render import LABELS, MATTER, render_volume

CRACKS = (LABELS["empty_crack"], LABELS["sodium_crack"], LABELS["decoy"])
NOTHING = dict.fromkeys((*MATTER, "gas"), 0.0)


def labels_around(geometry, centre, spacing: float = 3.0, n: int = 100):
    pose = placed(np.eye(3), grid_centre((n, n, n), (spacing,) * 3), centre)
    _, labels = render_volume(geometry, pose, (n, n, n), spacing, NOTHING)
    return pose, labels
