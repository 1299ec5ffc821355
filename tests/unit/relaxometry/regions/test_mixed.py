from __future__ import annotations

import numpy as np

from spallmap.relaxometry import fit_t2, long_t2_regions
from spallmap.relaxometry.regions import mixed_regions
from tests.unit.relaxometry.decay_phantom import TE_MS, magnitudes

SPACING_UM = (23.0, 46.0)


def block_of(t2_ms: np.ndarray, snr: float) -> np.ndarray:
    """A block of pixels with these T2 in noise of sigma 1."""
    signal = np.zeros((5, 32, 40))
    rows, columns = t2_ms.shape
    signal[:, 10 : 10 + rows, 12 : 12 + columns] = snr * np.exp(-np.array(TE_MS)[:, None, None] / t2_ms)
    return magnitudes(signal, 1.0, np.random.default_rng(61))


def test_pixels_of_many_t2_are_reported_and_their_spread_is_in_the_error() -> None:
    t2_ms = np.linspace(14.0, 90.0, 60).reshape(6, 10)
    data = block_of(t2_ms, 150.0)
    fit = fit_t2(data, TE_MS, sigma=1.0)
    regions = long_t2_regions(data, TE_MS, 1.0, spacing_um=SPACING_UM)
    warnings = mixed_regions(fit, regions)
    assert len(warnings) == 1
    assert "long-T2 region 1" in warnings[0].source_label
    assert "among the pixels" in warnings[0].found
    spread = np.std(t2_ms) / np.sqrt(60)
    assert regions.table.t2_se_ms[0] > 0.7 * spread


def test_a_region_of_one_t2_is_not_reported() -> None:
    for snr in (8.0, 40.0, 200.0):
        data = block_of(np.full((6, 10), 18.0), snr)
        fit = fit_t2(data, TE_MS, sigma=1.0)
        regions = long_t2_regions(data, TE_MS, 1.0, spacing_um=SPACING_UM)
        assert len(regions.table) == 1
        assert mixed_regions(fit, regions) == ()
