"""What an image may be."""

from __future__ import annotations

import numpy as np
import pytest

from spallmap.image import Image


def test_spatial_shape_leaves_leading_axes_out():
    image = Image(np.zeros((5, 64, 48)), ("echo", "y", "x"), (23.0, 46.0))
    assert image.spatial_shape == (64, 48)
    assert image.n_spatial == 2


@pytest.mark.parametrize(
    ("shape", "axes", "spacing"),
    [
        ((4, 4), ("y",), (1.0, 1.0)),
        ((4, 4), ("x", "y"), (1.0, 1.0)),
        ((4, 4, 4), ("y", "x", "echo"), (1.0, 1.0)),
        ((4, 4), ("y", "x"), (1.0,)),
        ((4, 4), ("y", "x"), (1.0, 0.0)),
        ((4, 4), ("y", "x"), (1.0, float("nan"))),
    ],
)
def test_grids_that_make_no_sense_are_refused(shape, axes, spacing):
    with pytest.raises(ValueError, match=r"ax|spacing"):
        Image(np.zeros(shape), axes, spacing)


def test_a_mask_must_cover_the_spatial_axes():
    with pytest.raises(ValueError, match="mask"):
        Image(np.zeros((2, 4, 4)), ("channel", "y", "x"), (1.0, 1.0), mask=np.ones((2, 4, 4), bool))
