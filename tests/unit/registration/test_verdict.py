from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, rotation_map
from spallmap.registration.verdict import (
    Candidate,
    Check,
    angle_between_deg,
    best_different,
    block_bootstrap_covariance,
    block_labels,
    block_multiplicities,
    decide,
    mean_difference_um,
    pose_standard_error,
)

POINTS = np.random.default_rng(0).uniform(0.0, 500.0, (50, 3))


def shifted(x: float) -> AffineMap:
    return AffineMap.from_parts(np.eye(3), [x, 0.0, 0.0])


@pytest.mark.parametrize("angle", [1e-6, 0.3, 90.0, 179.9])
def test_angle_is_that_of_the_rotation_between(angle: float) -> None:
    rng = np.random.default_rng(1)
    first = Rotation.random(rng=rng)
    axis = rng.normal(size=3)
    second = first * Rotation.from_rotvec(np.deg2rad(angle) * axis / np.linalg.norm(axis))
    a = AffineMap.from_parts(1.02 * first.as_matrix(), [1.0, 2.0, 3.0])
    b = AffineMap.from_parts(0.97 * second.as_matrix(), np.zeros(3))
    assert angle_between_deg(a, b) == pytest.approx(angle, rel=1e-6, abs=1e-9)


def test_angle_between_a_map_and_its_mirror_image_is_finite() -> None:
    mirror = AffineMap.from_parts(np.diag([1.0, 1.0, -1.0]), np.zeros(3))
    assert angle_between_deg(AffineMap.identity(), mirror) == pytest.approx(0.0, abs=1e-9)


def test_decide_keeps_the_reasons_of_failed_checks_in_order() -> None:
    checks = [Check(True, "a"), Check(False, "b"), Check(False, "c")]
    assert decide(checks) == ("refused", ("b", "c"))
    assert decide(checks[:1]) == ("accepted", ())


def test_the_difference_of_two_shifts_is_their_distance() -> None:
    assert mean_difference_um(shifted(0.0), shifted(6.0), POINTS) == pytest.approx(6.0)


@pytest.mark.parametrize(("higher", "expected"), [(True, 0.8), (False, 0.2)])
def test_best_different_ignores_neighbours_of_the_best(higher: bool, expected: float) -> None:
    candidates = [
        Candidate(shifted(0.0), 0.9 if higher else 0.1),
        Candidate(shifted(3.0), 0.85 if higher else 0.15),
        Candidate(shifted(40.0), 0.5),
        Candidate(shifted(80.0), expected),
    ]
    found = best_different(candidates, shifted(0.0), POINTS, min_um=10.0, higher_is_better=higher)
    assert found is not None
    assert found.score == expected
    assert found.differs_by_um == pytest.approx(80.0)
    assert found.differs_by_deg == pytest.approx(0.0, abs=1e-9)


def test_best_different_takes_a_rotation_for_a_difference() -> None:
    rotated = rotation_map(Rotation.from_euler("z", 30.0, degrees=True), POINTS.mean(axis=0))
    candidates = [Candidate(rotated, 0.3)]
    assert best_different(candidates, AffineMap.identity(), POINTS, min_um=1e6) is None
    found = best_different(candidates, AffineMap.identity(), POINTS, min_um=1e6, min_deg=20.0)
    assert found is not None
    assert found.differs_by_deg == pytest.approx(30.0)


def test_block_labels_number_the_blocks_without_gaps() -> None:
    labels = block_labels((5, 7), (2, 3))
    assert labels.shape == (5, 7)
    assert sorted(np.unique(labels)) == list(range(9))
    assert np.array_equal(labels[:2, :3], np.zeros((2, 3)))
    assert labels[4, 6] == 8
    with pytest.raises(ValueError, match="at least one"):
        block_labels((5, 7), (0, 3))


def test_multiplicities_draw_as_many_blocks_as_there_are() -> None:
    labels = block_labels((6, 6), (2, 3))
    draws = block_multiplicities(labels, 50, np.random.default_rng(2))
    assert draws.shape == (50, 6, 6)
    # All blocks have six samples, so every draw has 36.
    assert np.all(draws.sum(axis=(1, 2)) == 36)
    assert np.all(draws[:, 0, 0] == draws[:, 1, 2])


def test_block_bootstrap_sees_the_correlation_that_single_samples_hide() -> None:
    # Samples are equal within a block of 8, so the mean of 1600 has the variance of a mean of 200.
    rng = np.random.default_rng(3)
    values = np.repeat(rng.normal(size=200), 8)
    labels = block_labels((1600,), (8,))

    def mean(weights: np.ndarray) -> np.ndarray:
        return np.array([np.average(values, weights=weights)])

    variance = block_bootstrap_covariance(mean, labels, 800, rng)[0, 0]
    assert variance == pytest.approx(values.var() / 200.0, rel=0.2)


def test_pose_standard_error_agrees_with_simulated_poses() -> None:
    rng = np.random.default_rng(4)
    to_reference = rotation_map(Rotation.random(rng=rng), [100.0, 0.0, 0.0], [5.0, 6.0, 7.0])
    centre = np.array([120.0, 80.0, 60.0])
    root = rng.normal(size=(6, 6)) * np.array([[1e-3]] * 3 + [[2.0]] * 3)
    covariance = root @ root.T
    plane = POINTS * [1.0, 1.0, 0.0]
    stated = pose_standard_error(covariance, to_reference, centre, plane)
    squares = np.zeros(3)
    for draw in rng.multivariate_normal(np.zeros(6), covariance, size=2000):
        moved = rotation_map(Rotation.from_rotvec(draw[:3]), centre, draw[3:]) @ to_reference
        squares += (((moved(plane) - to_reference(plane)) @ to_reference.linear) ** 2).mean(axis=0)
    measured = np.sqrt(squares / 2000)
    np.testing.assert_allclose([stated.u, stated.v, stated.normal], measured, rtol=0.08)
    assert pose_standard_error(covariance, to_reference, centre, plane, normal=False).normal is None
