from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from spallmap.frames import AffineMap, grid_centre, indices_to_points
from spallmap.twin.geometry import Outline, PatchCrack, Waves
from spallmap.twin.poses import placed
from spallmap.twin.render import LABELS, MATTER, cracks_at, fractions_of, render_volume
from spallmap.twin.shapes import draw_cell
from tests.unit.twin.label_grid import CRACKS, NOTHING, labels_around
from tests.unit.twin.plain_cell import bowl, flat, plain_cell, spheres


def total_um3(geometry, matter: str, spacing: float = 5.0, reach: float = 150.0, seed: int = 0) -> float:
    """Volume of one kind of matter, added up over the voxels of a tilted grid."""
    n = int(2 * reach / spacing)
    rotation = Rotation.random(random_state=np.random.default_rng(seed)).as_matrix()
    pose = placed(rotation, grid_centre((n, n, n), (spacing,) * 3), (0.3, -0.7, 1.1))
    values = dict.fromkeys((*MATTER, "gas"), 0.0) | {matter: 1.0}
    fraction, _ = render_volume(geometry, pose, (n, n, n), spacing, values)
    return float(fraction.sum(dtype=np.float64) * spacing**3)


@pytest.mark.parametrize("seed", [1, 2])
def test_ceramic_volume_is_that_of_its_outline(seed):
    rng = np.random.default_rng(seed)
    rim = Outline((5.0, -3.0), 100.0, rng.normal(0.0, 0.03, (4, 2)))
    cell = replace(plain_cell(half=40.0), rim=rim)
    angle = np.linspace(0.0, 2.0 * np.pi, 20001)[:-1]
    area = 0.5 * np.mean(rim.radius_at(angle) ** 2) * 2.0 * np.pi
    assert rim.area_um2 == pytest.approx(area, rel=1e-9)
    assert total_um3(cell, "ceramic", seed=seed) == pytest.approx(area * 80.0, rel=2e-3)


def test_sodium_volume_is_two_discs():
    cell = plain_cell(half=40.0, electrode_radius=80.0, electrode_height=50.0)
    assert total_um3(cell, "sodium") == pytest.approx(2 * np.pi * 80.0**2 * 50.0, rel=2e-3)


def test_pores_and_voids_take_their_volume_from_their_own_matter():
    pore = plain_cell(hollows=spheres((30.0, 10.0, 5.0, 20.0)))
    void = plain_cell(half=40.0, hollows=spheres((30.0, 10.0, 75.0, 15.0), in_sodium=True))
    assert total_um3(pore, "pore") == pytest.approx(4 / 3 * np.pi * 20.0**3, rel=0.01)
    assert total_um3(void, "void") == pytest.approx(4 / 3 * np.pi * 15.0**3, rel=0.02)
    assert total_um3(pore, "ceramic") + total_um3(pore, "pore") == pytest.approx(
        total_um3(plain_cell(), "ceramic"), rel=1e-4
    )
    in_ceramic = plain_cell(hollows=spheres((0.0, 0.0, 0.0, 20.0), in_sodium=True))
    assert total_um3(in_ceramic, "void") == 0.0


@pytest.mark.parametrize("aperture", [1.5, 4.0, 10.0])
def test_crack_volume_is_the_area_of_the_bowl_times_the_aperture(aperture):
    radius, depth = 80.0, 50.0
    cell = plain_cell(crack=bowl(radius, depth, aperture))
    area = np.pi * radius / (6 * depth**2) * ((radius**2 + 4 * depth**2) ** 1.5 - radius**3)
    empty, filled = total_um3(cell, "empty_crack"), total_um3(cell, "sodium_crack")
    assert empty + filled == pytest.approx(area * aperture, rel=0.015)
    assert empty == pytest.approx(filled, rel=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_aperture_is_the_length_of_crack_along_its_normal(seed):
    """Walk through the crack at points of a drawn cell; the normal comes from the labels' own gradient."""
    cell = draw_cell(np.random.default_rng(seed)).shorted
    cell = replace(cell, hollows=spheres())
    crack = cell.crack
    # A bare middle surface: no waves, a round rim, so that its normal has a closed form.
    crack = replace(
        crack, shape="bowl", rim=Outline((40.0, -25.0), 150.0, np.zeros((0, 2))), waviness_um=flat(0.0)
    )
    cell = replace(cell, crack=crack, patches=())
    face = cell.top if crack.side > 0 else cell.bottom
    rng = np.random.default_rng(seed + 100)
    for _ in range(5):
        r, angle = 150.0 * rng.uniform(0.1, 0.7), rng.uniform(0, 2 * np.pi)
        dx, dy = r * np.cos(angle), r * np.sin(angle)
        x, y = 40.0 + dx, -25.0 + dy
        plane = face.offset + face.slope[0] * x + face.slope[1] * y
        z = plane - crack.side * crack.depth_um * (1 - r**2 / 150.0**2)
        slope = crack.side * crack.depth_um * 2 * np.array([dx, dy]) / 150.0**2 + np.array(face.slope)
        normal = np.array([-slope[0], -slope[1], 1.0]) / np.sqrt(1 + slope @ slope)
        steps = np.arange(-20.0, 20.0, 0.02)
        fractions = fractions_of(cell, np.array([x, y, z]) + steps[:, None] * normal, 0.02)
        length = fractions[:, [MATTER.index("empty_crack"), MATTER.index("sodium_crack")]].sum() * 0.02
        expected = float(crack.aperture_at(np.array(x), np.array(y)))
        assert length == pytest.approx(expected, rel=0.08)


def test_patch_volume_is_that_of_half_an_ellipsoid_shell():
    patch = PatchCrack((0.0, 0.0, 0.0), np.eye(3), (60.0, 40.0), 0.0, 6.0)
    cell = replace(plain_cell(), patches=(patch,))
    assert total_um3(cell, "decoy") == pytest.approx(2 / 3 * np.pi * 60.0 * 40.0 * 6.0, rel=0.01)


def test_fractions_never_exceed_one_and_only_gas_is_left_out():
    cell = draw_cell(np.random.default_rng(5)).shorted
    points = np.random.default_rng(0).uniform(-700, 700, (60000, 3)) * (1.0, 1.0, 0.55)
    fractions = fractions_of(cell, points, 4.66)
    assert fractions.min() >= -1e-12
    assert fractions.sum(axis=-1).max() <= 1.0 + 1e-12
    deep = np.hypot(points[:, 0], points[:, 1]) < 0.6 * cell.rim.radius_um
    inside = deep & (np.abs(points[:, 2]) < 100.0)
    np.testing.assert_allclose(fractions[inside].sum(axis=-1), 1.0, atol=1e-12)


def test_labels_follow_the_crack_however_thin():
    cell = plain_cell(crack=bowl(80.0, 50.0, 0.5))
    pose = AffineMap.from_parts(np.eye(3), (-150.0, -150.0, -150.0))
    _, labels = render_volume(cell, pose, (75, 75, 75), 4.0, dict.fromkeys((*MATTER, "gas"), 0.0))
    crack = (labels == LABELS["empty_crack"]) | (labels == LABELS["sodium_crack"])
    x, y = np.meshgrid(np.arange(75) * 4.0 - 150.0, np.arange(75) * 4.0 - 150.0)
    under = np.hypot(x, y) < 70.0
    assert np.all(crack.any(axis=0)[under])
    k = np.argmax(crack[::-1], axis=0)[under]
    height = 60.0 - 50.0 * (1 - np.hypot(x, y)[under] ** 2 / 80.0**2)
    assert np.abs((74 - k) * 4.0 - 150.0 - height).max() < 6.0


def test_waves_of_the_formula_and_of_the_compiled_code_agree():
    terms = np.array([[3.0, 0.02, 0.05, 0.3], [1.0, -0.07, 0.01, 1.9]])
    face = Waves(60.0, (0.02, -0.01), terms)
    cell = replace(plain_cell(), top=face)
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-60, 60, (2, 200))
    above = fractions_of(cell, np.column_stack([x, y, face(x, y) + 0.2]), 0.1)
    below = fractions_of(cell, np.column_stack([x, y, face(x, y) - 0.2]), 0.1)
    assert np.all(above[:, MATTER.index("sodium")] == 1.0)
    assert np.all(below[:, MATTER.index("ceramic")] == 1.0)


def volume_um3(geometry, *matter: str, spacing: float = 4.0, reach: float = 90.0, seed: int = 0) -> float:
    """Volume of kinds of matter, added up over the voxels of a tilted grid."""
    n = int(2 * reach / spacing)
    rotation = Rotation.random(None, np.random.default_rng(seed)).as_matrix()
    pose = placed(rotation, grid_centre((n, n, n), (spacing,) * 3), (0.3, -0.7, 1.1))
    fraction, _ = render_volume(geometry, pose, (n, n, n), spacing, NOTHING | dict.fromkeys(matter, 1.0))
    return float(fraction.sum(dtype=np.float64) * spacing**3)


@pytest.mark.parametrize("matter", ["decoy", "empty_crack", "sodium_crack"])
def test_a_patch_fills_its_volume_with_its_own_matter_and_label(matter):
    patch = PatchCrack((0.0, 0.0, 0.0), np.eye(3), (60.0, 40.0), 0.0, 6.0, matter)
    whole, half = (replace(plain_cell(), patches=(replace(patch, begin=b),)) for b in (-1.0, 0.0))
    expected = 2 / 3 * np.pi * 60.0 * 40.0 * 6.0
    assert volume_um3(whole, matter) == pytest.approx(expected, rel=0.01)
    # Its open edge is not smoothed over the voxels that it cuts.
    assert volume_um3(half, matter) == pytest.approx(expected / 2, rel=0.03)
    _, labels = labels_around(whole, (0.0, 0.0, 0.0), n=60)
    assert set(np.unique(labels)) & set(CRACKS) == {LABELS[matter]}


def test_where_two_sheets_cross_nothing_is_counted_twice():
    """Their common volume is the integral of the product of two half circles of aperture."""
    length, aperture = 50.0, 6.0
    upright = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])
    patches = tuple(
        PatchCrack((0.0, 0.0, 0.0), axes, (length, 40.0), 0.0, aperture, matter)
        for axes, matter in ((np.eye(3), "empty_crack"), (upright, "sodium_crack"))
    )
    common = aperture**2 * 4 / 3 * length
    alone = 2 / 3 * np.pi * length * 40.0 * aperture
    cell = replace(plain_cell(), patches=patches)
    found = volume_um3(cell, "empty_crack", "sodium_crack", spacing=2.0)
    assert found == pytest.approx(2 * alone - common, abs=0.25 * common)


def test_a_point_far_from_all_patches_is_ceramic_and_near_one_is_not():
    """The spheres that spare far points their work must not cut a bent or thick sheet."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        axes = Rotation.random(None, rng).as_matrix()
        half = tuple(rng.uniform(10.0, 30.0, 2))
        bend, aperture = rng.uniform(-40.0, 40.0), rng.uniform(1.0, 20.0)
        patch = PatchCrack((0.0, 0.0, 0.0), axes, half, bend, aperture)
        cell = replace(plain_cell(), patches=(patch,))
        s, t = rng.uniform(-0.65, 0.65, 2)
        own = np.array([s * half[0], t * half[1], bend * s * s])
        fraction = fractions_of(cell, (own @ axes)[None], 0.1)[0]
        assert fraction[MATTER.index("decoy")] == pytest.approx(1.0)


def test_local_apertures_belong_to_the_voxels_with_a_crack_label():
    cell = replace(
        plain_cell(crack=bowl(80.0, 30.0, 1.5)),
        patches=(PatchCrack((0.0, 0.0, -30.0), np.eye(3), (40.0, 30.0), 0.0, 4.0),),
    )
    pose, labels = labels_around(cell, (0.0, 0.0, 0.0), n=70)
    index = np.argwhere(np.isin(labels, CRACKS))
    points = pose(indices_to_points(index.astype(float), (3.0,) * 3))
    found, aperture = cracks_at(cell, points, 3.0)
    np.testing.assert_array_equal(found, labels[tuple(index.T)])
    in_patch = found == LABELS["decoy"]
    assert in_patch.any()
    np.testing.assert_allclose(aperture[~in_patch], 1.5)
    x, y, _ = points[in_patch].T
    np.testing.assert_allclose(aperture[in_patch], 4.0 * np.sqrt(1 - (x / 40) ** 2 - (y / 30) ** 2))
    nothing, none = cracks_at(cell, np.array([[0.0, 0.0, 55.0]]), 3.0)
    assert nothing[0] == 0
    assert none[0] == 0.0
