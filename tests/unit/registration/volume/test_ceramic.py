from __future__ import annotations

import numpy as np

from spallmap.registration.volume.ceramic import ceramic_view
from spallmap.registration.volume.refine import edge_level
from tests.unit.registration.volume.ceramic_phantom import AIR, SHAPE, SPACING, draw_body, draw_pose, scan

FIELD = 14.0


def away_from_axis(points: np.ndarray) -> np.ndarray:
    centre = (np.array(SHAPE[:0:-1]) - 1) / 2 * SPACING[0]
    return np.hypot(*(points[:, :2] - centre).T) / SPACING[0]


def test_a_field_that_holds_the_ceramic_hides_nothing() -> None:
    view = ceramic_view(*scan(draw_body(1), draw_pose(1, azimuth_deg=0), 1), SPACING, "moved")
    assert view.seen is None
    assert view.coarser(2).seen is None


def test_the_end_of_a_field_of_view_is_no_edge_of_the_ceramic() -> None:
    grey, phases = scan(draw_body(1), draw_pose(1, azimuth_deg=0), 1)
    y, x = (np.arange(n) - (n - 1) / 2 for n in SHAPE[1:])
    outside = np.hypot(y[:, None], x[None, :]) > FIELD
    view = ceramic_view(np.where(outside, AIR, grey), np.where(outside, 5, phases), SPACING, "moved")
    assert view.seen is not None
    assert away_from_axis(view.points(view.core)).max() < FIELD - 3
    rng = np.random.default_rng(1)
    for factor in (1, 2):
        level = edge_level(view, view, factor, rng)
        assert len(level.points) > 100
        assert away_from_axis(level.points).max() < FIELD - 2


def test_the_arrays_own_border_is_no_edge_and_hides_nothing() -> None:
    grey, phases = scan(draw_body(1), draw_pose(1, azimuth_deg=0), 1)
    assert ceramic_view(grey[:, 10:], phases[:, 10:], SPACING, "moved").seen is None
