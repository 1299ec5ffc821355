from __future__ import annotations

import numpy as np

from spallmap.tomography.cracks.pores import find_pores, pore_cores


def test_round_voids_are_pores_and_wide_cracks_are_not() -> None:
    z, y, x = np.indices((50, 60, 60)) - 25
    ball = z**2 + (y + 12) ** 2 + (x + 12) ** 2 <= 5.0**2
    sheet = (np.abs(z - 10) <= 3) & (y >= 0)
    void = ball | sheet
    pores = find_pores(np.argwhere(pore_cores(void)), void.shape)
    everything = tuple(slice(0, n) for n in void.shape)
    mask = pores.mask(everything)
    assert mask[ball].all()
    assert not mask[sheet].any()
    part = (slice(11, 33), slice(5, 21), slice(0, 60))
    assert np.array_equal(pores.mask(part), mask[part])
    points = np.argwhere(np.ones(void.shape, dtype=bool))
    assert np.array_equal(pores.hold(points), mask.ravel())
