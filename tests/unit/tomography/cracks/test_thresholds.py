from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.tomography import plate_response
from spallmap.tomography.cracks import thresholds
from spallmap.tomography.cracks.plate import SIGMAS_VOXELS
from spallmap.tomography.cracks.thresholds import (
    HIGH_QUANTILE,
    LOW_QUANTILE,
    NOISE_HIGH,
    NOISE_LOW,
    crack_thresholds,
)
from tests.unit.tomography.tomography_drawings import draw_cell, scan_of


@pytest.mark.parametrize("blur", [0.3, 0.7, 1.0])
def test_the_own_null_lies_above_the_tail_of_gaussian_noise(blur: float) -> None:
    rng = np.random.default_rng(8)
    noise = ndimage.gaussian_filter(rng.normal(size=(80, 80, 80)).astype(np.float32), blur)
    inner = (slice(8, -8),) * 3
    weights = [
        1.0 / np.quantile(plate_response(noise, None, (s,), (1.0,))[inner], 0.9) for s in SIGMAS_VOXELS
    ]
    values = plate_response(noise, None, SIGMAS_VOXELS, weights)[inner]
    low, high = np.quantile(values, (LOW_QUANTILE, HIGH_QUANTILE)) / np.quantile(values, 0.9)
    assert 1.1 < NOISE_LOW / low < 1.5
    assert 1.1 < NOISE_HIGH / high < 1.5


def test_the_null_comes_from_all_over_a_large_ceramic(monkeypatch: pytest.MonkeyPatch) -> None:
    grey, labels = scan_of(draw_cell(np.random.default_rng(15)))
    whole_null = crack_thresholds(grey, labels, grey, labels)
    monkeypatch.setattr(thresholds, "NULL_TILE", 12)
    seen = []
    inside = thresholds.block_responses  # type: ignore[attr-defined]

    def note(source: np.ndarray, region: tuple[slice, slice, slice], sigmas: tuple[float, ...]) -> list:
        seen.append([s.start for s in region])
        return inside(source, region, sigmas)

    monkeypatch.setattr(thresholds, "block_responses", note)
    some = crack_thresholds(grey, labels, grey, labels)
    spread = np.ptp(np.array(seen), axis=0)
    # The ceramic is a disc of 60 voxels' width.
    assert np.all(spread[1:] >= 36)
    assert np.allclose(some.weights, whole_null.weights, rtol=0.1)
    assert some.low == pytest.approx(whole_null.low, rel=0.15)


def test_another_seed_draws_other_blocks_and_the_same_seed_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    grey, labels = scan_of(draw_cell(np.random.default_rng(15)))
    monkeypatch.setattr(thresholds, "NULL_TILE", 12)
    monkeypatch.setattr(thresholds, "MAX_NULL_TILES", 20)
    as_ever = crack_thresholds(grey, labels, grey, labels)
    assert crack_thresholds(grey, labels, grey, labels, seed=1) == as_ever
    other, again = (crack_thresholds(grey, labels, grey, labels, seed=2) for _ in range(2))
    assert other == again
    assert other.weights != as_ever.weights
    assert np.allclose(other.weights, as_ever.weights, rtol=0.2)
