from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from spallmap.relaxometry.regions.labelling import PAIRS, likeliest_labels


def energy(labels: np.ndarray, evidence: np.ndarray, voters: np.ndarray, coupling: float) -> float:
    """What the labelling maximises, written as plain loops."""
    total = float(evidence[labels].sum())
    ny, nx = labels.shape
    for y, x in product(range(ny), range(nx)):
        for (down, right), weight in PAIRS:
            v, u = y + down, x + right
            if v < ny and 0 <= u < nx and voters[y, x] and voters[v, u]:
                total -= coupling * weight * (labels[y, x] != labels[v, u])
    return total


def test_labelling_is_the_best_of_all() -> None:
    rng = np.random.default_rng(31)
    mixed = 0
    for _ in range(10):
        voters = rng.random((3, 3)) < 0.85
        evidence = np.where(voters, rng.normal(0.0, 1.5, (3, 3)), 0.0)
        coupling = rng.uniform(0.2, 1.2)
        positions = np.argwhere(voters)
        best = -np.inf
        for choice in product((False, True), repeat=len(positions)):
            labels = np.zeros((3, 3), dtype=bool)
            labels[tuple(positions.T)] = choice
            best = max(best, energy(labels, evidence, voters, coupling))
        found = likeliest_labels(evidence, voters, coupling)
        assert not found[~voters].any()
        assert energy(found, evidence, voters, coupling) == pytest.approx(best, abs=1e-2)
        mixed += bool(np.any(found != (evidence > 0.0)))
    assert mixed > 2


def test_large_labelling_cannot_be_bettered_by_one_pixel() -> None:
    rng = np.random.default_rng(32)
    voters = np.ones((14, 14), dtype=bool)
    evidence = ndimage.gaussian_filter(rng.normal(size=(14, 14)), 1.0) * 4.0
    found = likeliest_labels(evidence, voters, 0.55)
    best = energy(found, evidence, voters, 0.55)
    assert 10 < np.count_nonzero(found) < 186
    for y, x in product(range(14), range(14)):
        other = found.copy()
        other[y, x] = not other[y, x]
        assert energy(other, evidence, voters, 0.55) <= best + 1e-2
