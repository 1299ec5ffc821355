"""Padding is told from air that was cut off at the lowest grey."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.tomography import common_grey, segment_phases
from tests.unit.tomography.tomography_drawings import AIR, CERAMIC, SODIUM, draw_cell

SHAPE = (64, 96, 96)
Y, X = np.mgrid[: SHAPE[1], : SHAPE[2]] - (np.array(SHAPE[1:]) - 1.0)[:, None, None] / 2.0
ROUND = np.hypot(Y, X) > 46.0


@pytest.mark.parametrize("sds", [-2.0, 0.0, 2.0, 2.6])
@pytest.mark.parametrize("is_round", [False, True])
def test_sodium_is_found_where_air_was_cut_off(sds: float, is_round: bool) -> None:
    drawing = draw_cell(np.random.default_rng(31), noise=1_500.0)
    lowest = AIR + sds * 1_500.0
    volume = np.maximum(drawing.grey - lowest, 0.0)
    volume[:, ROUND & is_round] = 0.0
    scale = common_grey(volume)
    assert scale.sodium_level == pytest.approx(SODIUM - lowest, abs=0.02 * (CERAMIC - AIR))
    assert scale.air_level == pytest.approx(max(AIR - lowest, 0.0), abs=0.05 * (CERAMIC - AIR))
    phases = segment_phases(scale.apply(volume), (4.66,) * 3)
    metal = drawing.truth == 2
    assert np.mean(phases[metal] == 2) > 0.95


def test_a_masked_background_is_padding() -> None:
    drawing = draw_cell(np.random.default_rng(32))
    volume = np.where(np.hypot(Y, X) > 45.0, 0.0, drawing.grey)
    assert common_grey(volume).padding_fraction == pytest.approx(np.mean(np.hypot(Y, X) > 45.0), abs=0.04)
