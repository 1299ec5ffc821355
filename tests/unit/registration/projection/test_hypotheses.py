from __future__ import annotations

from dataclasses import replace

import numpy as np

from spallmap.registration.projection.fit_parameters import (
    coil_terms,
)
from spallmap.registration.projection.hypotheses import converge
from spallmap.registration.projection.refine import (
    evaluate,
)
from tests.unit.registration.projection.projection_phantom import (
    IMAGE_SHAPE,
    make_problem,
)


def test_a_curved_coil_is_fitted_only_where_the_image_asks_for_it() -> None:
    problem, start, sigma = make_problem()
    rng = np.random.default_rng(40)
    noise = rng.normal(scale=sigma, size=(2, *IMAGE_SHAPE))
    clean = evaluate(problem, start).amplitude
    curve = np.exp(np.tensordot([0.1, -0.15, -0.8, 0.4, -0.8], coil_terms(IMAGE_SHAPE), axes=1))
    for amplitude, order in ((clean, 1), (clean * curve, 2)):
        drawn = replace(problem, image=np.hypot(amplitude + noise[0], noise[1]))
        chosen, _ = converge(drawn, evaluate(drawn, start))
        assert chosen.prior.coil_order == order
