from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography.measures.morphology import Shape, classify

VOXEL = 4.66


def _disc(
    rng: np.random.Generator, centre: np.ndarray, normal: np.ndarray, radius: float, half: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Points a voxel apart on a disc, or on its half on one side, in voxels."""
    normal = normal / np.linalg.norm(normal)
    u = np.cross(normal, [0.3, 0.5, 0.8]) if half is None else half
    u = u / np.linalg.norm(u)
    v = np.cross(normal, u)
    a, b = (g.ravel() for g in np.meshgrid(*[np.arange(-radius, radius + 1)] * 2))
    keep = (np.hypot(a, b) <= radius) & ((a >= 0) | (half is None))
    points = centre + a[keep, None] * u + b[keep, None] * v + 0.15 * rng.normal(size=(keep.sum(), 3))
    noisy = normal + 0.1 * rng.normal(size=(keep.sum(), 3))
    return points, noisy / np.linalg.norm(noisy, axis=1, keepdims=True)


def _name(parts: list[tuple[np.ndarray, np.ndarray]], closure: float) -> Shape:
    points, normals = (np.concatenate(p) for p in zip(*parts, strict=True))
    return classify(points * VOXEL, normals, np.ones(len(points)), closure, VOXEL)


@pytest.mark.parametrize("seed", range(6))
def test_shapes_drawn_as_points_get_their_names(seed: int) -> None:
    rng = np.random.default_rng(seed)
    origin, normal = np.zeros(3), rng.normal(size=3)
    main = _disc(rng, origin, normal, 25.0, None)
    n = main[1].mean(axis=0) / np.linalg.norm(main[1].mean(axis=0))
    hinge = np.cross(n, rng.normal(size=3))
    hinge /= np.linalg.norm(hinge)
    angle = np.deg2rad(rng.uniform(30.0, 90.0))
    away = np.cos(angle) * np.cross(n, hinge) + np.sin(angle) * n
    side = _disc(rng, origin, np.cross(hinge, away), 16.0, away)
    network = [
        _disc(rng, rng.uniform(-14, 14, 3), rng.normal(size=3), rng.uniform(6, 10), None) for _ in range(18)
    ]
    bowl = rng.normal(size=(4000, 3))
    bowl /= np.linalg.norm(bowl, axis=1, keepdims=True)
    bowl = bowl[bowl[:, 2] < -0.2]
    for parts, closure, name in (
        ([main], 0.45, "straight"),
        ([main, side], 0.3, "branching"),
        ([(25.0 * bowl, bowl)], 0.95, "spalling"),
        (network, 0.3, "diffuse"),
    ):
        shape = _name(parts, closure)
        assert shape.morphology == name
        assert 0.5 < shape.score <= 1.0
    assert _name([main], 0.0).main_fraction > 0.95
    assert _name([main, side], 0.0).junction_fraction > 0.1
    # Where a limit is met the score says so.
    assert _name([(25.0 * bowl, bowl)], 0.6).score == pytest.approx(0.5, abs=0.02)
