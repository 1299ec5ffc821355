"""A line across all slices is no crack; an upright crack ends at the ceramic."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography import find_cracks, without_streaks

Z, Y, X = np.mgrid[:70, :80, :80]
RADIUS = np.hypot(Y - 40, X - 40)
CERAMIC = (np.abs(Z - 35) < 13) & (RADIUS < 34)
METAL = (np.abs(Z - 35) >= 13) & (np.abs(Z - 35) < 27) & (RADIUS < 26)
LABELS = np.select([CERAMIC, METAL], [1, 2], 5).astype(np.uint8)
SPACING_UM = (4.66,) * 3


def scan(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0.0, 900.0, LABELS.shape)
    return np.select([CERAMIC, METAL], [50_000.0, 19_000.0], 10_000.0) + noise


@pytest.mark.parametrize("angle", [0.2, 0.6, 2.0])
@pytest.mark.parametrize("lowest", [0.0, 12_000.0])
def test_a_streak_is_left_out_and_a_crack_beside_it_is_not(angle: float, lowest: float) -> None:
    across = (Y - 40) * np.cos(angle) - (X - 40) * np.sin(angle)
    along = (Y - 40) * np.sin(angle) + (X - 40) * np.cos(angle)
    crack = CERAMIC & (np.abs(Z - 35 - 0.4 * (across - 12)) < 0.8) & (np.hypot(across - 12, along) < 12)
    grey = scan(3)
    grey[crack] = 10_000.0
    grey -= 4_000.0 * (1.0 + 0.3 * np.sin(Z / 20.0)) * np.exp(-0.5 * ((across + 17) / 1.3) ** 2)
    grey = np.maximum(grey, lowest)
    found = find_cracks(grey, LABELS, SPACING_UM)
    left, n_streaks = without_streaks(found, grey, LABELS)
    assert (found.n, left.n, n_streaks) == (2, 1, 1)
    assert np.mean(crack[tuple(left.ridge_index.T)]) > 0.8
    assert set(left.ridge_crack.tolist()) == {1}


@pytest.mark.parametrize("depth", [1.0, 0.3])
def test_an_upright_crack_stays(depth: float) -> None:
    grey = scan(4)
    crack = CERAMIC & (np.abs(Y - 38) < 0.8) & (RADIUS < 26)
    grey[crack] -= depth * 40_000.0
    found = find_cracks(grey, LABELS, SPACING_UM)
    left, n_streaks = without_streaks(found, grey, LABELS)
    assert (found.n, left.n, n_streaks) == (1, 1, 0)
    assert left is found


def test_without_cracks_nothing_is_looked_at() -> None:
    found = find_cracks(scan(5), LABELS, SPACING_UM)
    assert without_streaks(found, scan(5), LABELS) == (found, 0)


def test_pores_in_a_streak_do_not_make_it_a_crack() -> None:
    labels, grey = LABELS.copy(), scan(6)
    for z, x in ((30, 25), (40, 33), (31, 41), (39, 49), (35, 57)):
        pore = CERAMIC & (np.sqrt((Z - z) ** 2 + (Y - 38) ** 2 + (X - x) ** 2) < 4.5)
        grey[pore], labels[pore] = 10_000.0, 3
    grey -= 3_000.0 * np.exp(-0.5 * ((Y - 38) / 1.3) ** 2)
    found = find_cracks(grey, labels, SPACING_UM)
    left, n_streaks = without_streaks(found, grey, labels)
    assert found.n > 0
    assert (left.n, n_streaks) == (0, found.n)
