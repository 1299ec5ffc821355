from __future__ import annotations

import numpy as np
import pytest

from spallmap.frames import grid_centre, indices_to_points
from spallmap.twin.poses import draw_xct_pose
from spallmap.twin.xct import XctLook, simulate_xct
from tests.unit.twin.plain_cell import bowl, plain_cell, spheres

CLEAN = XctLook(blur_voxels=0.5, cupping=0.0, ring_grey=0.0, noise_grey=0.0)
SHAPE, SPACING = (80, 100, 100), 4.0


def scan_of(cell, look, seed=0):
    rng = np.random.default_rng(seed)
    pose = draw_xct_pose(rng, SHAPE, SPACING)
    return simulate_xct(cell, pose, rng, shape=SHAPE, spacing_um=SPACING, look=look)


@pytest.mark.parametrize("seed", range(4))
def test_a_marked_pore_appears_where_the_pose_says(seed):
    position = np.random.default_rng(seed).uniform(-1, 1, 3) * (40.0, 40.0, 20.0)
    scan = scan_of(plain_cell(hollows=spheres((*position, 14.0))), CLEAN, seed)
    centre = scan.to_cell.inverse()(position)[::-1] / SPACING
    k, j, i = np.rint(centre).astype(int)
    box = (slice(k - 7, k + 8), slice(j - 7, j + 8), slice(i - 7, i + 8))
    missing = CLEAN.ceramic - scan.volume[box].astype(float)
    where = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij"), axis=-1)
    found = np.sum(where * missing[..., None], axis=(0, 1, 2)) / missing.sum()
    np.testing.assert_allclose(found, centre, atol=0.05)
    np.testing.assert_allclose(scan.to_cell(indices_to_points(found, (SPACING,) * 3)), position, atol=0.2)
    depth = missing.sum() * SPACING**3 / (CLEAN.ceramic - CLEAN.gas)
    assert depth == pytest.approx(4 / 3 * np.pi * 14.0**3, rel=0.02)


def test_greys_are_those_asked_for():
    scan = scan_of(plain_cell(), CLEAN)
    centre = scan.to_cell.inverse()(np.array([[0, 0, 0], [0, 0, 95.0], [0, 0, -95.0], [140.0, 0, 0]]))
    k, j, i = np.rint(centre[:, ::-1] / SPACING).astype(int).T
    np.testing.assert_allclose(
        scan.volume[k, j, i], [CLEAN.ceramic, CLEAN.sodium, CLEAN.sodium, CLEAN.gas], atol=20
    )


def test_thin_crack_leaves_its_aperture_as_missing_grey():
    aperture = 2.0
    cell = plain_cell(crack=bowl(80.0, 30.0, aperture))
    with_crack, without = scan_of(cell, CLEAN), scan_of(plain_cell(), CLEAN)
    missing = without.volume.astype(float) - with_crack.volume
    area = np.pi * 80.0 / (6 * 30.0**2) * ((80.0**2 + 4 * 30.0**2) ** 1.5 - 80.0**3)
    mean_grey = CLEAN.ceramic - (CLEAN.gas + CLEAN.sodium) / 2
    assert missing.sum() * SPACING**3 == pytest.approx(area * aperture * mean_grey, rel=0.02)


@pytest.mark.parametrize("correlation", [0.0, 0.7])
def test_noise_has_the_standard_deviation_asked_for(correlation):
    look = XctLook(cupping=0.0, ring_grey=0.0, noise_grey=900.0, noise_voxels=correlation)
    difference = scan_of(plain_cell(), look).volume.astype(float) - scan_of(plain_cell(), CLEAN).volume
    gas = difference[:8, :8].std()
    assert difference.std() == pytest.approx(900.0, rel=0.06)
    assert gas == pytest.approx(900.0, rel=0.06)
    next_to = np.corrcoef(difference[:, :, :-1].ravel(), difference[:, :, 1:].ravel())[0, 1]
    assert (next_to > 0.3) == (correlation > 0.0)


def test_cupping_darkens_the_middle_and_rings_are_round():
    cupped = XctLook(blur_voxels=0.5, cupping=0.1, ring_grey=0.0, noise_grey=0.0)
    ringed = XctLook(blur_voxels=0.5, cupping=0.0, ring_grey=400.0, noise_grey=0.0)
    clean, cup, ring = (scan_of(plain_cell(), look).volume.astype(float) for look in (CLEAN, cupped, ringed))
    k, j, i = (int(c) for c in (grid_centre(SHAPE, (SPACING,) * 3) / SPACING)[::-1])
    loss = (clean - cup)[k]
    assert loss[j, i] > 1.1 * loss[j, i + 20] > 0.0
    rings = (ring - clean)[k]
    rotated = np.rot90(rings)
    assert np.corrcoef(rings.ravel(), rotated.ravel())[0, 1] > 0.99
    assert rings.std() > 50.0


def test_the_same_seed_gives_the_same_volume():
    look = XctLook()
    a, b, c = (scan_of(plain_cell(), look, seed).volume for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert np.any(a != c)
    assert a.dtype == np.uint16
