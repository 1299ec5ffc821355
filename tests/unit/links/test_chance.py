from __future__ import annotations

import numpy as np

from spallmap.links.chance import chance_test
from spallmap.links.null_placements import clusters
from spallmap.links.position_likelihood import crack_density, crack_priors, placement_likelihoods

PIXEL_UM = (23.0, 46.0)


def test_p_is_uniform_where_regions_fell_at_random(scene):
    rng = np.random.default_rng(5)
    plane, bodies, footprints = scene
    densities = [crack_density(plane, f, bodies.electrolyte, (3.0, 3.0)) for f in footprints]
    p_values: list[float] = []
    while len(p_values) < 300:
        height, width = rng.integers(1, 4), rng.integers(1, 3)
        row, column = rng.integers(0, 36 - height), rng.integers(0, 24 - width)
        regions = np.zeros((36, 24), np.int32)
        regions[row : row + height, column : column + width] = 1
        if bodies.electrolyte[regions > 0].all():
            groups = clusters(regions, PIXEL_UM, bodies)
            ratios = [placement_likelihoods(group, densities) for group in groups]
            p_values.append(chance_test(groups, ratios, crack_priors(footprints), 199, rng).p_value)
    p = np.array(p_values)
    for level in (0.1, 0.2, 0.3, 0.5, 0.6):
        # three standard errors of a fraction among so many, and the steps of a few dozen placements
        assert abs((p <= level).mean() - level) < 3 * np.sqrt(level * (1 - level) / len(p)) + 0.02
