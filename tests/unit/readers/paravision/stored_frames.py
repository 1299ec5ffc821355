"""Frames as ParaVision stores them, and the groups that number them."""

from __future__ import annotations

import numpy as np

ECHOES = "(3, <FG_ECHO>, <>, 0, 1)"
SLICES = "(2, <FG_SLICE>, <>, 1, 2)"
CYCLES = "(4, <FG_CYCLE>, <>, 0, 0)"
DEPENDENT = "( 3 )\n(<VisuAcqEchoTime>, 0) (<VisuCoreOrientation>, 0) (<VisuCorePosition>, 0)"
TE_MS = (2, 6.5, 11)


def stored_frames(n: int, dtype: str = "int16", shape: tuple[int, ...] = (6, 4)) -> np.ndarray:
    """Frames of which no two have a value in common, so far as the type allows."""
    rng = np.random.default_rng(n)
    if dtype == "float32":
        return np.abs(rng.normal(0, 1e3, (n, *shape))).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, (n, *shape)).astype(dtype)
