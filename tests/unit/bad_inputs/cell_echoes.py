"""Echoes of a bright bar, and how they are written."""

from __future__ import annotations

from typing import Any

import numpy as np

TE_MS = (2.0, 6.5, 11.0, 15.5, 20.0)
N_ROWS, N_COLUMNS = 24, 16


def five_echoes(seen: dict[str, Any]) -> bool:
    """Whether the five echoes were read, and nothing else."""
    return bool(seen["te_ms"] == TE_MS and seen["shape"][0] == len(TE_MS))


def echoes(t2_ms: float = 9.0, seed: int = 3, te_ms: Any = TE_MS) -> np.ndarray:
    """A bright bar in noise, echo by echo."""
    rng = np.random.default_rng(seed)
    bar = np.zeros((N_ROWS, N_COLUMNS))
    bar[6:14, 2:14] = rng.uniform(400, 900, (8, 12))
    signal = bar * np.exp(-np.asarray(te_ms) / t2_ms)[:, None, None]
    return np.hypot(signal + rng.normal(0, 12, signal.shape), rng.normal(0, 12, signal.shape))
