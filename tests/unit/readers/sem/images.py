"""Drawn electron microscope images."""

from __future__ import annotations

import numpy as np


def section(seed: int = 0, bar: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    image = np.clip(rng.normal(120, 20, (200, 260)), 0, 255).astype(np.uint8)
    if bar:
        image[-bar:] = 0
        image[-bar + 10 : -bar + 14, 20:90] = 255
    return image
