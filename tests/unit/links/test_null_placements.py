from __future__ import annotations

import numpy as np

from spallmap.links.null_placements import clusters

PIXEL_UM = (23.0, 46.0)


def test_split_dendrites_move_together(scene):
    regions = np.zeros((36, 24), np.int32)
    regions[20, 8] = 1
    regions[20, 10] = 2
    regions[12, 14] = 3
    groups = clusters(regions, PIXEL_UM, scene[1])
    assert [group.regions for group in groups] == [(1, 2), (3,)]
    first, second = groups[0].pixels
    np.testing.assert_array_equal(first[0], [[20, 8]])
    np.testing.assert_array_equal(np.abs(first - second)[:, 0], np.tile([0, 2], (len(first), 1)))


def test_placements_stay_in_the_electrolyte_and_in_their_layer(cell, scene, rng):
    regions = cell.region_on(1, rng)
    bodies = scene[1]
    (group,) = clusters(regions, PIXEL_UM, bodies)
    rows, columns = np.moveaxis(group.pixels[0], -1, 0)
    assert group.n_placements > 20
    assert (bodies.electrolyte[rows, columns].mean(axis=1) >= bodies.electrolyte[regions > 0].mean()).all()
    depth = bodies.interface_um[rows, columns].mean(axis=1)
    assert np.ptp(depth) < 46.0
    np.testing.assert_array_equal(group.pixels[0][0], np.argwhere(regions))
