"""What is darker than its neighbours but no darker than ceramic is no crack."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from spallmap.tomography import (
    Cracks,
    assemble_cracks,
    ceramic_box,
    crack_thresholds,
    find_candidates,
    without_shells,
)

Z, Y, X = np.mgrid[:48, :90, :90]
LABELS = np.where((np.abs(Z - 23.5) < 17) & (np.hypot(Y - 44, X - 44) < 38), 1, 5).astype(np.uint8)
BETWEEN = np.hypot(Y - 58, X - 44) < 9


def scan(noise: float = 800.0) -> np.ndarray:
    return np.where(LABELS == 1, 50_000.0, 10_000.0) + np.random.default_rng(1).normal(0.0, noise, Z.shape)


def two_layers(grey: np.ndarray, height: float) -> None:
    """Draw two bright layers with a gap of three voxels of ceramic."""
    grey += height * (BETWEEN & (np.abs(np.abs(Z - 23) - 3) <= 1))


def searched(grey: np.ndarray) -> Cracks:
    """Find cracks as in a scan whose bright things are too few to be cut off."""
    thresholds = replace(crack_thresholds(grey, LABELS), bright=np.inf)
    box = ceramic_box(LABELS)
    assert box is not None
    return assemble_cracks([find_candidates(grey, LABELS, box, thresholds)], grey.shape, thresholds)


@pytest.mark.parametrize("height", [3_000.0, 7_000.0])
def test_ceramic_between_bright_layers_is_left_out_and_a_crack_beside_it_is_not(height: float) -> None:
    grey = scan()
    two_layers(grey, height)
    crack = (np.abs(Z - 23 - 0.3 * (Y - 30)) < 0.7) & (np.hypot(Y - 30, X - 44) < 8)
    grey[crack] -= 8_000.0
    found = searched(grey)
    left, n_shells = without_shells(found, grey, LABELS)
    assert (found.n, left.n, n_shells) == (2, 1, 1)
    assert abs(np.median(left.ridge_index[:, 1]) - 30) < 3
    assert set(left.ridge_crack.tolist()) == {1}
    assert len(left.ridge_index) == len(left.ridge_normal) == len(left.ridge_response)


def test_the_answer_does_not_depend_on_threads() -> None:
    grey = scan()
    two_layers(grey, 3_000.0)
    found = searched(grey)
    assert without_shells(found, grey, LABELS, 2)[1] == without_shells(found, grey, LABELS)[1] == 1


@pytest.mark.parametrize("depth", [2_500.0, 40_000.0])
@pytest.mark.parametrize("shading", [0.0, 2_000.0])
def test_a_crack_stays_in_shaded_ceramic_too(depth: float, shading: float) -> None:
    grey = scan(500.0)
    grey[BETWEEN & (np.abs(Z - 23) < 1)] -= depth
    grey += shading * np.exp(-0.5 * ((X - 54) ** 2 + (Y - 44) ** 2) / 14.0**2)
    found = searched(grey)
    left, n_shells = without_shells(found, grey, LABELS)
    assert (found.n, n_shells) == (1, 0)
    assert left is found


def test_a_crack_with_bright_fringes_stays() -> None:
    grey = scan()
    grey[BETWEEN & (np.abs(Z - 23) < 1)] -= 16_000.0
    grey += 6_000.0 * (BETWEEN & (np.abs(np.abs(Z - 23) - 2.5) < 1))
    assert without_shells(searched(grey), grey, LABELS)[1] == 0


def test_without_cracks_nothing_is_looked_at() -> None:
    found = searched(scan())
    assert without_shells(found, scan(), LABELS) == (found, 0)
