from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from spallmap.frames import indices_to_points
from spallmap.twin.morphologies import MORPHOLOGIES, draw_morphology
from tests.unit.twin.label_grid import CRACKS, labels_around
from tests.unit.twin.plain_cell import spheres


@pytest.mark.parametrize("kind", MORPHOLOGIES)
def test_every_kind_is_one_piece_that_begins_at_an_interface(kind):
    for seed in range(3):
        cell = draw_morphology(np.random.default_rng([seed, 3]), kind)
        cell = replace(cell, hollows=spheres())
        site = np.array(cell.site_um)
        inwards = np.array([0.0, 0.0, -np.sign(site[2])])
        spalling = kind == "spalling"
        ahead = 0.5 * cell.crack.depth_um if spalling else 80.0
        pose, labels = labels_around(cell, site + ahead * inwards, spacing=5.0, n=90 if spalling else 70)
        crack = np.isin(labels, CRACKS)
        pieces, n = ndimage.label(crack, np.ones((3, 3, 3)))
        sizes = np.bincount(pieces.ravel())[1:]
        # Rims thinner than the ceramic's waves may leave crumbs.
        assert sizes.max() > 0.97 * sizes.sum(), (seed, n)
        points = pose(indices_to_points(np.argwhere(crack).astype(float), (5.0,) * 3))
        x, y, z = points.T
        depth = np.minimum(cell.top(x, y) - z, z - cell.bottom(x, y))
        assert depth.min() < 15.0
        assert depth.max() > 50.0
        assert not np.isin(labels_around(cell.without_cracks(), site, n=40)[1], CRACKS).any()


def test_side_sheets_meet_the_main_one_at_30_to_90_degrees():
    counts = set()
    for seed in range(25):
        main, *sides = draw_morphology(np.random.default_rng(seed), "branching").patches
        counts.add(len(sides))
        centre, axes, half = np.array(main.centre_um), main.axes, main.half_lengths_um

        def surface(u, v, centre=centre, axes=axes, half=half, bend=main.bend_um):
            return centre + u * axes[0] + v * axes[1] + bend * (u / half[0]) ** 2 * axes[2]

        for side in sides:
            root = np.array(side.centre_um)
            u, v, _ = axes @ (root - centre)
            assert np.linalg.norm(surface(u, v) - root) < 1e-6
            assert (u / half[0]) ** 2 + (v / half[1]) ** 2 < 0.5
            du = surface(u + 1e-3, v) - surface(u - 1e-3, v)
            dv = surface(u, v + 1e-3) - surface(u, v - 1e-3)
            normal = np.cross(du, dv) / np.linalg.norm(np.cross(du, dv))
            angle = np.degrees(np.arccos(abs(normal @ side.axes[2])))
            assert 29.9 < angle < 90.01
            # The root line lies in the main sheet, and the side sheet has its full aperture there.
            assert abs(side.axes[0] @ normal) < 1e-6
            assert side.begin <= 0.0
    assert counts == {1, 2, 3}


def test_a_diffuse_crack_is_many_small_sheets_of_all_directions():
    normals = []
    for seed in range(25):
        patches = draw_morphology(np.random.default_rng(seed), "diffuse").patches
        assert 12 <= len(patches) <= 30
        assert all(25.0 <= h <= 50.0 for p in patches for h in p.half_lengths_um)
        centres = np.array([p.centre_um for p in patches])
        assert np.linalg.norm(centres - centres.mean(axis=0), axis=1).max() < 150.0
        normals += [p.axes[2] for p in patches]
    n = np.array(normals)
    np.testing.assert_allclose(n.T @ n / len(n), np.eye(3) / 3, atol=0.06)


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="kinds of crack"):
        draw_morphology(np.random.default_rng(0), "wavy")
