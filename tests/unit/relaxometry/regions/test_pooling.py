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


def pooled_errors(spread: float, n_pixels: int, seed: int) -> np.ndarray:
    """Errors of pooled T2 over their standard errors, and these, of regions whose pixels' T2 scatter."""
    rng = np.random.default_rng([28, seed, n_pixels])
    chosen, te = get_model("rician"), np.array(TE_MS)
    found = []
    for _ in range(250):
        t2_ms = 15.0 * np.exp(spread * rng.normal(size=n_pixels))
        data = magnitudes(40.0 * np.exp(-te[:, None] / t2_ms), 1.0, rng)
        t2, se = common_t2(chosen.prepare(data.T, te), te, chosen, (0.4, 400.0))
        found.append(((t2 - 15.0) / se, se))
    return np.array(found).T


@pytest.mark.parametrize("n_pixels", [3, 6, 20])
def test_homogeneous_regions_keep_their_errors_and_spread_ones_own_up(n_pixels: int) -> None:
    alike, nominal = pooled_errors(0.0, n_pixels, 1)
    assert np.mean(np.abs(alike) < 1.96) + 0.02 > 0.95
    assert np.mean(np.abs(alike) < 1.0) < 0.80
    spread, wider = pooled_errors(0.4, n_pixels, 2)
    # three pixels say little about their own scatter
    assert np.mean(np.abs(spread) < 1.96) > (0.75 if n_pixels == 3 else 0.85)
    assert np.median(wider) > 2.0 * np.median(nominal)


def test_a_misfit_is_not_averaged_away() -> None:
    rng = np.random.default_rng(29)
    chosen, te = get_model("rician"), np.array(TE_MS)
    data = magnitudes(40.0 * np.exp(-te[:, None] / np.full(50, 15.0)), 1.0, rng)
    samples = chosen.prepare(data.T, te)
    t2, se = common_t2(samples, te, chosen, (0.4, 400.0))
    same, wider = common_t2(samples, te, chosen, (0.4, 400.0), misfit=5.0)
    assert same == t2
    assert wider == pytest.approx(se * np.sqrt(1.0 + 4.0 * 50), rel=0.15)
