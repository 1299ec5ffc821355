"""Directions that a table gives, against maps known in closed form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spallmap.axes import AxesPrior
from spallmap.frames import grid_centre


def test_axes_prior_directions():
    linear = AxesPrior.parse("-z,y").linear()
    np.testing.assert_array_equal(linear[:, 0], (0, 1, 0))  # columns run along y
    np.testing.assert_array_equal(linear[:, 1], (0, 0, -1))  # rows run along -z
    np.testing.assert_array_equal(AxesPrior.parse("z,y,x").linear(), np.eye(3))
    section = AxesPrior.parse("-z,r").linear(30.0)
    np.testing.assert_allclose(section[:, 0], (np.cos(np.pi / 6), np.sin(np.pi / 6), 0))
    assert np.linalg.det(section) == pytest.approx(1.0)


def test_axes_prior_puts_centre_on_centre():
    prior = AxesPrior.parse("-z,y").map((64, 48), (23.0, 46.0), (190, 324, 324), (4.66,) * 3)
    np.testing.assert_allclose(
        prior(grid_centre((64, 48), (23.0, 46.0))), grid_centre((190, 324, 324), (4.66,) * 3)
    )


@pytest.mark.parametrize("text", ["z", "z,z", "z,-z", "q,y", "z,r,x", "-r,z", "z,y,x,x", ""])
def test_axes_that_make_no_sense_are_refused(text):
    with pytest.raises(ValueError, match="axes"):
        AxesPrior.parse(text)


@given(st.permutations("zyx"), st.lists(st.booleans(), min_size=3, max_size=3))
def test_directions_seen_from_a_rotated_tomogram_point_the_same_way(order, flips):
    tomogram = AxesPrior(tuple(f"-{a}" if f else a for a, f in zip(order, flips, strict=True)))
    image = AxesPrior.parse("-z,y")
    own = image.seen_from(tomogram)
    np.testing.assert_array_equal(
        tomogram.linear() @ own.linear()[:, :2],
        image.linear()[:, :2],
    )
