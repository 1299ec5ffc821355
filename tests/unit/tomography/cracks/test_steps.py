"""The foot of a step between two joined scans is no crack; a crack that crosses it is."""

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
    without_steps,
)

Z, Y, X = np.mgrid[:48, :90, :90]
LABELS = np.where((np.abs(Z - 23.5) < 17) & (np.hypot(Y - 44, X - 44) < 38), 1, 5).astype(np.uint8)


def joined(height: float, seed: int = 1) -> np.ndarray:
    """Two scans of one ceramic, joined below slice 24."""
    grey = np.where(LABELS == 1, 50_000.0, 10_000.0)
    grey += np.random.default_rng(seed).normal(0.0, 800.0, Z.shape)
    grey += height * ((Z >= 24) & (LABELS == 1))
    return grey


def searched(grey: np.ndarray) -> Cracks:
    """Find cracks with thresholds low enough for the foot of a step."""
    thresholds = replace(crack_thresholds(grey, LABELS), low=1.5, high=2.0, bright=np.inf)
    box = ceramic_box(LABELS)
    assert box is not None
    return assemble_cracks([find_candidates(grey, LABELS, box, thresholds)], grey.shape, thresholds)


@pytest.mark.parametrize("height", [-4_000.0, 4_000.0])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_foot_of_a_step_is_left_out(height: float, seed: int) -> None:
    grey = joined(height, seed)
    found = searched(grey)
    assert found.n > 0
    left, n_steps = without_steps(found, grey, LABELS)
    assert (left.n, n_steps) == (0, found.n)


@pytest.mark.parametrize("height", [-4_000.0, 0.0, 4_000.0])
@pytest.mark.parametrize("slope", [0.0, 0.4, 3.0])
def test_a_crack_through_or_along_the_joint_stays(height: float, slope: float) -> None:
    grey = joined(height)
    sheet = np.abs(Z - 24.0 - slope * (Y - 40)) < 0.7 * np.hypot(1.0, slope)
    grey[sheet & (np.hypot(Y - 40, X - 44) < 14) & (LABELS == 1)] -= 15_000.0
    found = searched(grey)
    left, _ = without_steps(found, grey, LABELS)
    largest = np.bincount(found.ridge_crack)[1:].max()
    assert np.bincount(left.ridge_crack)[1:].max() == largest


def test_no_cracks_and_any_number_of_threads() -> None:
    grey = joined(4_000.0)
    found = searched(grey)
    assert without_steps(found, grey, LABELS, 2)[1] == without_steps(found, grey, LABELS)[1]
    none, _ = without_steps(found, grey, LABELS)
    assert without_steps(none, grey, LABELS) == (none, 0)
