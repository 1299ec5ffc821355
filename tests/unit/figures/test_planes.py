from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.figures.planes import cut_through, image_values_at, look, mean_per_pixel, project
from spallmap.frames import AffineMap, grid_points, rotation_map


def linear_volume(shape: tuple[int, int, int], spacing: tuple[float, float, float]) -> np.ndarray:
    points = grid_points(shape, spacing)
    return points @ np.array([1.0, 2.0, 3.0])


@pytest.mark.parametrize("seed", range(4))
def test_a_cut_shows_the_volume_at_its_points(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, spacing = (12, 14, 16), (5.0, 4.0, 3.0)
    across, up = rng.normal(size=(2, 3))
    centre = np.array([22.0, 26.0, 27.0])
    cut = cut_through(centre, across, up, shape, spacing)
    assert cut.across @ cut.up == pytest.approx(0.0, abs=1e-12)
    shown = look(linear_volume(shape, spacing), spacing, cut)
    expected = cut.points() @ np.array([1.0, 2.0, 3.0])
    inside = np.isfinite(shown)
    assert inside.any()
    assert shown[inside] == pytest.approx(expected[inside])
    across_um, up_um = cut.coordinates(centre)
    assert cut.origin_um + across_um * cut.across + up_um * cut.up == pytest.approx(centre)


def test_a_cut_through_another_frame_shows_the_same_place() -> None:
    shape, spacing = (12, 14, 16), (5.0, 4.0, 3.0)
    to_volume = AffineMap.from_parts(np.eye(3), (3.0, -2.0, 1.0))
    cut = cut_through((22.0, 26.0, 27.0), (1, 0, 0), (0, 0, 1), shape, spacing)
    shown = look(linear_volume(shape, spacing), spacing, cut, to_volume)
    expected = cut.points() @ np.array([1.0, 2.0, 3.0]) + 3.0 - 4.0 + 3.0
    inside = np.isfinite(shown)
    assert shown[inside] == pytest.approx(expected[inside])


@pytest.mark.parametrize("angle", [0.0, 20.0, 90.0])
def test_a_balls_projection_is_its_chord(angle: float) -> None:
    shape, spacing, radius = (60, 60, 60), (2.0, 2.0, 2.0), 40.0
    centre = np.array([59.0, 59.0, 59.0])
    ball = np.linalg.norm(grid_points(shape, spacing) - centre, axis=-1) < radius
    rotation = rotation_map(Rotation.from_euler("xyz", (angle, angle / 2.0, 0.0), degrees=True), centre)
    image_to_volume = rotation @ AffineMap.from_parts(np.eye(3), (9.0, 9.0, 0.0))
    p = project(ball, spacing, image_to_volume, (20, 20), (5.0, 5.0), step_um=2.0)
    (ny, nx), (x0, y0) = p.thickness_um.shape, p.origin_um
    x, y = np.meshgrid(x0 + np.arange(nx) * 2.0, y0 + np.arange(ny) * 2.0)
    distance = np.hypot(x + 9.0 - 59.0, y + 9.0 - 59.0)
    chord = 2.0 * np.sqrt(np.maximum(radius**2 - distance**2, 0.0))
    inner = distance < 0.8 * radius
    assert np.abs(p.thickness_um - chord)[inner].max() < 6.0
    assert np.mean((p.thickness_um - chord)[inner]) == pytest.approx(0.0, abs=0.7)
    assert p.extent_um[0] == pytest.approx(-2.5)


def test_pixel_means_keep_the_total() -> None:
    mask = np.zeros((10, 30, 30), bool)
    mask[2:7, 8:20, 10:25] = True
    p = project(mask, (4.0, 4.0, 4.0), AffineMap.identity(), (10, 15), (12.0, 8.0), step_um=4.0)
    means = mean_per_pixel(p, (10, 15), (12.0, 8.0))
    assert means.sum() * 12.0 * 8.0 == pytest.approx(p.thickness_um.sum() * 16.0)
    assert means.sum() * 12.0 * 8.0 == pytest.approx(mask.sum() * 64.0, rel=1e-6)


def test_image_lookup_knows_its_pixels_and_its_edge() -> None:
    image = np.arange(12.0).reshape(3, 4)
    points = np.array(
        [(20.0, 5.0, 7.0), (34.0, 12.0, -3.0), (-5.1, 0.0, 0.0), (34.9, 0.0, 0.0), (35.1, 0.0, 0.0)]
    )
    values = image_values_at(image, (5.0, 10.0), points, nearest=True)
    assert values[:2] == pytest.approx([6.0, 11.0])
    assert np.isnan(values[2])
    assert values[3] == 3.0
    assert np.isnan(values[4])
