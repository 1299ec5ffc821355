from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from spallmap.figures import style
from spallmap.figures.registration.agreement import (
    HEADING_CHARS,
    blurred,
    checkerboard,
    cut_out,
    draw_edges,
    fusion,
    heading,
)
from spallmap.frames import AffineMap
from spallmap.registration.compose import refused as not_tried
from spallmap.registration.diagnostics import Diagnostics
from tests.unit.figures.picture_checks import REASONS, known


def test_heading_says_verdict_numbers_and_first_reasons() -> None:
    lines = heading("Section", known(AffineMap.identity(), "refused", tre_um=3.21))
    text = " ".join(lines).replace("\N{NO-BREAK SPACE}", " ")
    assert max(map(len, lines)) <= HEADING_CHARS
    assert lines[0].startswith("Section: REFUSED")
    for part in ("score 0.83 (fraction)", "next best 0.55, 320 µm and 14.0°", "u 1.2 µm", "v 0.8 µm"):
        assert part in text
    assert "normal not observable" in text
    assert "error at landmarks 3.21 µm" in text
    assert all(reason in text for reason in REASONS[:3])
    assert REASONS[3] not in text
    assert "and 1 more reason" in text


def test_heading_of_what_was_never_tried_has_no_numbers() -> None:
    text = " ".join(heading("MRI", not_tried("there is no tomogram")))
    assert "no score; " not in text
    assert "no score" in text
    assert "standard error not estimated" in text
    assert "nan" not in text


def test_score_is_named_by_the_diagnostics() -> None:
    told = known(AffineMap.identity(), diagnostics=Diagnostics(score_is="a measure"))
    assert "0.83 (a measure)" in " ".join(heading("MRI", told))


def test_checkerboard_takes_turns_and_stays_pale_where_one_is_missing() -> None:
    first, second = np.zeros((16, 16)), np.ones((16, 16))
    second[12:] = np.nan
    board = checkerboard(first, second, 4)[..., 0]
    assert (board[:4, :4] == 0).all()
    assert (board[:4, 4:8] == 1).all()
    assert (board[4:8, :4] == 1).all()
    assert (board[12:] > 0.9).all()
    assert (board[12:] < 1.0).all()


def test_fusion_is_grey_exactly_where_both_agree() -> None:
    rng = np.random.default_rng(1)
    first = rng.uniform(size=(9, 9))
    second = first.copy()
    second[4, 4] = 1.0 - first[4, 4]
    mixed = fusion(first, second)
    coloured = np.ptp(mixed, axis=-1) > 0
    assert coloured.sum() == 1
    assert coloured[4, 4]
    np.testing.assert_array_equal(mixed[4, 4], (first[4, 4], second[4, 4], first[4, 4]))


@pytest.mark.parametrize("longest", [800, 30])
def test_cut_out_keeps_every_sample_at_its_place(longest: int) -> None:
    x, y = np.meshgrid(np.arange(120) * 0.5, np.arange(90) * 2.0)
    mask = np.zeros(x.shape, bool)
    mask[10:70, 20:120] = True
    field = cut_out(3.0 * x + y, (2.0, 0.5), mask, longest)
    assert max(field.values.shape) <= longest
    np.testing.assert_allclose(field.values, 3.0 * field.points[..., 0] + field.points[..., 1])
    assert field.extent_um == pytest.approx((9.75, 59.75, 139.0, 19.0))


def test_blur_draws_nothing_in_from_outside() -> None:
    values = np.full((30, 30), 7.0)
    values[20:] = np.nan
    smooth = blurred(values, 3.0)
    np.testing.assert_allclose(smooth[:20], 7.0)
    assert np.isnan(smooth[20:]).all()


def test_edges_lie_on_the_rim_of_a_disc_and_leave_texture_out() -> None:
    rng = np.random.default_rng(2)
    y, x = np.mgrid[:100, :100]
    radius = np.hypot(x - 50, y - 50)
    texture = ndimage.gaussian_filter(rng.normal(size=(100, 100)), 4.0)
    values = np.where(radius < 20, 0.0, 1.0) + 0.05 * texture / texture.std()
    # A shallow dip that just crosses the threshold is texture, not an edge.
    values[5:12, 5:12] = 0.45
    axes = style.new_figure().subplots()
    assert draw_edges(axes, values, (-0.5, 99.5, 99.5, -0.5), 1.0)
    points = np.concatenate([p.vertices for p in axes.collections[0].get_paths()])
    assert len(points) > 50
    np.testing.assert_allclose(np.hypot(points[:, 0] - 50, points[:, 1] - 50), 20.0, atol=1.5)


def test_one_grey_has_no_edges() -> None:
    axes = style.new_figure().subplots()
    assert not draw_edges(axes, np.full((9, 9), 3.0), (0, 9, 9, 0))
    assert not draw_edges(axes, np.full((9, 9), np.nan), (0, 9, 9, 0))
