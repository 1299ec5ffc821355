from __future__ import annotations

import numpy as np
import pytest

from spallmap.figures import (
    projection_picture,
)
from spallmap.frames import AffineMap
from spallmap.registration.compose import refused as not_tried
from tests.unit.figures.picture_checks import assert_inside, head, known, words


@pytest.mark.parametrize("seed", [1, 2])
def test_projection_residual_has_unit_spread_where_the_model_is_right(seed: int) -> None:
    rng = np.random.default_rng(seed)
    model = np.zeros((64, 48))
    model[15:22, 10:38] = 30.0
    model[40:47, 10:38] = 15.0
    sigma = 2.0
    noise = rng.normal(0.0, sigma, (2, *model.shape))
    image = np.hypot(model + noise[0], noise[1])
    exclude = np.zeros(model.shape, bool)
    exclude[24:27, 12:16] = True
    figure = projection_picture(image, model, sigma, (23.0, 46.0), known(AffineMap.identity()), exclude)
    residual = np.asarray(figure.axes[3].images[0].get_array())
    assert residual.std() == pytest.approx(1.0, abs=0.06)
    assert residual.mean() == pytest.approx(0.0, abs=0.06)
    low, high = figure.axes[3].images[0].get_clim()
    assert low == -high
    text = words(figure)
    for part in ("MRI magnitude", "contours of the model", "(MRI − model) / noise sd", "left out of the fit"):
        assert part in text
    assert_inside(figure)


def test_projection_without_model_says_so() -> None:
    image = np.random.default_rng(0).rayleigh(1.0, (30, 20))
    untried = not_tried("the tomogram's phases contain no sodium to project")
    figure = projection_picture(image, None, 1.0, (23.0, 46.0), untried)
    assert "There is no model image" in words(figure)
    assert "contain no sodium to project" in head(figure)
    assert_inside(figure)


def test_projection_of_a_model_without_metal_in_the_field_says_so() -> None:
    image = np.random.default_rng(0).rayleigh(1.0, (30, 20))
    figure = projection_picture(
        image, np.zeros_like(image), 1.0, (23.0, 46.0), known(AffineMap.identity(), "refused")
    )
    assert "the model shows no metal here" in words(figure)


@pytest.mark.parametrize(("shape", "sigma"), [((3, 8, 8), 1.0), ((8, 8), 0.0), ((8, 8), np.nan)])
def test_projection_refuses_what_it_cannot_draw(shape: tuple[int, ...], sigma: float) -> None:
    with pytest.raises(ValueError, match="one plane and a positive sigma"):
        projection_picture(np.ones(shape), None, sigma, (1.0, 1.0), known(AffineMap.identity()))
