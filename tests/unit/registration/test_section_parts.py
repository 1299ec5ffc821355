from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.axes import AxesPrior
from spallmap.frames import grid_points, sample_volume
from spallmap.image import Image
from spallmap.registration.section.appearance import CERAMIC, EMPTY, SOLID, VOID, Section, read_section
from spallmap.registration.section.compiled import cut_slices, sample_with_gradient
from spallmap.registration.section.pose import SectionPose, distinct
from spallmap.registration.section.refine import linearise, refine
from spallmap.registration.section.resolutions import make_grid, make_level
from spallmap.registration.section.search import planes
from spallmap.registration.section.specimen import Specimen, read_specimen


def test_slices_agree_with_plain_interpolation():
    rng = np.random.default_rng(0)
    channels = rng.normal(size=(2, 9, 11, 13)).astype(np.float32)
    start = rng.uniform(0.5, 2.0, (3, 3))
    row, column = np.array([0.7, 0.1, -0.05]), np.array([0.02, 0.5, 0.6])
    out = np.zeros((3, 2, 6, 8), dtype=np.float32)
    cut_slices(channels, start, row, column, out)
    i, j = np.mgrid[:6, :8]
    at = start[:, None, None, :] + i[..., None] * row + j[..., None] * column
    for c in range(2):
        expected = sample_volume(channels[c], (1.0, 1.0, 1.0), at[..., ::-1])
        inside = np.all((at >= 0) & (at <= np.array([8, 10, 12])), axis=-1)
        np.testing.assert_allclose(out[:, c][inside], expected[inside], atol=1e-5)
        assert np.all(out[:, c][~inside] == 0)


def test_gradient_agrees_with_finite_differences():
    rng = np.random.default_rng(1)
    volume = rng.normal(size=(6, 7, 8)).astype(np.float32)
    at = rng.integers(0, 4, (50, 3)) + rng.uniform(0.1, 0.9, (50, 3))

    def value(indices):
        values, slope, inside = np.empty(50), np.empty((50, 3)), np.empty(50, dtype=bool)
        sample_with_gradient(volume, indices, values, slope, inside)
        return values, slope

    _, slope = value(at)
    for k in range(3):
        step = np.zeros(3)
        step[k] = 1e-4
        np.testing.assert_allclose(slope[:, k], (value(at + step)[0] - value(at - step)[0]) / 2e-4, atol=1e-4)


def drawn_section(turn_deg: float) -> tuple[Image, np.ndarray]:
    v, u = np.mgrid[:200, :300].astype(float)
    a = np.deg2rad(turn_deg)
    h = (v - 90.0) * np.cos(a) - (u - 150.0) * np.sin(a)
    grey = np.where(h > 0, 190.0, np.where(h > -50.0, 110.0, 20.0))
    pore = (u - 100.0) ** 2 + (v - 150.0) ** 2 < 12.0**2
    grey[pore] = 20.0
    noisy = grey + np.random.default_rng(2).normal(0.0, 6.0, grey.shape)
    return Image(np.clip(noisy, 0, 255).astype(np.uint8), ("y", "x"), (1.0, 1.0)), pore


@pytest.mark.parametrize("turn_deg", [-6.0, 0.0, 9.0])
def test_classes_and_interface_of_a_drawn_section(turn_deg):
    image, pore = drawn_section(turn_deg)
    section = read_section(image, 2.0)
    assert isinstance(section, Section)
    assert section.interface is not None
    assert np.rad2deg(np.arctan2(section.interface[1], section.interface[0])) == pytest.approx(
        turn_deg, abs=0.5
    )
    classes = np.argmax(section.maps, axis=0)
    coarse = pore.reshape(100, 2, 150, 2).mean(axis=(1, 3)) > 0.5
    assert np.mean((classes == VOID) == coarse) > 0.998
    assert classes[95, 75] == CERAMIC
    assert classes[35, 75] == SOLID
    assert classes[2, 75] == EMPTY


def test_plate_normal_is_found_from_its_faces():
    normal = np.array([0.08, -0.05, 1.0]) / np.linalg.norm([0.08, -0.05, 1.0])
    points = grid_points((60, 100, 100), (5.0, 5.0, 5.0)) - np.array([247.5, 247.5, 147.5])
    plate = (np.abs(points @ normal) < 80.0) & (np.hypot(points[..., 0], points[..., 1]) < 200.0)
    grey = np.where(plate, 50000, 10000).astype(np.uint16)
    specimen = read_specimen(grey, np.where(plate, 1, 5).astype(np.uint8), (5.0, 5.0, 5.0), 20.0)
    assert isinstance(specimen, Specimen)
    assert specimen.plate_normal is not None
    assert np.rad2deg(np.arccos(abs(specimen.plate_normal @ normal))) < 0.6


def test_planes_lay_the_interface_along_the_plate():
    interface = np.array([np.cos(0.1), np.sin(0.1)])
    normal = np.array([0.05, 0.03, 0.998])
    normal /= np.linalg.norm(normal)
    listed = list(planes(AxesPrior.parse("-z,r"), interface, normal))
    assert len(listed) > 100
    for plane in listed:
        for face, turn in plane.turns_deg:
            axes = plane.axes * np.array([face, 1.0, face])
            axes = axes @ Rotation.from_euler("z", turn, degrees=True).as_matrix()
            assert np.linalg.det(axes) == pytest.approx(1.0)
            assert abs(axes[:, :2] @ interface @ normal) < 1e-9


def test_distinct_keeps_the_best_of_each_place():
    own = np.array([[0.0, 0.0, 0.0], [100.0, 0.0, 0.0]])
    poses = [
        SectionPose(np.eye(3), np.array([x, 0.0, 0.0]), -i)
        for i, x in enumerate((0.0, 5.0, 40.0, 41.0, 90.0))
    ]
    kept = distinct(poses, own, np.zeros(3), 10.0, 10)
    assert [p.centre_um[0] for p in kept] == [0.0, 40.0, 90.0]


def test_refinement_returns_to_a_known_pose():
    rng = np.random.default_rng(4)
    centres = rng.uniform(20.0, 180.0, (30, 3))
    radii = rng.uniform(10.0, 24.0, 30)

    def solid(points):
        pore = np.zeros(points.shape[:-1], dtype=bool)
        for c, r in zip(centres, radii, strict=True):
            pore |= ((points - c) ** 2).sum(axis=-1) < r * r
        return ~pore

    fine = solid(grid_points((100, 100, 100), (2.0, 2.0, 2.0)) - 1.0)
    grey = (10000 + 40000 * fine.reshape(50, 2, 50, 2, 50, 2).mean(axis=(1, 3, 5))).astype(np.uint16)
    linear = Rotation.from_euler("xyz", [80.0, 4.0, 15.0], degrees=True).as_matrix()
    own = grid_points((150, 150), (1.0, 1.0))
    centre = np.array([98.0, 102.0, 97.0])
    ceramic = solid((own - np.array([74.5, 74.5, 0.0])) @ linear.T + centre)
    maps = np.stack([ceramic, ~ceramic, 0 * ceramic, 0 * ceramic]).astype(np.float32)
    section = Section(maps, (1.0, 1.0), (0.0, 0.0), np.array([74.5, 74.5, 0.0]), None, maps[0])
    grid = make_grid(grey.astype(np.float32), (4.0, 4.0, 4.0), 0.0, blur_um=3.0)
    level = make_level(section, grid)
    start = SectionPose(
        Rotation.from_rotvec([0.02, -0.02, 0.03]).as_matrix() @ linear,
        centre + np.array([3.0, -2.0, 4.0]),
        0.0,
    )
    found = refine(level, start)
    assert np.linalg.norm(found.centre_um - centre) < 0.6
    assert np.rad2deg(np.linalg.norm(Rotation.from_matrix(found.rotation.T @ linear).as_rotvec())) < 0.5
    fit = linearise(level, found)
    assert fit is not None
    assert fit.cost < 0.1
