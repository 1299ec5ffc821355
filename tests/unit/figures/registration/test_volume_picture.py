from __future__ import annotations

import numpy as np
import pytest

from spallmap.figures import (
    volume_picture,
)
from spallmap.frames import AffineMap
from tests.unit.figures.picture_checks import FAR, REASONS, SPACING, assert_inside, head, known, words


def test_volume_moved_back_by_its_map_is_grey(volume: np.ndarray) -> None:
    moving = np.roll(volume, (2, -3, 1), axis=(0, 1, 2))
    right = AffineMap.from_parts(np.eye(3), (-4.0, 12.0, -8.0))
    spread = {}
    for name, matrix in (("right", right), ("wrong", right.inverse())):
        figure = volume_picture(moving, SPACING, volume, SPACING, known(matrix))
        fused = [np.asarray(axes.images[0].get_array()) for axes in figure.axes[3:]]
        inner = [np.ptp(f[8:-8, 8:-8], axis=-1).max() for f in fused]
        spread[name] = inner
        assert "ACCEPTED" in head(figure)
    assert max(spread["right"]) == 0.0
    assert min(spread["wrong"]) > 0.3
    text = words(figure)
    for part in ("z = 98 µm", "y = 118 µm", "x = 138 µm", "magenta: fixed", "green: moving", "x →", "z →"):
        assert part in text
    assert_inside(figure)


def test_volume_planes_stand_the_right_way_up() -> None:
    grey = np.zeros((20, 20, 20))
    grey[15:] = 1000.0
    figure = volume_picture(grey, SPACING, grey, SPACING, known(AffineMap.identity()))
    picture = np.asarray(figure.axes[1].images[0].get_array())[..., 0]
    assert picture[0].mean() > picture[-1].mean()
    assert figure.axes[1].get_ylim() == pytest.approx((-2.0, 78.0))


def test_volume_without_overlap_says_so(volume: np.ndarray) -> None:
    figure = volume_picture(volume, SPACING, volume, SPACING, known(FAR, "refused"))
    assert words(figure).count("No part of the other tomogram") == 6
    assert all(reason in head(figure) for reason in REASONS[:3])
