from __future__ import annotations

import numpy as np

from spallmap.links.null_placements import clusters
from spallmap.links.position_likelihood import crack_density, crack_priors, placement_likelihoods, posterior

PIXEL_UM = (23.0, 46.0)


def test_probabilities_are_calibrated(cell, scene):
    """As many links are right as they say, over regions that cracks made and regions that fell at random."""
    rng = np.random.default_rng(7)
    plane, bodies, footprints = scene
    densities = [crack_density(plane, f, bodies.electrolyte, (10.0, 15.0)) for f in footprints]
    priors = crack_priors(footprints)
    said, true = [], []
    for _ in range(600):
        source = int(rng.choice([1, 2], p=priors))
        regions = cell.with_rim(cell.region_on(source, rng, se_um=(10.0, 15.0)), rng)
        if rng.random() < 0.5:
            regions, source = cell.moved_at_random(regions, rng), 0
        (group,) = clusters(regions, PIXEL_UM, bodies)
        probabilities = posterior(placement_likelihoods(group, densities)[0][0], priors, 0.5)
        said += probabilities.tolist()
        true += [source == 1, source == 2, source == 0]
    p, right = np.array(said), np.array(true)
    for low, high in ((0.0, 0.1), (0.1, 0.5), (0.5, 0.9), (0.9, 1.01)):
        chosen = (p >= low) & (p < high)
        assert chosen.sum() > 50
        assert abs(right[chosen].mean() - p[chosen].mean()) < 0.1
