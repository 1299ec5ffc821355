"""The element maps' bad days."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.twin import draw_cell, draw_section_pose, simulate_edx
from spallmap.twin.faults.edx_faults import EdxFaults, attenuation, drift_shifts


def counts_with(faults: EdxFaults | None) -> np.ndarray:
    """Count over the same section with some faults."""
    rng = np.random.default_rng(7)
    geometry = draw_cell(rng).shorted
    to_cell = draw_section_pose(rng, geometry, (100, 150), 6.0, 60.0)
    return simulate_edx(geometry, to_cell, rng, shape=(60, 80), spacing_um=10.0, faults=faults)


def test_a_map_without_faults_is_the_one_that_it_was() -> None:
    assert np.array_equal(counts_with(None), counts_with(EdxFaults()))


def test_fewer_counts_are_fewer() -> None:
    ratio = counts_with(None).sum() / counts_with(EdxFaults(fewer_counts=5.0)).sum()
    assert ratio == pytest.approx(5.0, rel=0.05)


def test_drift_moves_the_rows_apart_and_not_the_map() -> None:
    shifts = drift_shifts((60, 80), EdxFaults(drift_um=4.0), np.random.default_rng(1))
    assert np.allclose(shifts.mean(axis=(0, 1)), 0.0)
    assert np.linalg.norm(shifts[-1, 0] - shifts[0, 0]) == pytest.approx(4.0, abs=1.5)
    assert not np.array_equal(counts_with(None), counts_with(EdxFaults(drift_um=40.0)))


def test_a_shadow_lies_on_one_side_of_a_hole() -> None:
    solid = np.ones((40, 40))
    solid[15:25, 15:25] = 0.0
    left = attenuation(solid, 2.0, EdxFaults(shadow=0.5), np.random.default_rng(3))
    assert left.max() <= 1.0
    assert left.min() < 0.6 * left.max()


def test_drawing_turns_on_as_many_faults_as_asked() -> None:
    assert {len(EdxFaults.draw(np.random.default_rng(k), 2).names) for k in range(10)} == {2}
