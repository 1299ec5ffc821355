from __future__ import annotations

import numpy as np
import pytest

from spallmap.registration.projection import render_projection
from tests.unit.registration.projection.projection_phantom import (
    IMAGE_SHAPE,
    IMAGE_SPACING_UM,
    SPACING_UM,
    image,
    phases,
    pose,
)


@pytest.mark.parametrize("seed", range(3))
def test_thickness_image_agrees_with_the_closed_form(seed: int) -> None:
    truth = pose(np.random.default_rng(seed), azimuth_deg=25.0, tilt_deg=12.0)
    expected = image(truth, skin_um=None)
    drawn = render_projection(phases(), SPACING_UM, truth, IMAGE_SHAPE, IMAGE_SPACING_UM, model="thickness")
    assert np.linalg.norm(drawn - expected) < 1e-3 * np.linalg.norm(expected)


def test_skin_image_agrees_with_the_closed_form() -> None:
    # Voxels of 8 um are coarse for a skin of 10.7 um; what is left is their sampling of the exponential.
    truth = pose(np.random.default_rng(3))
    expected = image(truth)
    drawn = render_projection(phases(), SPACING_UM, truth, IMAGE_SHAPE, IMAGE_SPACING_UM)
    assert np.linalg.norm(drawn - expected) < 0.05 * np.linalg.norm(expected)


def test_electrodes_are_scaled_by_their_own_gain() -> None:
    truth = pose(np.random.default_rng(4))
    first, second, both = (
        render_projection(phases(), SPACING_UM, truth, IMAGE_SHAPE, IMAGE_SPACING_UM, electrode_gain=gain)
        for gain in ((1.0, 0.0), (0.0, 1.0), (2.0, 3.0))
    )
    # The electrodes lie apart, so magnitudes add but where the point spread's side lobes meet.
    assert np.abs(2.0 * first + 3.0 * second - both).max() < 0.02 * both.max()
    assert first.sum() > 0
    assert second.sum() > 0
