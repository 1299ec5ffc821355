from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography.cracks.bright import BRIGHT_HALO, bright_limit, without_bright
from spallmap.tomography.cracks.crack_search import find_cracks
from spallmap.tomography.cracks.thresholds import crack_thresholds

SHAPE = (48, 90, 90)
WHOLE = (slice(0, 48), slice(0, 90), slice(0, 90))


def disc(fringe: float = 0.0, crack: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Ceramic with a bright rim of a voxel and a half along its side, and a crack."""
    z, y, x = np.mgrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    radius = np.hypot(y - 44.5, x - 44.5)
    filled = (np.abs(z - 23.5) < 17) & (radius < 38)
    grey = np.where(filled, 50_000.0, 10_000.0)
    grey += filled * fringe * np.exp(-0.5 * ((radius - 36.0) / 1.0) ** 2)
    if crack:
        sheet = (np.abs(z - 23.5 - 0.3 * (y - 44.5)) < 0.7) & (radius < 15)
        grey[sheet] = 10_000.0
    grey += np.random.default_rng(1).normal(0.0, 1000.0, SHAPE)
    return grey, np.where(filled, 1, 5).astype(np.uint8)


def test_a_ceramic_without_anything_bright_is_left_as_it_is() -> None:
    grey, labels = disc()
    assert bright_limit(grey, labels, [WHOLE]) == np.inf
    assert crack_thresholds(grey, labels).bright == np.inf


def test_no_crack_is_found_beside_a_fringe_and_a_true_one_still_is() -> None:
    grey, labels = disc(fringe=12_000.0)
    thresholds = crack_thresholds(grey, labels)
    assert 50_300.0 < thresholds.bright < 52_000.0
    assert "brighter than ceramic" in thresholds.null
    assert find_cracks(grey, labels, (5.0, 5.0, 5.0)).n == 0
    grey, labels = disc(fringe=12_000.0, crack=True)
    assert find_cracks(grey, labels, (5.0, 5.0, 5.0)).n == 1


def test_what_is_bright_is_cut_off_at_the_ceramic_and_the_dark_stays() -> None:
    n = 9 + 2 * BRIGHT_HALO
    source = np.full((n, n, n), 50_000.0, dtype=np.float32)
    middle = BRIGHT_HALO + 4
    source[middle] = 70_000.0
    source[middle, middle, middle] = 20_000.0
    out = without_bright(source, 51_000.0)
    assert out.shape == (9, 9, 9)
    assert out.max() == pytest.approx(50_000.0)
    assert out[4, 4, 4] == pytest.approx(20_000.0)


def test_nothing_is_bright_without_ceramic() -> None:
    grey, labels = disc()
    assert bright_limit(grey, np.full_like(labels, 5), [WHOLE]) == np.inf
