from __future__ import annotations

import numpy as np
import pytest

from spallmap.figures.registration.mri_plane import brightest_plane, single_coil_magnitude
from spallmap.figures.registration.projection_picture import projection_picture
from spallmap.frames import AffineMap
from tests.unit.figures.picture_checks import known

SPACING = (60.0, 23.0, 46.0)


@pytest.mark.parametrize("n_coils", [1, 4])
def test_noise_of_several_coils_is_left_with_the_power_of_one(n_coils: int) -> None:
    noise = np.random.default_rng(2).normal(scale=3.0, size=(2 * n_coils, 400, 400))
    seen = single_coil_magnitude(np.sqrt((noise**2).sum(axis=0)) + 20.0, 3.0, n_coils)
    whole = np.sqrt((noise**2).sum(axis=0)) + 20.0
    assert (seen**2).mean() == pytest.approx((whole**2).mean() - 18.0 * (n_coils - 1), rel=1e-12)
    assert single_coil_magnitude(np.zeros((2, 2)), 1.0, 8).max() == 0.0


def test_the_slice_with_the_brightest_model_is_shown() -> None:
    rng = np.random.default_rng(3)
    image, model = rng.uniform(1.0, 2.0, (4, 6, 5)), rng.uniform(size=(4, 6, 5))
    image[1] += 5.0
    model[2] += 5.0
    exclude = rng.uniform(size=image.shape) > 0.9
    by_model = brightest_plane(image, model, 0.1, SPACING, exclude, 1)
    assert by_model.model is not None
    np.testing.assert_allclose(by_model.magnitude, image[2])
    np.testing.assert_array_equal(by_model.model, model[2])
    np.testing.assert_array_equal(by_model.exclude, exclude[2])
    assert by_model.spacing_um == (23.0, 46.0)
    by_image = brightest_plane(image, None, 0.1, SPACING, None, 1)
    np.testing.assert_allclose(by_image.magnitude, image[1])
    assert by_image.model is by_image.exclude is None


def test_a_stack_is_drawn_by_that_slice() -> None:
    rng = np.random.default_rng(4)
    model = np.zeros((3, 40, 30))
    model[1, 10:20, 8:20] = 30.0
    image = model + rng.uniform(1.0, 2.0, model.shape)
    figure = projection_picture(image, model, 1.0, SPACING, known(AffineMap.identity()))
    np.testing.assert_allclose(np.asarray(figure.axes[0].images[0].get_array()), image[1])
