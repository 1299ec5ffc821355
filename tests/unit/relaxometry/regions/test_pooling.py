from __future__ import annotations

import numpy as np
import pytest

from spallmap.relaxometry.models import get_model
from spallmap.relaxometry.regions.pooling import common_t2
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes


@pytest.mark.parametrize("model", ["offset", "rician"])
def test_common_t2_has_the_scatter_that_it_says(model: str) -> None:
    rng = np.random.default_rng(24)
    chosen, te = get_model(model), np.array(TE_MS)
    found = []
    for _ in range(300):
        signal = rng.uniform(40.0, 80.0, size=6) * np.exp(-te[:, None] / 9.0)
        data = magnitudes(signal, 1.0, rng)
        found.append(common_t2(chosen.prepare(data.T, te), te, chosen, (0.4, 400.0)))
    t2, se = np.array(found).T
    assert t2.std() == pytest.approx(np.median(se), rel=0.12)
    if model == "rician":
        assert t2.mean() == pytest.approx(9.0, rel=0.005)


def test_common_t2_of_clean_samples_is_exact() -> None:
    te = np.array(TE_MS)
    samples = np.array([[300.0], [900.0]]) * np.exp(-te / 17.0) * 1e3
    t2, _ = common_t2(samples, te, get_model("complex"), (0.4, 400.0))
    assert t2 == pytest.approx(17.0, rel=1e-4)
